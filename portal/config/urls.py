from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("portal.web.urls")),
    path("api/", include("portal.api.urls")),
    path("manage/", admin.site.urls),
]
