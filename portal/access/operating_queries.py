"""What operators and their monitoring look at. Read-only; each answer takes one query, by a partial index.

None of them counts history: what was ended long ago is never read, and long lists are cut, and say so by one row
more than was asked for, or by `MOST`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import TruncMinute

from portal.access.lifecycle import WAITING, GrantState, RevocationState, stored
from portal.access.models import Alarm, DenyDocument, Grant, Revocation, Sweep
from portal.catalog.models import AwsRole
from portal.catalog.models.roles import UNWRITABLE_NAMES, UNWRITABLE_PATHS
from portal.kernel.models import OutboxMessage

_WITH = ("person__partner", "partner_account__partner", "role__account")
# Where a count stops: 'more than so many' says enough.
MOST = 1000
# A sweep that is on time leaves nothing behind for longer.
GRACE = timedelta(seconds=2)
# A deny that stands within it needs nobody's look.
IN_TIME = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class CutOff:
    """How long one grant's end took: seconds from the click until AWS showed the deny, and until it was proven."""

    applied: float
    proven: float | None


def sweep_row() -> Sweep | None:
    return Sweep.objects.first()


def open_alarms(*, limit: int = 20) -> Sequence[Alarm]:
    """Return the alarms that are not over, newest first."""
    return list(Alarm.objects.filter(cleared_at=None).order_by("-raised_at")[:limit])


def open_alarms_by_kind() -> Mapping[str, int]:
    counted = Alarm.objects.filter(cleared_at=None).order_by().values("kind").annotate(n=Count("pk"))
    return {row["kind"]: row["n"] for row in counted}


def living_grants() -> Mapping[str, int]:
    """Count scheduled and active grants: as the constraints tie states to times, from two partial indexes alone."""
    living = Grant.objects.filter(ended_at=None).order_by().count()
    scheduled = Grant.objects.filter(activated_at=None, ended_at=None).order_by().count()
    return {GrantState.SCHEDULED.value: scheduled, GrantState.ACTIVE.value: living - scheduled}


def oldest_end_not_swept(at: datetime) -> datetime | None:
    """Return the end that has been waiting longest for the sweep."""
    due = Grant.objects.filter(ended_at=None, ends_at__lte=at).order_by("ends_at")
    return due.values_list("ends_at", flat=True).first()


def revocations_by_state() -> Mapping[str, int]:
    """Count the revocations that are not cleaned: at most those of the longest session's time."""
    counted = Revocation.objects.filter(cleaned_at=None).order_by().values("state").annotate(n=Count("pk"))
    found = {row["state"]: row["n"] for row in counted}
    return {state.value: found.get(state.value, 0) for state in RevocationState if state != "cleaned"}


def waiting() -> QuerySet[Revocation]:
    """Revocations that AWS has not taken, as the partial index knows them."""
    return Revocation.objects.filter(applied_at=None, cleaned_at=None, state__in=stored(WAITING))


def oldest_waiting() -> datetime | None:
    found = waiting().order_by().aggregate(oldest=Min("asked_at"))["oldest"]
    return found if isinstance(found, datetime) else None


def undelivered_messages() -> int:
    """Count the outbox's messages that wait, up to `MOST` and one."""
    return OutboxMessage.objects.filter(delivered_at=None).order_by()[: MOST + 1].count()


def ends_by_minute(at: datetime, until: datetime) -> Sequence[tuple[datetime, int]]:
    """Return how many living grants end in each minute in which any does."""
    coming = Grant.objects.filter(ended_at=None, ends_at__gt=at, ends_at__lte=until).order_by()
    minutes = coming.annotate(minute=TruncMinute("ends_at")).values("minute").annotate(n=Count("pk"))
    return [(row["minute"], row["n"]) for row in minutes.order_by("minute")]


def next_ends(at: datetime, *, limit: int) -> Sequence[Grant]:
    """Return the living grants that end next, the soonest first."""
    coming = Grant.objects.filter(ended_at=None, ends_at__gt=at).order_by("ends_at", "pk")
    return list(coming.select_related(*_WITH)[:limit])


def grants_past_their_end(at: datetime) -> QuerySet[Grant]:
    """Living grants whose end has passed, the longest ago first: the sweep is late."""
    late = Grant.objects.filter(ended_at=None, ends_at__lte=at - GRACE).order_by("ends_at", "pk")
    return late.select_related(*_WITH)


def untried_revocations(at: datetime) -> QuerySet[Revocation]:
    """Revocations that wait for over a minute and of which no try has failed, the oldest first: no worker took them."""
    late = waiting().filter(state=RevocationState.PENDING.value, asked_at__lte=at - IN_TIME)
    return late.order_by("asked_at", "pk").select_related("grant__person", "grant__role__account")


def failing_revocations() -> QuerySet[Revocation]:
    """Revocations that were tried and did not work, the oldest first."""
    failing = waiting().filter(state=RevocationState.FAILING.value).order_by("asked_at", "pk")
    return failing.select_related("grant__person", "grant__role", "document__account")


def counted(rows: QuerySet[Grant] | QuerySet[Revocation]) -> int:
    """Count up to `MOST` and one."""
    return rows.order_by()[: MOST + 1].count()


def cut_offs(since: datetime, *, limit: int) -> Sequence[CutOff]:
    """Return how long the newest cut-offs took, those that AWS took since then."""
    done = Revocation.objects.filter(applied_at__gte=since).order_by("-applied_at")
    return [
        CutOff(
            applied=(applied - asked).total_seconds(),
            proven=(proven - asked).total_seconds() if proven else None,
        )
        for asked, applied, proven in done.values_list("asked_at", "applied_at", "proven_at")[:limit]
        if applied is not None
    ]


def deny_documents(*, limit: int) -> Sequence[DenyDocument]:
    """Return the AWS documents that hold something of the portal's or are looked at again, the fullest first."""
    at_work = Q(entries__gt=0) | Q(recheck_at__isnull=False) | Q(leased_until__isnull=False)
    found = DenyDocument.objects.filter(at_work).select_related("account")
    return list(found.order_by("-entries", "account__name", "name", "pk")[:limit])


def granted_roles_without_kill_switch(at: datetime, *, limit: int) -> Sequence[tuple[AwsRole, int]]:
    """Return the roles whose sessions nothing can cut short and that somebody may use, with how many grants."""
    uncut = Q(is_writable=False)
    for path in UNWRITABLE_PATHS:
        uncut |= Q(path__startswith=path)
    for name in UNWRITABLE_NAMES:
        uncut |= Q(name__startswith=name)
    # By the end, too: the index is of a role's grants by their end, and leads past its history.
    living = Grant.objects.filter(role=OuterRef("pk"), ended_at=None, ends_at__gt=at).order_by()
    number = living.values("role").annotate(n=Count("pk")).values("n")
    roles = AwsRole.objects.filter(uncut).filter(Exists(living)).select_related("account")
    roles = roles.annotate(living=Subquery(number)).order_by("account__name", "title", "pk")
    return [(role, role.living) for role in roles[:limit]]
