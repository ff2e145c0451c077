"""Try a SAML provider out, step by step: where it stops, and what to do about it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from brokers.errors import BrokerError, IdentityUnavailable
from brokers.ports import DocumentFetcher, SamlMetadataReader, SamlServiceProvider
from brokers.types import CheckStep, FetchedDocument, SamlIdentityProvider
from portal.access.operations.permissions import check_superuser
from portal.directory.models import IdentityProvider
from portal.identity.identity_providers import as_saml
from portal.identity.operations.check_provider import record_tested
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import NotFoundError

# How far clocks may differ: brokers/saml allows as much for times that are yet to come.
SKEW: Final = timedelta(minutes=2)
SOON: Final = timedelta(days=14)
_ADVICE: Final = {
    "tls": "Check the address's certificate and name; a company's own authority goes into SALLYPORT_IDENTITY_CA.",
    "address": "List the host or network in SALLYPORT_IDENTITY_NETWORKS, if it is meant to be called.",
    "timeout": "Check that the portal's machine reaches the address: name service, firewall, proxy.",
    "unreachable": "Check that the portal's machine reaches the address: name service, firewall, proxy.",
    "malformed": "Open the address in a browser: it must answer with the metadata document itself.",
}


def check_saml_provider(
    *,
    provider_id: UUID,
    saml: SamlServiceProvider,
    read: SamlMetadataReader,
    fetch: DocumentFetcher,
    actor: Actor,
) -> Sequence[CheckStep]:
    """Walk the steps: metadata, certificates, its address with TLS, the clock, the own key, log-out.

    Asks the provider's metadata address, outside of any transaction; changes nothing but the audit trail.

    Raises:
        NotFoundError: no such SAML provider.
        ForbiddenError: by anybody but a superuser.
    """
    check_superuser(actor, "Only superusers try identity providers out.")
    provider = (
        IdentityProvider.objects.select_related("saml")
        .filter(pk=provider_id, kind=IdentityProvider.Kind.SAML)
        .first()
    )
    if provider is None:
        raise NotFoundError("There is no such SAML provider.")
    now = database_now()
    try:
        idp = as_saml(provider, read)
    except BrokerError as problem:
        advice = "Give the provider's present metadata: sign-ins fail until then."
        steps = [CheckStep("Metadata", is_ok=False, detail=str(problem), advice=advice)]
    else:
        steps = [*_pinned(idp, now), *_fetched(provider, read, fetch, now), *_own(idp, saml)]
    record_tested(provider, steps, actor)
    return steps


def _pinned(idp: SamlIdentityProvider, now: datetime) -> Iterator[CheckStep]:
    until = f"; it says that it holds until {_day(idp.valid_until)}" if idp.valid_until else ""
    yield _step(
        "Metadata",
        is_ok=idp.valid_until is None or idp.valid_until > now + SOON,
        detail=f"Readable{until}",
        advice="Refresh it, or have it refreshed from an address, before then.",
    )
    last = max(idp.certificates_end_at, default=None)
    ends = ", ".join(_day(end) for end in idp.certificates_end_at)
    yield _step(
        "Certificates",
        is_ok=last is not None and last > now + SOON,
        detail=f"{len(idp.certificates)} to sign with, until {ends}",
        advice="Ask for metadata with the provider's next certificate: sign-ins fail when the last one ends.",
    )


def _fetched(
    provider: IdentityProvider, read: SamlMetadataReader, fetch: DocumentFetcher, now: datetime
) -> Iterator[CheckStep]:
    settings = provider.saml
    if not settings.metadata_url:
        yield CheckStep("Metadata address", is_ok=True, detail="None: what was handed over stays as it is")
        return
    try:
        fetched = fetch(settings.metadata_url)
    except IdentityUnavailable as problem:
        advice = _ADVICE.get(problem.reason, "")
        yield CheckStep("Metadata address", is_ok=False, detail=problem.detail, advice=advice)
        return
    yield CheckStep("Metadata address", is_ok=True, detail=f"Reached: {len(fetched.body)} bytes")
    signer = settings.metadata_signer or None
    try:
        read(fetched.body, entity_id=settings.entity_id, signer=signer)
    except BrokerError as problem:
        advice = "Check the address, and the signer's certificate where one is given."
        yield CheckStep("Metadata there", is_ok=False, detail=str(problem), advice=advice)
    else:
        yield CheckStep("Metadata there", is_ok=True, detail="Signed by its signer" if signer else "Usable")
    yield _clock(fetched, now)


def _clock(fetched: FetchedDocument, now: datetime) -> CheckStep:
    if fetched.date is None:
        return CheckStep("Clock", is_ok=True, detail="The address doesn't say what time it is there")
    apart = abs(fetched.date - now).total_seconds()
    return _step(
        "Clock",
        is_ok=apart <= SKEW.total_seconds(),
        detail=f"{apart:.0f} seconds apart",
        advice="Set both clocks by NTP: responses from the future, or past their end, are refused.",
    )


def _own(idp: SamlIdentityProvider, saml: SamlServiceProvider) -> Iterator[CheckStep]:
    has_key = saml.certificate is not None
    yield _step(
        "Own key",
        is_ok=has_key or not idp.wants_signed_requests,
        detail="Requests are signed, and encrypted assertions opened"
        if has_key
        else "None: requests are not signed, encrypted assertions can't be opened, and nobody is signed out there",
        advice="Set SALLYPORT_SAML_SP_KEY and SALLYPORT_SAML_SP_CERTIFICATE.",
    )
    offers = idp.slo_url is not None
    detail = (
        f"At {idp.slo_url}"
        if offers
        else "The provider offers none: signing out ends the portal's session alone"
    )
    yield CheckStep("Single logout", is_ok=True, detail=detail)


def _step(name: str, *, is_ok: bool, detail: str, advice: str) -> CheckStep:
    return CheckStep(name, is_ok=is_ok, detail=detail, advice="" if is_ok else advice)


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"
