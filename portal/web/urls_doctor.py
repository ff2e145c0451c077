"""The doctor: of partners' roles, and of a person's own refusals."""

from django.urls import URLPattern, path

from portal.web import doctor

urlpatterns: list[URLPattern] = [
    path("doctor/", doctor.doctor, name="doctor"),
    path("doctor/why/<uuid:grant_id>/", doctor.why, name="why"),
]
