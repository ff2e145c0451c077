"""A SAML provider's metadata for its page: what is pinned, and how what is offered differs from it."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, tzinfo

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from brokers.errors import BrokerError
from brokers.ports import SamlMetadataReader
from brokers.types import SamlIdentityProvider
from portal.directory.models import SamlSettings
from portal.web.presenters import Badge, moment
from portal.web.presenters.providers import Changed, Key, Offer, SamlPart

BOTH = Badge("In both", "quiet", "dot")
NEW = Badge("New", "wait", "info")
DROPPED = Badge("Goes away", "danger", "alert")
NONE = "none"


def saml_part(settings: SamlSettings, read: SamlMetadataReader, *, now: datetime, zone: tzinfo) -> SamlPart:
    pinned, problem = None, ""
    try:
        pinned = _read(settings.metadata, settings, read)
    except BrokerError as failed:
        problem = str(failed)
    return SamlPart(
        entity_id=settings.entity_id,
        sso_url=pinned.sso_url if pinned else "",
        keys=_keys(pinned),
        problem=problem,
        metadata_url=settings.metadata_url,
        is_signed=bool(settings.metadata_signer),
        refreshed=moment(settings.refreshed_at, now=now, zone=zone) if settings.refreshed_at else None,
        refresh_problem=settings.refresh_problem,
        offer=_offer(settings, pinned, read, now=now, zone=zone),
    )


def _offer(
    settings: SamlSettings,
    pinned: SamlIdentityProvider | None,
    read: SamlMetadataReader,
    *,
    now: datetime,
    zone: tzinfo,
) -> Offer | None:
    if settings.offered_at is None:
        return None
    since, token = moment(settings.offered_at, now=now, zone=zone), settings.offered_at.isoformat()
    try:
        offered = _read(settings.offered_metadata, settings, read)
    except BrokerError as failed:
        return Offer(token, since, (), (), str(failed))
    return Offer(token, since, tuple(_compared(pinned, offered)), tuple(_addresses(pinned, offered)))


def _read(document: str, settings: SamlSettings, read: SamlMetadataReader) -> SamlIdentityProvider:
    return read(document.encode(), entity_id=settings.entity_id)


def _compared(pinned: SamlIdentityProvider | None, offered: SamlIdentityProvider) -> Iterator[Key]:
    before, after = _by_print(pinned), _by_print(offered)
    for mark, ends in after.items():
        yield Key(mark, ends, BOTH if mark in before else NEW)
    for mark, ends in before.items():
        if mark not in after:
            yield Key(mark, ends, DROPPED)


def _addresses(pinned: SamlIdentityProvider | None, offered: SamlIdentityProvider) -> Iterator[Changed]:
    for term, name in (
        ("Sign-in", "sso_url"),
        ("Log-out", "slo_url"),
        ("Answers to log-out", "slo_response_url"),
    ):
        before, after = getattr(pinned, name, None) or NONE, getattr(offered, name, None) or NONE
        if before != after:
            yield Changed(term, before, after)


def _keys(found: SamlIdentityProvider | None) -> tuple[Key, ...]:
    return tuple(Key(mark, ends) for mark, ends in _by_print(found).items())


def _by_print(found: SamlIdentityProvider | None) -> dict[str, str]:
    """Return the certificates' SHA-256 as people compare them, with their ends."""
    if found is None:
        return {}
    told = {}
    for pem in found.certificates:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        told[fingerprint_of(certificate)] = f"{certificate.not_valid_after_utc:%-d %b %Y}"
    return told


def fingerprint_of(certificate: x509.Certificate) -> str:
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
