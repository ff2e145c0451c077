"""Logout that begins at the OpenID provider: it says which sign-ins are over, and they are, here too."""

import logging

from django.db import transaction
from django.db.models import QuerySet

from brokers.errors import IdentityUnavailable, SignInRejected
from brokers.ports import OidcClient
from brokers.types import OidcLogout
from portal.directory.models import IdentityProvider, SignIn
from portal.identity.identity_providers import as_oidc
from portal.identity.operations.complete_sign_in import Once, remember
from portal.identity.operations.end_sign_ins import end_sign_ins
from portal.identity.operations.refusing import SignInRefusedError, refused, unavailable
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.sealing import fingerprint

log = logging.getLogger(__name__)
WHY = "signed out at the provider"


def end_by_back_channel(*, provider: IdentityProvider, logout_token: str, oidc: OidcClient) -> int:
    """End the sign-ins that a logout token names (OpenID Connect Back-Channel Logout 1.0). Returns how many ended.

    Raises:
        SignInRefusedError: the token is not to be believed, or came before. It is in the log, and ends nothing.
        UpstreamError: the provider's keys can't be had now.
    """
    try:
        logout = oidc.read_logout(as_oidc(provider), logout_token, at=database_now())
    except IdentityUnavailable as problem:
        raise unavailable(provider, problem) from None
    except SignInRejected as problem:
        log.warning("a logout token at %s: %s", provider.slug, problem)
        raise refused(problem) from None
    actor = Actor.system(f"log-out at {provider.slug}")
    with transaction.atomic():
        remember(provider, Once(f"logout:{fingerprint(logout.token_id)}", logout.valid_until))
        return end_sign_ins(_meant(provider, logout), why=WHY, actor=actor)


def end_by_front_channel(*, provider: IdentityProvider, issuer: str, session_id: str) -> int:
    """End the sign-in that the provider's page names by its session (OpenID Connect Front-Channel Logout 1.0).

    The browser's cookie doesn't come along, as the page is another site's: the session's name, which nobody else
    knows, is what counts. Returns how many ended.

    Raises:
        SignInRefusedError: no session is named, or by another issuer.
    """
    if not session_id or issuer != provider.oidc.issuer:
        raise SignInRefusedError("oidc.session", f"{issuer[:200]!r} named a session")
    meant = SignIn.objects.filter(identity__provider=provider, session_ref=session_id)
    return end_sign_ins(meant, why=WHY, actor=Actor.system(f"log-out at {provider.slug}"))


def _meant(provider: IdentityProvider, logout: OidcLogout) -> QuerySet[SignIn]:
    """The session, where one is named; else all of the subject's (Back-Channel Logout 1.0, section 2.6)."""
    meant = SignIn.objects.filter(identity__provider=provider)
    if logout.subject:
        meant = meant.filter(identity__subject=logout.subject)
    return meant.filter(session_ref=logout.session_id) if logout.session_id else meant
