"""Bring a SAML provider's metadata up to date from its address.

Signed by the pinned signer it is taken by itself. Unsigned it is taken where keys and addresses are the same, so that
`validUntil` goes on; else it waits for an admin's yes. A source that fails changes nothing: what is pinned stays.
"""

import logging
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.db import transaction

from brokers.errors import BrokerError
from brokers.ports import DocumentFetcher, SamlMetadataReader
from brokers.types import SamlIdentityProvider
from portal.access.lifecycle import AlarmKind
from portal.access.operations.cutting.alarms import clear_alarm, raise_alarm
from portal.access.operations.permissions import check_superuser
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.directory.models import IdentityProvider, SamlSettings
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, InvalidError, NotFoundError

log = logging.getLogger(__name__)
SUPERUSERS: Final = "Only superusers decide on an identity provider's metadata."


class Refreshed(StrEnum):
    """What came of asking the address."""

    SAME = "same"
    TAKEN = "taken"
    OFFERED = "offered"
    FAILED = "failed"


def refresh_metadata(
    *, provider_id: UUID, fetch: DocumentFetcher, read: SamlMetadataReader, actor: Actor
) -> Refreshed:
    """Fetch, verify, and take or offer what the provider's address says now.

    The address is asked outside of any transaction. It never changes the entity ID: what is of another is refused.

    Raises:
        NotFoundError: no such SAML provider.
        ForbiddenError: by anybody but a superuser.
        InvalidError: no address is given.
        ConflictError: somebody changed the settings meanwhile.
    """
    check_superuser(actor, SUPERUSERS)
    known = _settings(provider_id)
    if not known.metadata_url:
        raise InvalidError("No address is given to refresh this metadata from.", field="metadata_url")
    try:
        document = fetch(known.metadata_url).body
        found = read(document, entity_id=known.entity_id, signer=known.metadata_signer or None)
        text = document.decode()
    except (BrokerError, UnicodeDecodeError) as problem:
        return _failed(known, problem)
    with transaction.atomic():
        row, now = _locked(provider_id), database_now()
        if (row.metadata, row.metadata_url, row.metadata_signer) != (
            known.metadata,
            known.metadata_url,
            known.metadata_signer,
        ):
            raise ConflictError("Somebody changed this provider meanwhile. Refresh it again.")
        row.refreshed_at = row.refresh_tried_at = now
        row.refresh_problem = ""
        if row.metadata_signer or facts(found) == _facts_of(row.metadata, row.entity_id, read):
            return _take(row, text, found, read, actor)
        return _offer(row, text, found, read, actor)


def accept_offered_metadata(
    *, provider_id: UUID, actor: Actor, offered_at: datetime | None = None
) -> SamlSettings:
    """Pin what was offered: from now on its keys and addresses are the provider's.

    `offered_at`: of the offer that the admin looked at, so that nobody says yes to a newer one.

    Raises:
        NotFoundError: no such SAML provider.
        ForbiddenError: by anybody but a superuser.
        ConflictError: nothing waits, or something else than what was looked at.
    """
    return _decide(provider_id, actor, offered_at, is_taken=True)


def reject_offered_metadata(
    *, provider_id: UUID, actor: Actor, offered_at: datetime | None = None
) -> SamlSettings:
    """Keep what is pinned. The same keys and addresses are not offered again; others are.

    Raises:
        as `accept_offered_metadata`.
    """
    return _decide(provider_id, actor, offered_at, is_taken=False)


def facts(idp: SamlIdentityProvider) -> tuple[object, ...]:
    """Return what of a provider decides who gets in and where browsers go: its name, keys and addresses."""
    return (idp.entity_id, idp.sso_url, idp.slo_url, idp.slo_response_url, frozenset(idp.certificates))


