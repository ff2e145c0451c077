"""A browser's way through a SAML sign-in, step by step, so that a test can come between any two of them."""

import base64
import zlib
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

from django.conf import settings
from django.test import Client
from django.urls import reverse

from portal.audit.models import AuditEvent
from portal.directory.models import IdentityProvider, SamlSettings
from tests.saml_forge import Forge, KeyPair, rsa_key
from tests.world import Answer

OWN = "https://idp.example.test/metadata"
OTHER = "https://idp.other.test/metadata"


@dataclass(frozen=True)
class Asked:
    """What `begin` sent to the identity provider."""

    provider: IdentityProvider
    request_id: str
    relay_state: str
    acs_url: str


def make_provider(
    slug: str = "own", *, entity_id: str = OWN, key: KeyPair | None = None, **fields: object
) -> IdentityProvider:
    """A SAML provider; `fields` may be its own or its SAML settings'."""
    own = {name: fields.pop(name) for name in ("allow_aes_cbc", "max_assertion_minutes") if name in fields}
    known: dict[str, object] = {
        "slug": slug,
        "name": f"Provider {slug}",
        "name_attribute": "",
        "email_attribute": "mail",
    }
    provider = IdentityProvider.objects.create(**{**known, **fields})
    SamlSettings.objects.create(
        provider=provider, entity_id=entity_id, metadata=described(entity_id, key or rsa_key(slug)), **own
    )
    return provider


def described(entity_id: str, key: KeyPair) -> str:
    sso = f"{urlsplit(entity_id).scheme}://{urlsplit(entity_id).netloc}/sso"
    return f"""<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity_id}">\
<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">\
<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>\
<ds:X509Certificate>{key.body}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\
<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{sso}"/>\
</md:IDPSSODescriptor></md:EntityDescriptor>"""


def ask(browser: Client, provider: IdentityProvider, *, next_path: str = "/") -> Asked:
    begun = browser.post(reverse("web:saml-begin", args=[provider.slug]), {"next": next_path})
    assert begun.status_code == 303, begun.content
    query = parse_qs(urlsplit(begun.headers["Location"]).query)
    request = ET.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), -zlib.MAX_WBITS))
    return Asked(
        provider, request.attrib["ID"], query["RelayState"][0], request.attrib["AssertionConsumerServiceURL"]
    )


def forge(asked: Asked, **changes: object) -> Forge:
    """The provider that was asked, ready to answer; `changes` are the attack."""
    known: dict[str, object] = {
        "key": rsa_key(asked.provider.slug),
        "entity_id": asked.provider.saml.entity_id,
        "sp_entity_id": settings.SAML_ENTITY_ID,
        "acs_url": settings.SAML_ACS_URL,
        "request_id": asked.request_id,
    }
    return Forge(**{**known, **changes})  # type: ignore[arg-type]


def deliver(relay_state: str, response: str) -> Answer:
    """The POST from the provider's site: a browser sends none of our SameSite cookies with it."""
    return Client().post(reverse("web:saml-acs"), {"RelayState": relay_state, "SAMLResponse": response})


def come_back(browser: Client, asked: Asked, response: str) -> Answer:
    """Deliver the answer, and follow the 303 with the browser's own cookies."""
    kept = deliver(asked.relay_state, response)
    if kept.status_code != 303:
        return kept
    return browser.get(kept.headers["Location"])


def is_signed_in(browser: Client) -> bool:
    return browser.get(reverse("web:my-access")).status_code == 200


def refusals() -> list[str]:
    """The reasons in the audit trail, oldest first."""
    events = AuditEvent.objects.filter(type="directory.sign_in.refused").order_by("id")
    assert all(event.outcome == "refused" for event in events)
    return [event.details["reason"] for event in events]
