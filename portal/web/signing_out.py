"""Signing out at the provider too: where to send the browser once its session here has ended."""

from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from django.http import HttpRequest

from portal.directory.models import IdentityProvider, SignIn
from portal.web import oidc, saml_logout
from portal.web.signing_in import SIGN_IN

# By the provider's kind: `logout_redirect(request, sign_in)` of its protocol, which returns None where the provider
# offers nothing. It must not raise: by then the session here has ended, and what the provider does is its own matter.
Redirect = Callable[[HttpRequest, SignIn], str | None]
REDIRECTS: Final[Mapping[str, Redirect]] = {
    IdentityProvider.Kind.SAML: saml_logout.logout_redirect,
    IdentityProvider.Kind.OIDC: oidc.logout_redirect,
}


def current_sign_in(request: HttpRequest) -> SignIn | None:
    """Return the sign-in that this browser's session is; to be asked for before the session ends."""
    told = request.session.get(SIGN_IN)
    if told is None:
        return None
    return SignIn.objects.select_related("identity__provider").filter(pk=UUID(told)).first()


def logout_redirect(request: HttpRequest, sign_in: SignIn | None) -> str | None:
    """Return the address at which the provider signs the browser out too; None where it offers none."""
    if sign_in is None:
        return None
    provider: IdentityProvider = sign_in.identity.provider
    redirect = REDIRECTS.get(provider.kind)
    return None if redirect is None else redirect(request, sign_in)
