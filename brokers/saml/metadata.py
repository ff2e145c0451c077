"""An identity provider's metadata (saml-metadata-2.0-os), from a pinned document; no network."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NoReturn

from cryptography import x509
from lxml import etree

from brokers.errors import SamlMetadataRejected, SamlRejected
from brokers.saml import certificates, names, shape, signatures
from brokers.saml.config import LOOPBACK, url_fault
from brokers.saml.names import DS, MD, Element
from brokers.saml.parsing import parse
from brokers.saml.reading import moment
from brokers.saml.reasons import MetadataReason
from brokers.types import SamlIdentityProvider

MAX_BYTES: Final = 4 * 1024 * 1024  # a federation's aggregate; one provider's own has some kilobytes
MAX_ENTITY_ID: Final = 1024


class MetadataReader:
    """Reads what the portal needs of an identity provider: its name, where to ask, its keys.

    Verifies a signature on the document only by a `signer` that is given: else the admin who gives the document
    vouches for it, and it stays as given until somebody gives another. `http_hosts`: hosts whose addresses may be
    plain http.
    """

    def __init__(
        self,
        *,
        http_hosts: frozenset[str] = LOOPBACK,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._http_hosts = http_hosts
        self._clock = clock

    def __call__(
        self, document: bytes, *, entity_id: str | None = None, signer: str | None = None
    ) -> SamlIdentityProvider:
        """Read `document`: one EntityDescriptor, or an EntitiesDescriptor of which `entity_id` names one.

        `signer`: a PEM certificate. With it, the document's root must be signed by its key, with the transforms and
        algorithms that responses may use (saml-metadata-2.0-os, 3); what was signed is all that is read.

        Certificates past their date are left out: the date is the company's own word that the key has been
        retired, and during a rollover old and new stand side by side. When none is left the document is
        refused, also at a sign-in: an alarm says so two weeks before. A weak key refuses the document even
        beside a strong one, since either could sign.

        Raises:
            SamlMetadataRejected: with one of MetadataReason.
        """
        at = self._clock()
        root = _root(document)
        if signer is not None:
            _verify(root, signer)
        entity = _entity(root, entity_id)
        name = entity.get("entityID", "")
        if not 0 < len(name) <= MAX_ENTITY_ID:
            _refuse(MetadataReason.ENTITY, f"an entityID of {len(name)} characters")
        _check_expiry(entity, at)
        role = _role(entity)
        _check_expiry(role, at)
        found = _certificates(role, at)
        slo, slo_response = self._slo_urls(role)
        return SamlIdentityProvider(
            entity_id=name,
            sso_url=self._sso_url(role),
            certificates=tuple(found),
            slo_url=slo,
            slo_response_url=slo_response,
            wants_signed_requests=role.get("WantAuthnRequestsSigned") in {"true", "1"},
            certificates_end_at=tuple(found.values()),
            valid_until=_valid_until(role),
        )

    def _sso_url(self, role: Element) -> str:
        service = role.find(f"{MD}SingleSignOnService[@Binding='{names.HTTP_REDIRECT}']")
        if service is None:
            _refuse(MetadataReason.SSO_URL, "no SingleSignOnService by HTTP-Redirect")
        url = service.get("Location", "")
        if fault := url_fault(url, http_hosts=self._http_hosts):
            _refuse(MetadataReason.SSO_URL, f"{url!r} {fault}")
        return url

    def _slo_urls(self, role: Element) -> tuple[str | None, str | None]:
        """Return where log-out requests and answers go; an address that can't be used is no reason to refuse all."""
        service = role.find(f"{MD}SingleLogoutService[@Binding='{names.HTTP_REDIRECT}']")
        if service is None:
            return None, None
        location = service.get("Location", "")
        urls = (location, service.get("ResponseLocation") or location)
        slo, response = (None if url_fault(url, http_hosts=self._http_hosts) else url for url in urls)
        return slo, response


def _refuse(reason: MetadataReason, detail: str) -> NoReturn:
    raise SamlMetadataRejected(reason, detail)


def _root(document: bytes) -> Element:
    if len(document) > MAX_BYTES:
        _refuse(MetadataReason.SIZE, f"{len(document)} bytes; allowed are {MAX_BYTES}")
    if b"<!DOCTYPE" in document:
        _refuse(MetadataReason.DOCTYPE, "a document type declaration")
    try:
        root = parse(document)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise SamlMetadataRejected(MetadataReason.MALFORMED, f"not XML: {error}") from error
    if root.tag not in {f"{MD}EntityDescriptor", f"{MD}EntitiesDescriptor"}:
        _refuse(MetadataReason.ROOT, f"root is {root.tag}")
    return root


def _entity(root: Element, entity_id: str | None) -> Element:
    entities = [
        entity for entity in root.iter(f"{MD}EntityDescriptor") if entity_id in {None, entity.get("entityID")}
    ]
    if len(entities) != 1:
        _refuse(MetadataReason.ENTITY, f"{len(entities)} entities fit {entity_id or 'where none was named'}")
    return entities[0]


def _check_expiry(entity: Element, at: datetime) -> None:
    for element in (entity, *entity.iterancestors()):
        if element.get("validUntil") is not None:
            ends = moment(element, "validUntil")
            if ends is None or ends <= at:
                _refuse(MetadataReason.EXPIRED, f"validUntil is {element.get('validUntil')}")


def _role(entity: Element) -> Element:
    for role in entity.iterfind(f"{MD}IDPSSODescriptor"):
        if names.PROTOCOL in role.get("protocolSupportEnumeration", "").split():
            return role
    _refuse(MetadataReason.ROLE, "no IDPSSODescriptor for SAML 2.0")


def _valid_until(role: Element) -> datetime | None:
    ends = (moment(element, "validUntil") for element in (role, *role.iterancestors()))
    return min((end for end in ends if end is not None), default=None)


def _verify(root: Element, signer: str) -> None:
    try:
        shape.check_signatures(root)
    except SamlRejected as refused:
        raise SamlMetadataRejected(
            MetadataReason.SIGNATURE, f"{refused.reason}: {refused.detail}"
        ) from refused
    try:
        is_signed = signatures.is_signed_by(root, [signer])
    except ValueError as error:
        raise SamlMetadataRejected(MetadataReason.SIGNATURE, "the signer is no PEM certificate") from error
    if not is_signed:
        _refuse(MetadataReason.SIGNATURE, "not signed as a whole by the signer that is pinned for it")


def _certificates(role: Element, at: datetime) -> dict[str, datetime]:
    """Return the usable certificates with their ends, in the document's order."""
    current = [found for found in _signing_certificates(role) if certificates.is_current(found, at)]
    for certificate in current:
        if weakness := certificates.weakness(certificate):
            _refuse(MetadataReason.WEAK_KEY, weakness)
    if not current:
        _refuse(MetadataReason.CERTIFICATE, "no certificate to sign with, or none that is still valid")
    return {certificates.pem(certificate): certificate.not_valid_after_utc for certificate in current}


def _signing_certificates(role: Element) -> list[x509.Certificate]:
    bodies = (
        body.text or ""
        for key in role.iterfind(f"{MD}KeyDescriptor")
        if key.get("use", "signing") == "signing"
        for body in key.iterfind(f"{DS}KeyInfo/{DS}X509Data/{DS}X509Certificate")
    )
    try:
        return [certificates.from_base64(body) for body in bodies]
    except ValueError as error:
        raise SamlMetadataRejected(MetadataReason.CERTIFICATE, f"unreadable: {error}") from error
