"""Partners: their records, their own AWS accounts, grants to those, drift, the doctor, scopes."""

from django.urls import URLPattern, path

from portal.api.views.doctor import DoctorView
from portal.api.views.drift import AcceptDriftView, DriftsView, RepairDriftView
from portal.api.views.partner_grants import (
    MakePartnerGrantView,
    PartnerGrantsView,
    PreviewPartnerGrantView,
)
from portal.api.views.partner_records import (
    CloseAccountView,
    PartnerAccountsView,
    PartnerAccountView,
    PartnersView,
    PartnerView,
    RotateView,
)
from portal.api.views.scopes import LintView, ScopesView

ACCOUNT = "v1/partner-accounts/<uuid:partner_account_id>"
urlpatterns: list[URLPattern] = [
    path("v1/partners", PartnersView.as_view(), name="partners"),
    path("v1/partners/<uuid:partner_id>", PartnerView.as_view(), name="partner"),
    path("v1/partners/<uuid:partner_id>/accounts", PartnerAccountsView.as_view(), name="partner-accounts"),
    path("v1/partners/<uuid:partner_id>/grants", PartnerGrantsView.as_view(), name="partner-grants"),
    path(ACCOUNT, PartnerAccountView.as_view(), name="partner-account"),
    path(f"{ACCOUNT}/close", CloseAccountView.as_view(), name="close-partner-account"),
    path(f"{ACCOUNT}/rotate", RotateView.as_view(), name="rotate-external-id"),
    path("v1/partner-grants", MakePartnerGrantView.as_view(), name="make-partner-grant"),
    path("v1/partner-grants/preview", PreviewPartnerGrantView.as_view(), name="preview-partner-grant"),
    path("v1/drift", DriftsView.as_view(), name="drifts"),
    path("v1/drift/<uuid:drift_id>/repair", RepairDriftView.as_view(), name="repair-drift"),
    path("v1/drift/<uuid:drift_id>/accept", AcceptDriftView.as_view(), name="accept-drift"),
    path("v1/doctor", DoctorView.as_view(), name="doctor"),
    path("v1/scopes", ScopesView.as_view(), name="scopes"),
    path("v1/scopes/lint", LintView.as_view(), name="lint-scope"),
]
