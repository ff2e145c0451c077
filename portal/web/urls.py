from django.urls import path

from portal.web import (
    console,
    credentials,
    grants,
    health,
    metrics,
    my_access,
    now,
    saml,
    sign_in,
    tokens,
)

app_name = "web"
urlpatterns = [
    path("", my_access.my_access, name="my-access"),
    path("grants/", my_access.grants_fragment, name="grants-fragment"),
    path("grants/<uuid:grant_id>/", grants.grant, name="grant"),
    path("grants/<uuid:grant_id>/credentials", credentials.credentials, name="credentials"),
    path("grants/<uuid:grant_id>/console", console.open_console, name="open-console"),
    path("grants/<uuid:grant_id>/revoke", grants.revoke, name="revoke"),
    path("console/<str:token>", console.console_link, name="console-link"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<uuid:token_id>/revoke", tokens.token_revoke, name="token-revoke"),
    path("sign-in/", sign_in.sign_in, name="sign-in"),
    path("sign-in/saml/<slug:slug>/begin", saml.begin, name="saml-begin"),
    path("sign-in/saml/acs", saml.acs, name="saml-acs"),
    path("sign-in/saml/finish/<uuid:pending_id>", saml.finish, name="saml-finish"),
    path("sign-in/saml/metadata", saml.metadata, name="saml-metadata"),
    path("sign-out", sign_in.sign_out, name="sign-out"),
    path("now/", now.now, name="now"),
    path("now/state", now.now_state, name="now-state"),
    path("now/next", now.now_next, name="now-next"),
    path("now/cutoffs", now.now_cutoffs, name="now-cutoffs"),
    path("now/retry", now.retry, name="now-retry"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
]
