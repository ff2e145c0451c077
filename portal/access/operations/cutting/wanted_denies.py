"""What one AWS document is to deny, generated whole from the database, and how what AWS shows compares with it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from brokers.types import StandingDeny, merged, not_covered
from portal.access.lifecycle import STANDING, RevocationState
from portal.access.models import DenyDocument, KeptDeny, Revocation

# AWS's clock decides when a session is dead, and the database's when its deny may go.
CLOCKS = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rows that the document is to name, those that it can't name and why, those whose sessions are all dead.

    `kept`: denies found in AWS that no grant explains. `issued_before`: an operator's cut of everybody; `by_cut`:
    rows that stand by it alone, because AWS has no room for their entries as well.
    """

    rows: Sequence[Revocation]
    unfit: Mapping[Revocation, BrokerError]
    over: Sequence[Revocation]
    kept: frozenset[str] = frozenset()
    issued_before: datetime | None = None
    by_cut: Sequence[Revocation] = ()
    crowded_out: Mapping[Revocation, BrokerError] = field(default_factory=dict)

    @property
    def named(self) -> frozenset[str]:
        """All that the rows name: what any of it denies, `entries` denies."""
        return entries_of(self.rows) | self.kept

    @property
    def entries(self) -> frozenset[str]:
        """What is to stand. Of several entries of one name that differ in their time, the latest alone.

        Made of the rows that are wanted now: when the latest is over, the next takes its place in the same writing.
        """
        return merged(self.named)

    @property
    def reached_by_cut(self) -> Sequence[Revocation]:
        """Rows whose every session was issued before the cut: what comes in flight later is handed to nobody."""
        cut = self.issued_before
        return [] if cut is None else [row for row in self.rows if row.asked_at <= cut]

    def stands_in(self, seen: StandingDeny) -> bool:
        return seen.intact and seen.entries == self.entries and seen.issued_before == self.issued_before


def wanted_denies(document: DenyDocument, aws: AwsPorts, now: datetime) -> Wanted:
    """Read what the document is to deny now: sessions that may still live, each under its exact name."""
    open_rows = Revocation.objects.select_related("grant__role").filter(document=document, cleaned_at=None)
    dead = now - CLOCKS
    rows: list[Revocation] = []
    over: list[Revocation] = []
    for row in open_rows:
        (rows if row.covers_until > dead else over).append(row)
    fit, unfit = _fit(rows, aws)
    kept = KeptDeny.objects.filter(document=document, covers_until__gt=dead).values_list("userid", flat=True)
    cut_stands = document.issued_before_until is not None and document.issued_before_until > dead
    return Wanted(
        rows=fit,
        unfit=unfit,
        over=over,
        kept=frozenset(kept),
        issued_before=document.issued_before if cut_stands else None,
    )


def entries_of(rows: Collection[Revocation]) -> frozenset[str]:
    return frozenset(userid for row in rows for userid in row.userids)


def denied_rows(rows: Collection[Revocation], entries: Collection[str]) -> frozenset[Revocation]:
    """Return those of `rows` whose every entry is denied by `entries`, be it under a later time."""
    missing = not_covered(entries_of(rows), entries)
    return frozenset(row for row in rows if missing.isdisjoint(row.userids))


def changed_behind_our_back(document: DenyDocument, wanted: Wanted, seen: StandingDeny) -> str | None:
    """Return what in AWS is not as the portal last recorded it, in words, or None.

    What waits to be written, and what is over and not yet cleaned, may or may not be there: a writer that was
    killed between its put and its record left it so.
    """
    recorded = merged(entries_of(_recorded(wanted, seen)))
    missing = not_covered(recorded, seen.entries)
    foreign = seen.entries - wanted.named - entries_of(wanted.over) - entries_of(list(wanted.unfit))
    told = []
    if not seen.intact:
        told.append("a policy of the portal's name had another content")
    if missing:
        told.append(f"{len(missing)} of {len(recorded)} denied sessions were missing")
    if foreign:
        told.append(f"{len(foreign)} unknown sessions were denied")
    cut, checked = wanted.issued_before, document.checked_at
    if cut is not None and checked is not None and cut <= checked and seen.issued_before is None:
        told.append("the cut of everybody was missing")
    return "; ".join(told) or None


def taken_away(wanted: Wanted, seen: StandingDeny) -> list[Revocation]:
    """Return the rows that were recorded as standing, and of which AWS does not deny all."""
    recorded = _recorded(wanted, seen)
    denied = denied_rows(recorded, seen.entries)
    return [row for row in recorded if row not in denied]


def _recorded(wanted: Wanted, seen: StandingDeny) -> list[Revocation]:
    reached = set(wanted.reached_by_cut if wanted.issued_before == seen.issued_before else ())
    return [row for row in wanted.rows if RevocationState(row.state) in STANDING and row not in reached]


def _fit(
    rows: Sequence[Revocation], aws: AwsPorts
) -> tuple[Sequence[Revocation], Mapping[Revocation, BrokerError]]:
    """Part the rows whose entries no document can name: one poisoned row must not starve the others."""
    fit, unfit = [], {}
    for row in rows:
        try:
            aws.check_deny_entries(row.userids)
        except BrokerError as problem:
            unfit[row] = problem
        else:
            fit.append(row)
    return fit, unfit
