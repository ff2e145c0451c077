"""How it stands at one moment with all that issuing under a grant hangs on, read by one statement."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from portal.access.models import DenyDocument, Grant, Hold, Sweep
from portal.access.operations.doors import check_runs_open
from portal.access.operations.locking import JOINED, hold_lock
from portal.access.operations.running.sweep_health import health_of
from portal.kernel.clock import clock_expression
from portal.kernel.prepared import PreparedModels

MARKERS: Final[Mapping[str, Any]] = {
    "grant": UUID("00000000-0000-4000-8000-0000000000a1"),
    "now": datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """`now` is the database's. `cut_before`: AWS denies all that the role gave before then, as everybody was cut."""

    grant: Grant
    now: datetime
    is_held: bool
    swept_at: datetime | None
    cut_before: datetime | None

    def check_issuing_open(self) -> None:
        """Raises as `doors.check_issuing_open`."""
        check_runs_open(is_held=self.is_held, sweep=health_of(self.swept_at, at=self.now))


def lock_standing(grant_id: UUID) -> Standing:
    """Lock the grant as `lock_grant` does, and return how it stands with it.

    Raises:
        NotFoundError: there is no such grant.
    """
    hold_lock(grant_id)
    found = _of_grant.first({"grant": grant_id, "now": datetime.now(UTC)})
    if found is None:  # pragma: no cover - its row is locked
        raise AssertionError("a locked grant is gone")
    return standing_of(*found)


def standing_of(grant: Grant, told: Mapping[str, Any]) -> Standing:
    """Return it from what `with_standing` found."""
    return Standing(grant, told["now"], told["is_held"], told["swept_at"], told["cut_before"])


def with_standing(given: Mapping[str, Any]) -> QuerySet[Grant]:
    """Return the query of one grant by which it is read: of `grant`, and by the clock, which may be `now`."""
    cuts = DenyDocument.objects.filter(
        account=OuterRef("role__account"), name=OuterRef("role__name"), issued_before__isnull=False
    )
    return (
        Grant.objects.filter(pk=given["grant"])
        .select_related(*JOINED)
        .annotate(
            now=clock_expression(given["now"]),
            is_held=Exists(Hold.objects.filter(released_at=None)),
            swept_at=Subquery(Sweep.objects.filter(pk=1).values("ran_at")[:1]),
            cut_before=Subquery(cuts.order_by("-issued_before").values("issued_before")[:1]),
        )
        .order_by()
    )


_of_grant = PreparedModels(with_standing, MARKERS)
