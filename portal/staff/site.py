from django.contrib.admin import AdminSite


class StaffSite(AdminSite):
    site_header = site_title = "Sallyport"
    index_title = "Manage access"
