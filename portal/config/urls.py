from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("portal.web.urls")),
    path("api/", include("portal.api.urls")),
    path("scim/v2/<slug:slug>/", include("portal.scim.urls")),
    path("manage/", admin.site.urls),
]
handler400 = "portal.web.errors.bad_request"
handler403 = "portal.web.errors.forbidden"
handler404 = "portal.web.errors.not_found"
handler500 = "portal.web.errors.server_error"
