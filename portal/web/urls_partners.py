"""Partners for admins. What has a name of its own stands before what may be any partner's short name."""

from django.urls import URLPattern, path

from portal.web import drift, partner_accounts, partner_grant, partner_suspending, partners

ACCOUNT = "partners/<slug:slug>/accounts/<uuid:account_id>"
urlpatterns: list[URLPattern] = [
    path("partners/", partners.partners, name="partners"),
    path("partners/new/", partners.partner_new, name="partner-new"),
    path("partners/colleagues", partners.partner_colleagues, name="partner-colleagues"),
    path("partners/drift/", drift.drift, name="drift"),
    path("partners/drift/state", drift.drift_state, name="drift-state"),
    path("partners/drift/check", drift.drift_check, name="drift-check"),
    path("partners/drift/<uuid:drift_id>/repair/", drift.drift_repair, name="drift-repair"),
    path("partners/drift/<uuid:drift_id>/accept/", drift.drift_accept, name="drift-accept"),
    path("partners/<slug:slug>/", partners.partner, name="partner"),
    path("partners/<slug:slug>/roles", partners.partner_roles, name="partner-roles"),
    path("partners/<slug:slug>/grant/", partner_grant.partner_grant, name="partner-grant"),
    path("partners/<slug:slug>/suspend/", partner_suspending.partner_suspend, name="partner-suspend"),
    path("partners/<slug:slug>/resume/", partner_suspending.partner_resume, name="partner-resume"),
    path("partners/<slug:slug>/ended/", partner_suspending.partner_ended, name="partner-ended"),
    path(
        "partners/<slug:slug>/ended/state", partner_suspending.partner_ended_state, name="partner-ended-state"
    ),
    path(
        "partners/<slug:slug>/accounts/new/", partner_accounts.partner_account_new, name="partner-account-new"
    ),
    path(f"{ACCOUNT}/", partner_accounts.partner_account, name="partner-account"),
    path(f"{ACCOUNT}/proofs", partner_accounts.partner_proofs, name="partner-proofs"),
    path(f"{ACCOUNT}/prove", partner_accounts.partner_prove, name="partner-prove"),
    path(f"{ACCOUNT}/rotate/", partner_accounts.partner_account_rotate, name="partner-account-rotate"),
    path(f"{ACCOUNT}/close/", partner_accounts.partner_account_close, name="partner-account-close"),
]
