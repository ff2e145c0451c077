"""An identity provider's metadata, signed by whoever it is to be signed by."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from lxml import etree

from tests.saml_forge.edits import Edit, find
from tests.saml_forge.idp import IDP_ENTITY_ID, Forge, compute, stamp
from tests.saml_forge.keys import KeyPair, rsa_key

NAMESPACES = 'xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"


@dataclass
class Described:
    """What is said of a provider. `signer` signs the whole of it; `alter` comes before that, `finish` after."""

    entity_id: str = IDP_ENTITY_ID
    keys: Sequence[KeyPair] = (rsa_key(),)
    sso_url: str = ""
    slo_url: str = ""
    slo_response_url: str = ""
    valid_until: datetime | None = None
    more: str = ""
    signer: KeyPair | None = None
    alter: Edit = lambda _: None
    finish: Edit = lambda _: None
    template: Edit = lambda _: None

    def document(self) -> bytes:
        root = etree.fromstring(self.plain())
        self.alter(root)
        if self.signer is not None:
            signature = Forge()._template(root.get("ID", ""))
            root.insert(0, signature)
            self.template(signature)
            compute(root, signature, self.signer)
        self.finish(root)
        return etree.tostring(root)

    def text(self) -> str:
        return self.document().decode()

    def plain(self) -> bytes:
        parts = urlsplit(self.entity_id)
        origin = f"{parts.scheme}://{parts.netloc}"
        until = f' validUntil="{stamp(self.valid_until)}"' if self.valid_until else ""
        response = f' ResponseLocation="{self.slo_response_url}"' if self.slo_response_url else ""
        slo = (
            f'<md:SingleLogoutService Binding="{REDIRECT}" Location="{self.slo_url}"{response}/>'
            if self.slo_url
            else ""
        )
        keys = "".join(
            '<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>'
            f"{key.body}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
            for key in self.keys
        )
        return (
            f'<md:EntityDescriptor {NAMESPACES} ID="_described" entityID="{self.entity_id}"{until}>'
            f'<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"{self.more}>'
            f'{keys}{slo}<md:SingleSignOnService Binding="{REDIRECT}" Location="{self.sso_url or origin + "/sso"}"/>'
            "</md:IDPSSODescriptor></md:EntityDescriptor>"
        ).encode()


def sign_inner(root: etree._Element, key: KeyPair) -> None:
    """Sign the element in place, as a root is: for what stands inside of another document."""
    signature = Forge()._template(root.get("ID", ""))
    root.insert(0, signature)
    compute(root, signature, key)


def signature_of(root: etree._Element) -> etree._Element:
    return find(root, "./ds:Signature")