def _decide(provider_id: UUID, actor: Actor, offered_at: datetime | None, *, is_taken: bool) -> SamlSettings:
    check_superuser(actor, SUPERUSERS)
    with transaction.atomic():
        row, now = _locked(provider_id), database_now()
        if row.offered_at is None or offered_at not in {None, row.offered_at}:
            raise ConflictError("This offer is not there any more. Look at the provider again.")
        row.offered_at = None
        if is_taken:
            row.metadata, row.offered_metadata = row.offered_metadata, ""
        row.save()
        clear_alarm(kind=AlarmKind.METADATA_CHANGED, subject=str(row.pk), at=now)
        outcome = Outcome.DONE if is_taken else Outcome.REFUSED
        _record(EventType.METADATA_ACCEPTED, row, now, actor, outcome=outcome)
    return row


def _take(
    row: SamlSettings, text: str, found: SamlIdentityProvider, read: SamlMetadataReader, actor: Actor
) -> Refreshed:
    """Pin `text`, and drop an offer that is answered by it. The audit trail hears of changes, not of each hour."""
    has_changed = facts(found) != _facts_of(row.metadata, row.entity_id, read)
    row.metadata, row.offered_metadata, row.offered_at = text, "", None
    row.save()
    now = row.refreshed_at or database_now()
    clear_alarm(kind=AlarmKind.METADATA_CHANGED, subject=str(row.pk), at=now)
    if has_changed:
        _record(EventType.METADATA_REFRESHED, row, now, actor)
    return Refreshed.TAKEN if has_changed else Refreshed.SAME


def _offer(
    row: SamlSettings, text: str, found: SamlIdentityProvider, read: SamlMetadataReader, actor: Actor
) -> Refreshed:
    """Keep `text` beside what is pinned. What was offered already, or refused, makes no second alarm."""
    is_known = bool(row.offered_metadata) and facts(found) == _facts_of(
        row.offered_metadata, row.entity_id, read
    )
    now = row.refreshed_at or database_now()
    if not is_known:
        row.offered_at = now
    if not is_known or row.offered_at is not None:
        row.offered_metadata = text
    row.save()
    if not is_known:
        text = (
            f"{row.provider.name} shows other keys or addresses at {row.metadata_url}, unsigned. "
            "What is pinned goes on until an admin takes them."
        )
        # An older offer's alarm is over: this one is news.
        clear_alarm(kind=AlarmKind.METADATA_CHANGED, subject=str(row.pk), at=now)
        raise_alarm(kind=AlarmKind.METADATA_CHANGED, subject=str(row.pk), text=text, at=now)
        _record(EventType.METADATA_OFFERED, row, now, actor)
    return Refreshed.OFFERED


def _failed(known: SamlSettings, problem: BrokerError | UnicodeDecodeError) -> Refreshed:
    detail = getattr(problem, "detail", "") or str(problem)
    told = f"{getattr(problem, 'code', 'malformed')}: {detail}"
    with transaction.atomic():
        SamlSettings.objects.filter(pk=known.pk, metadata_url=known.metadata_url).update(
            refresh_tried_at=database_now(), refresh_problem=told[:300]
        )
    log.warning("metadata of %s was not refreshed, what is pinned stays: %s", known.provider.slug, told)
    return Refreshed.FAILED


def _facts_of(document: str, entity_id: str, read: SamlMetadataReader) -> tuple[object, ...] | None:
    try:
        return facts(read(document.encode(), entity_id=entity_id))
    except BrokerError:
        return None  # such as one whose certificates have all ended: nothing is the same as that


def _settings(provider_id: UUID) -> SamlSettings:
    found = SamlSettings.objects.select_related("provider").filter(
        pk=provider_id, provider__kind=IdentityProvider.Kind.SAML
    )
    if (row := found.first()) is None:
        raise NotFoundError("There is no such SAML provider.")
    return row


def _locked(provider_id: UUID) -> SamlSettings:
    row = (
        SamlSettings.objects.select_for_update(no_key=True, of=("self",))
        .select_related("provider")
        .filter(pk=provider_id)
        .first()
    )
    if row is None:
        raise NotFoundError("There is no such SAML provider.")
    return row


def _record(
    event: EventType, row: SamlSettings, at: datetime, actor: Actor, *, outcome: Outcome = Outcome.DONE
) -> None:
    details = {"provider": row.provider.slug, "entity_id": row.entity_id, "address": row.metadata_url}
    record(Entry(type=event, at=at, actor=actor, outcome=outcome, details=details))
