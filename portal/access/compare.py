"""The comparison itself: one role or user, as the portal believes it to be and as AWS shows it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from brokers.types import StandingDeny, merged, not_covered
from portal.access.differences import Difference, Kind, Principal, Remedy
from portal.access.found_in_aws import LONGEST, NamedGrant, denied
from portal.kernel.periods import utc_clock


@dataclass(frozen=True, slots=True)
class Belief:
    """What the portal believes of one principal.

    `standing`: sessions recorded as denied; `by_cut`: those of them that may be so by the cut alone; `explained`:
    all that may be denied there. `cut`: an operator's cut of everybody; `cut_was_seen`: AWS showed it. `unique_id`
    empty: not known. `living`: the living grants there, in words, by id. `is_used`: something here counts on it.
    """

    principal: Principal
    unique_id: str = ""
    standing: frozenset[str] = frozenset()
    by_cut: frozenset[str] = frozenset()
    explained: frozenset[str] = frozenset()
    cut: datetime | None = None
    cut_was_seen: bool = False
    living: Mapping[str, str] = field(default_factory=dict)
    is_used: bool = True

    @property
    def wants_nothing(self) -> bool:
        return not self.explained and self.cut is None


@dataclass(frozen=True, slots=True)
class Shown:
    """What AWS shows of it. `deny` None: there is no such principal."""

    unique_id: str = ""
    deny: StandingDeny | None = None


def unexplained(belief: Belief, shown: Shown) -> frozenset[str]:
    """Return the sessions that are denied in AWS, and that nothing here explains."""
    return frozenset() if shown.deny is None else shown.deny.entries - belief.explained


def compare(
    belief: Belief, shown: Shown, named: Mapping[str, NamedGrant], *, at: datetime
) -> Iterator[Difference]:
    """Yield what is not alike. `named`: the grants of the unexplained sessions whose name is one of the portal's."""
    if shown.deny is None:
        yield from _gone(belief)
        return
    yield from _other_id(belief, shown)
    yield from _not_there(belief, shown.deny)
    yield from _cut(belief, shown.deny, at)
    for entry in sorted(unexplained(belief, shown)):
        yield denied(belief.principal, entry, named.get(entry), at)


def _gone(belief: Belief) -> Iterator[Difference]:
    if not belief.is_used and not belief.living:
        return
    count = len(belief.living)
    holders = "; ".join(belief.living.values())
    yield Difference(
        Kind.PRINCIPAL_GONE,
        belief.principal,
        f"AWS has no such {belief.principal.kind}. Living grants of it: {f'{count} ({holders})' if count else 'none'}.",
        Remedy.NONE,
        "None: make it in AWS again, or revoke its grants and disable it here.",
        grants=tuple(belief.living),
    )


def _other_id(belief: Belief, shown: Shown) -> Iterator[Difference]:
    if belief.unique_id and shown.unique_id != belief.unique_id:
        yield Difference(
            Kind.MADE_ANEW,
            belief.principal,
            f"It was deleted and made anew in AWS: its id is {shown.unique_id}, here {belief.unique_id}.",
            Remedy.KEEP_ID,
            "The new id is kept, so that the next deny names its sessions. Those of the old one are dead.",
            item=shown.unique_id,
        )


def _not_there(belief: Belief, deny: StandingDeny) -> Iterator[Difference]:
    if not deny.intact:
        yield Difference(
            Kind.CHANGED_POLICY,
            belief.principal,
            "A policy of the portal's name is there that the portal would not have written like that.",
            Remedy.PUT_RIGHT,
            "A worker writes what the portal wants in its place.",
        )
    expected = merged(belief.standing - (belief.by_cut if deny.issued_before == belief.cut else frozenset()))
    missing = not_covered(expected, deny.entries)
    if missing:
        yield Difference(
            Kind.MISSING_DENY,
            belief.principal,
            f"{len(missing)} of {len(expected)} sessions that were cut off are not denied in AWS: "
            f"{_listed(missing)}.",
            Remedy.PUT_RIGHT,
            "A worker writes the deny again.",
        )


def _cut(belief: Belief, deny: StandingDeny, at: datetime) -> Iterator[Difference]:
    found, known = deny.issued_before, belief.cut
    if known is not None and belief.cut_was_seen and (found is None or found < known):
        yield Difference(
            Kind.MISSING_CUT,
            belief.principal,
            f"Everybody who was in before {utc_clock(known)} was cut off, and that is not denied in AWS.",
            Remedy.PUT_RIGHT,
            "A worker writes the deny again.",
        )
    if found is not None and (known is None or found > known):
        until = found + LONGEST[belief.principal.kind]
        is_dead = until <= at
        yield Difference(
            Kind.UNKNOWN_CUT,
            belief.principal,
            f"AWS denies everybody who was in before {utc_clock(found)}, and nothing here says why.",
            Remedy.PUT_RIGHT if is_dead else Remedy.KEEP_CUT,
            "Every session that it concerns is dead: a worker takes it away."
            if is_dead
            else f"It is kept until {utc_clock(until)}, when every session that it concerns is dead.",
            item=found.isoformat(),
            until=None if is_dead else until,
        )


def _listed(entries: frozenset[str], most: int = 5) -> str:
    shown = ", ".join(sorted(entries)[:most])
    return shown if len(entries) <= most else f"{shown} and {len(entries) - most} more"
