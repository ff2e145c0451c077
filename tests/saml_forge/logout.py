"""Log-out messages as an identity provider sends them, signed anew whatever they say."""

import base64
import secrets
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from tests.saml_forge.edits import Edit, element, find
from tests.saml_forge.idp import IDP_ENTITY_ID, RSA_SHA256, Forge, compute, stamp
from tests.saml_forge.keys import KeyPair, rsa_key

SLO_URL = "https://sallyport.example.test/saml/slo"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
Hash = hashes.SHA1 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512
DIGESTS: dict[str, type[Hash]] = {
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


@dataclass
class Logout:
    """One message. `answers`: the id of the request that a LogoutResponse answers; None makes a LogoutRequest.

    `alter` comes before signing, `finish` after (of a posted one), `query_edit` changes the signed query.
    """

    key: KeyPair = field(default_factory=rsa_key)
    entity_id: str = IDP_ENTITY_ID
    destination: str = SLO_URL
    name_id: str = "alice"
    name_id_format: str = PERSISTENT
    session_indexes: tuple[str, ...] = ("_session",)
    answers: str | None = None
    status: str = "urn:oasis:names:tc:SAML:2.0:status:Success"
    request_id: str = field(default_factory=lambda: f"_{secrets.token_hex(20)}")
    issued: datetime = field(default_factory=lambda: datetime.now(UTC))
    relay_state: str | None = None
    algorithm: str = RSA_SHA256
    signs: bool = True
    alter: Edit = lambda _: None
    finish: Edit = lambda _: None
    query_edit: Callable[[str], str] = lambda query: query

    @property
    def parameter(self) -> str:
        return "SAMLRequest" if self.answers is None else "SAMLResponse"

    def query(self) -> str:
        """The query string of the HTTP-Redirect binding."""
        compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        deflated = compressor.compress(self._document()) + compressor.flush()
        fields = {self.parameter: base64.b64encode(deflated).decode()}
        if self.relay_state is not None:
            fields["RelayState"] = self.relay_state
        if not self.signs:
            return self.query_edit(_encoded(fields))
        signed = _encoded({**fields, "SigAlg": self.algorithm})
        signature = base64.b64encode(sign(self.key, self.algorithm, signed.encode())).decode()
        return self.query_edit(f"{signed}&{_encoded({'Signature': signature})}")

    def posted(self) -> str:
        """The form field of the HTTP-POST binding, signed in the document."""
        root = etree.fromstring(self._document())
        if self.signs:
            signature = Forge(signature_algorithm=self.algorithm)._template(root.get("ID", ""))
            find(root, "./saml:Issuer").addnext(signature)
            compute(root, signature, self.key)
        self.finish(root)
        return base64.b64encode(etree.tostring(root)).decode()

    def _document(self) -> bytes:
        root = element(self._text())
        self.alter(root)
        return etree.tostring(root)

    def _text(self) -> str:
        times = f'Version="2.0" IssueInstant="{stamp(self.issued)}"'
        common = f'ID="{self.request_id}" {times} Destination="{self.destination}"'
        issuer = f"<saml:Issuer>{self.entity_id}</saml:Issuer>"
        if self.answers is not None:
            return (
                f'<samlp:LogoutResponse {common} InResponseTo="{self.answers}">{issuer}'
                f'<samlp:Status><samlp:StatusCode Value="{self.status}"/></samlp:Status></samlp:LogoutResponse>'
            )
        indexes = "".join(f"<samlp:SessionIndex>{each}</samlp:SessionIndex>" for each in self.session_indexes)
        ends = stamp(self.issued + timedelta(minutes=5))
        return (
            f'<samlp:LogoutRequest {common} NotOnOrAfter="{ends}">{issuer}'
            f'<saml:NameID Format="{self.name_id_format}">{self.name_id}</saml:NameID>{indexes}</samlp:LogoutRequest>'
        )


def sign(pair: KeyPair, algorithm: str, message: bytes) -> bytes:
    key = load_pem_private_key(pair.private.encode(), None)
    digest = DIGESTS[algorithm.rpartition("-")[2]]()
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), digest)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    size = (key.curve.key_size + 7) // 8
    return b"".join(
        part.to_bytes(size, "big") for part in decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
    )


def _encoded(fields: dict[str, str]) -> str:
    return "&".join(f"{name}={quote_plus(value)}" for name, value in fields.items())
