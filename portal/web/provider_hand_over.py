"""What an admin gives to the provider: the portal's own names and addresses, by protocol."""

from django.conf import settings
from django.urls import reverse

from portal.directory.models import IdentityProvider
from portal.web.presenters.providers import CopyField

Kind = IdentityProvider.Kind


def hand_over(provider: IdentityProvider) -> tuple[CopyField, ...]:
    if provider.kind == Kind.SAML:
        return (
            CopyField(
                "sp-metadata",
                "Metadata",
                absolute("web:saml-metadata"),
                "Has all of it; most providers read it.",
            ),
            CopyField("sp-entity-id", "Entity ID (audience)", settings.SAML_ENTITY_ID),
            CopyField("sp-acs", "Assertion consumer address (ACS)", settings.SAML_ACS_URL),
            CopyField("sp-slo", "Single logout address (SLO)", settings.SAML_SLO_URL),
        )
    if provider.kind == Kind.OIDC:
        return (
            CopyField("rp-redirect", "Redirect URI", settings.OIDC_REDIRECT_URI),
            CopyField(
                "rp-back-channel",
                "Back-channel logout URI",
                absolute("web:oidc-back-channel", provider.slug),
                "Where it can do that: then a sign-out there ends sign-ins here at once.",
            ),
            CopyField(
                "rp-front-channel",
                "Front-channel logout URI",
                absolute("web:oidc-front-channel", provider.slug),
                "Only where it can't do the other.",
            ),
            CopyField("rp-signed-out", "Allowed sign-out URL", absolute("web:sign-in")),
        )
    return ()


def scim_address(provider: IdentityProvider) -> str:
    """Where the provider's SCIM client writes to; most add a slash and the rest by themselves."""
    return absolute("scim:root", provider.slug).rstrip("/")


def absolute(name: str, *args: object) -> str:
    return settings.PORTAL_URL + reverse(name, args=args)
