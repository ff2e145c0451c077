from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class StaffConfig(AppConfig):
    name = "portal.staff"
    label = "staff"
    verbose_name = "Management"
    # The admin's own configuration, below, lives here too: Django is told which one "portal.staff" means.
    default = True


class StaffAdmin(admin_apps.AdminConfig):
    default_site = "portal.staff.site.StaffSite"
    default = False
