"""Who calls: a bearer token of a person's own making, or a signed-in browser with its CSRF token."""

import dataclasses

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from portal.api.refusals import CsrfFailed
from portal.directory.models import ApiToken, Person
from portal.directory.operations.api_tokens import find_token
from portal.directory.requests import actor_of
from portal.kernel.actor import Actor, ActorKind

REALM = 'Bearer realm="sallyport"'


class ApiTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer sp_…`. A token that is wrong, over or revoked is refused, never passed over."""

    def authenticate(self, request: Request) -> tuple[Person, ApiToken] | None:
        scheme, _, plain = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = find_token(plain=plain.strip())
        if token is None:
            raise AuthenticationFailed(
                "This token is unknown, revoked or over: make a new one in the portal."
            )
        return token.person, token

    def authenticate_header(self, request: Request) -> str:
        sent = "HTTP_AUTHORIZATION" in request.META
        return f'{REALM}, error="invalid_token"' if sent else REALM


class BrowserAuthentication(SessionAuthentication):
    """The portal's own session, with CSRF protection on everything that changes state."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as problem:
            raise CsrfFailed from problem


def caller(request: Request) -> Actor:
    """Return who acts: the token's person by that token, or the person at the browser.

    A token has its own second factor: what its person gave in some browser is not its.
    """
    plain = request._request  # noqa: SLF001  # DRF's request wraps Django's, and offers no other way to it
    if not isinstance(request.auth, ApiToken):
        return actor_of(plain)
    actor = actor_of(plain, kind=ActorKind.TOKEN)
    return dataclasses.replace(
        actor,
        label=f"{actor.label}, token {request.auth.name}",
        factor_at=request.auth.factor_at,
        api_token_id=request.auth.pk,
    )
