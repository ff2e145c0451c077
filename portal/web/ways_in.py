"""Where people may sign in: one list of providers of all kinds, and where the forms of a page that offers them lead."""

from collections.abc import Iterable
from typing import Final

from django.urls import reverse

from portal.directory.models import IdentityProvider
from portal.web.oidc import issuer_origin
from portal.web.presenters import ProviderChoice
from portal.web.saml import sso_origins

Kind = IdentityProvider.Kind
# By kind: the address that begins, and whether a form is posted to it. Accounts of the portal's own are no choice.
BEGIN: Final = {
    Kind.SAML: ("web:saml-begin", True),
    Kind.OIDC: ("web:oidc-begin", True),
    Kind.LDAP: ("web:ldap-sign-in", False),
}


def choices(providers: Iterable[IdentityProvider]) -> list[ProviderChoice]:
    """Return a choice for each provider that people can choose: those that are set up."""
    return [
        _choice(provider) for provider in providers if Kind(provider.kind) in BEGIN and is_set_up(provider)
    ]


def form_origins(providers: Iterable[IdentityProvider]) -> list[str]:
    """Return the origins that a form which begins at one of `providers` is redirected to. Asks nobody."""
    known = [provider for provider in providers if is_set_up(provider)]
    saml = sso_origins(provider for provider in known if provider.kind == Kind.SAML)
    oidc = [issuer_origin(provider) for provider in known if provider.kind == Kind.OIDC]
    return [*saml, *oidc]


def is_set_up(provider: IdentityProvider) -> bool:
    """Whether there are settings of its kind."""
    return hasattr(provider, provider.kind)


def _choice(provider: IdentityProvider) -> ProviderChoice:
    hint = f"for people of {provider.partner.name}" if provider.partner else ""
    name, is_posted = BEGIN[Kind(provider.kind)]
    return ProviderChoice(
        slug=provider.slug,
        name=provider.name,
        hint=hint,
        begin_url=reverse(name, args=[provider.slug]),
        is_posted=is_posted,
    )
