from django.urls import path, re_path

from portal.api import urls_exchange, urls_partners
from portal.api.views.console_links import ConsoleLinksView
from portal.api.views.credential_tokens import CredentialTokensView, CredentialTokenView
from portal.api.views.credentials import CredentialsView
from portal.api.views.entitlements import EntitlementsView, TakeView
from portal.api.views.grant_choice import GrantChoiceView
from portal.api.views.grant_doctor import GrantDoctorView
from portal.api.views.grants import GrantsView, GrantView
from portal.api.views.lifecycle import CutSessionsView, ExtendView, ReleaseView, RevocationView, RevokeView
from portal.api.views.me import MeView
from portal.api.views.partners import ResumeView, SuspendView
from portal.api.views.schema import NowhereView, SchemaView

app_name = "api"
urlpatterns = [
    path("v1/me", MeView.as_view(), name="me"),
    path("v1/entitlements", EntitlementsView.as_view(), name="entitlements"),
    path("v1/entitlements/<uuid:entitlement_id>/take", TakeView.as_view(), name="take"),
    path("v1/grants", GrantsView.as_view(), name="grants"),
    path("v1/grants/<uuid:grant_id>", GrantView.as_view(), name="grant"),
    path("v1/grants/<uuid:grant_id>/choice", GrantChoiceView.as_view(), name="grant-choice"),
    path("v1/grants/<uuid:grant_id>/doctor", GrantDoctorView.as_view(), name="grant-doctor"),
    path("v1/grants/<uuid:grant_id>/credentials", CredentialsView.as_view(), name="credentials"),
    path("v1/grants/<uuid:grant_id>/tokens", CredentialTokensView.as_view(), name="credential-tokens"),
    path(
        "v1/grants/<uuid:grant_id>/tokens/<uuid:token_id>",
        CredentialTokenView.as_view(),
        name="credential-token",
    ),
    path("v1/grants/<uuid:grant_id>/console-links", ConsoleLinksView.as_view(), name="console-links"),
    path("v1/grants/<uuid:grant_id>/extend", ExtendView.as_view(), name="extend"),
    path("v1/grants/<uuid:grant_id>/release", ReleaseView.as_view(), name="release"),
    path("v1/grants/<uuid:grant_id>/revoke", RevokeView.as_view(), name="revoke"),
    path("v1/grants/<uuid:grant_id>/cut-sessions", CutSessionsView.as_view(), name="cut-sessions"),
    path("v1/grants/<uuid:grant_id>/revocation", RevocationView.as_view(), name="revocation"),
    path("v1/partners/<uuid:partner_id>/suspend", SuspendView.as_view(), name="suspend"),
    path("v1/partners/<uuid:partner_id>/resume", ResumeView.as_view(), name="resume"),
    *urls_partners.urlpatterns,
    *urls_exchange.urlpatterns,
    path("v1/schema", SchemaView.as_view(), name="schema"),
    re_path(r"", NowhereView.as_view(), name="nowhere"),
]
