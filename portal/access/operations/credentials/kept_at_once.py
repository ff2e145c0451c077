"""The short way to kept credentials: one statement that finds them only where everything plainly allows it.

It says yes or nothing. Whatever it doesn't say yes to goes the long way (`look_at_credentials`), which has every rule,
its words, and what is written down. So nothing here may let in what is refused there: a test compares them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import (
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Cast, TruncSecond

from portal.access.freshness import Freshness, freshness
from portal.access.lifecycle import LIVING, stored
from portal.access.models import CredentialSlot, Grant, Hold, Sweep
from portal.access.operations.credentials.credential_cache import Kept, open_kept
from portal.access.operations.credentials.credential_slots import VERSION_FACTS, digest_of
from portal.access.operations.credentials.hand_out import Place
from portal.access.operations.credentials.look_at_credentials import had_by
from portal.access.operations.running.sweep_health import health_of
from portal.directory.models import ExternalIdentity, ScimToken
from portal.kernel.actor import Actor
from portal.kernel.clock import clock_expression
from portal.kernel.prepared import PreparedQuery

SLOT = ("grant_id", "key", "version", "session_id", "sealed", "expires_at")
GRANT = ("id", "person_id", "role_id", "starts_at", "ends_at", "state")
OTHER = (
    *("credential_slot__session__pk", "credential_slot__session__asked_at", "credential_slot__expires_at"),
    *("role__factor_minutes", "now", "swept_at"),
)
COLUMNS = (*GRANT, *(f"credential_slot__{name}" for name in SLOT), *OTHER, *VERSION_FACTS)
MARKERS: Mapping[str, Any] = {
    "grant": UUID("00000000-0000-4000-8000-0000000000a1"),
    "person": UUID("00000000-0000-4000-8000-0000000000a2"),
    "now": datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC),
    "door": "\x00door",
    "ip": "\x00ip",
    "client": "\x00client",
}


@dataclass(frozen=True, slots=True)
class KeptAtOnce:
    """`grant` has the columns of `GRANT`; what else it is asked for it reads then."""

    grant: Grant
    kept: Kept
    session_id: UUID
    ends_at: datetime
    issued_at: datetime


def kept_at_once(*, grant_id: UUID, place: Place, actor: Actor) -> KeptAtOnce | None:
    """Return what is kept and good for a while, for somebody who had it before; None: go the long way."""
    given = {
        "grant": grant_id,
        "person": actor.owner_id,
        "now": datetime.now(UTC),
        "door": place.door,
        "ip": place.ip,
        "client": place.client,
    }
    row = _query.first(given)
    if row is None:
        return None
    grant, slot, other, facts = _parts(row)
    session_id, asked_at, ends_at, minutes, now, swept_at = other
    if not (_factor_is_fresh(minutes, actor, now) and _sweep_runs(swept_at, now)):
        return None
    left = ends_at - now
    if freshness(lifetime=ends_at - asked_at, left=left, gain=left) is not Freshness.GOOD:
        return None
    if slot.version != digest_of(facts) or (kept := open_kept(slot)) is None:
        return None
    return KeptAtOnce(grant, kept, session_id, ends_at, asked_at)


def _parts(row: Sequence[Any]) -> tuple[Grant, CredentialSlot, Sequence[Any], Sequence[Any]]:
    grants, slots = len(GRANT), len(GRANT) + len(SLOT)
    facts = slots + len(OTHER)
    grant = Grant.from_db(connection.alias, GRANT, row[:grants])
    slot = CredentialSlot.from_db(connection.alias, SLOT, row[grants:slots])
    return grant, slot, row[slots:facts], row[facts:]


def _factor_is_fresh(minutes: int, actor: Actor, now: datetime) -> bool:
    return not minutes or (actor.factor_at is not None and now - actor.factor_at < timedelta(minutes=minutes))


def _sweep_runs(swept_at: datetime | None, now: datetime) -> bool:
    return not settings.CLOSE_ISSUING_WHEN_SWEEP_STOPPED or health_of(swept_at, at=now).runs


def _build(given: Mapping[str, Any]) -> QuerySet[Any, Any]:
    now = clock_expression(given["now"])
    works_until = OuterRef("credential_slot__expires_at")
    contract = Q(
        person__partner__suspended_at=None,
        person__partner__contract_starts_at__lte=now,
        contract_ends_second__gte=F("credential_slot__expires_at"),
    )
    return (
        Grant.objects.filter(pk=given["grant"], person=given["person"])
        .filter(ended_at=None, state__in=stored(LIVING), starts_at__lte=now)
        .filter(person__is_active=True, role__is_enabled=True, role__allows_credentials=True)
        .filter(ends_at__gte=F("credential_slot__expires_at"), credential_slot__expires_at__gt=now)
        .annotate(contract_ends_second=TruncSecond("person__partner__contract_ends_at"))
        .filter(Q(person__partner=None) | contract)
        .filter(Exists(_vouching(given["person"], now, works_until)), Exists(had_by(given)))
        .exclude(Exists(Hold.objects.filter(released_at=None)))
        .annotate(now=now, swept_at=Subquery(Sweep.objects.filter(pk=1).values("ran_at")[:1]))
        .order_by()
        .values_list(*COLUMNS)
    )


def _vouching(person: UUID, now: Any, works_until: OuterRef) -> QuerySet[ExternalIdentity]:
    """Identities whose providers' word counts until then, at least (see `portal.directory.vouching`)."""
    tells = ScimToken.objects.filter(provider=OuterRef("provider"), revoked_at=None, expires_at__gt=now)
    hours = ExpressionWrapper(
        Cast("provider__max_age_hours", IntegerField()) * Value(timedelta(hours=1), DurationField()),
        output_field=DurationField(),
    )
    until = ExpressionWrapper(F("confirmed_at") + hours, output_field=DateTimeField())
    return (
        ExternalIdentity.objects.filter(person=person, gone_at=None, provider__is_enabled=True)
        .annotate(until=TruncSecond(until))
        .filter(Q(until__gte=works_until) | Q(Exists(tells), is_provisioned=True))
    )


_query = PreparedQuery(_build, MARKERS)
