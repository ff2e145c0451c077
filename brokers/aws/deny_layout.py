"""Which denied session goes into which policy: pure reckoning, no call.

Slot 0 is the principal's inline policy, slots 1 to 10 are managed policies of the portal's own. What stands stays
where it stands, a new time of a name goes where the name stands, and what is new fills free room in the order in which
the slots come. As soon as all of it fits into slot 0, all of it goes there.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from brokers.aws.deny_entries import read
from brokers.aws.revocation import DenySize
from brokers.types import not_covered

INLINE = 0


@dataclass(frozen=True, slots=True)
class Part:
    """What one policy denies: sessions by their entries, and everything issued before a time (a whole second)."""

    entries: frozenset[str] = frozenset()
    issued_before: datetime | None = None

    def __bool__(self) -> bool:
        return bool(self.entries) or self.issued_before is not None

    @property
    def size(self) -> int:
        """Characters of the policy as IAM counts them; 0 for a part that denies nothing."""
        return DenySize(self.entries, cut=self.issued_before is not None).size


Layout = Mapping[int, Part]


def arrange(wanted: Part, standing: Layout, rooms: Mapping[int, int]) -> Layout | None:
    """Spread `wanted` over `rooms` (slot: characters, the preferred first), or return None: no room for all.

    Slots that would deny nothing are left out. `standing` may hold an entry twice, after a broken-off write.
    """
    if wanted.size <= rooms[INLINE]:
        return {INLINE: wanted} if wanted else {}
    parts, missing = _stay(wanted, standing, rooms)
    if wanted.issued_before is not None:
        at = _place_of_cut(parts, standing, rooms)
        if at is None:
            return None
        parts[at] = replace(parts[at], issued_before=wanted.issued_before)
    for slot in _best_for_new(missing, standing, rooms):
        parts[slot] = _filled(parts[slot], sorted(missing), rooms[slot])
        missing -= parts[slot].entries
    return None if missing else {slot: part for slot, part in parts.items() if part}


def order(target: Layout, standing: Layout, broken: Collection[int]) -> list[int]:
    """Return the slots to write, in an order in which nothing that is to stay denied is ever absent.

    Slots that are as they should be are left out; `broken` ones, whose text nobody can trust, come last. What is in
    `standing` alone is emptied after all of them. Where the policies are so full that new times of two names wait for
    each other's room, one of these is absent between two calls.
    """
    now = dict(standing)
    stays = _denied(now) & _denied(target)
    kept = stays | _denied_by_both(_denied(now), _denied(target))
    due = [slot for slot, part in target.items() if slot in broken or part != now.get(slot)]
    due.sort(key=lambda slot: (slot in broken, slot))
    done = []
    while due:
        # What only gains may always go; what something moves out of waits until that stands elsewhere.
        then = {slot: _denied({**now, slot: target[slot]}) for slot in due}
        safe = (slot for needed in (kept, stays) for slot in due if not not_covered(needed, then[slot]))
        slot = next(safe, due[0])
        now[slot] = target[slot]
        due.remove(slot)
        done.append(slot)
    return done


def _denied(layout: Layout) -> frozenset[str]:
    return frozenset[str]().union(*(part.entries for part in layout.values()))


def _denied_by_both(now: frozenset[str], then: frozenset[str]) -> frozenset[str]:
    """Of one name that has another time then, the earlier of the two."""
    return (now - not_covered(now, then)) | (then - not_covered(then, now))


def _stay(wanted: Part, standing: Layout, rooms: Mapping[int, int]) -> tuple[dict[int, Part], set[str]]:
    """Return what stays in each slot as far as there is room, and what has no place yet."""
    here = {slot: standing.get(slot, Part()) for slot in rooms}
    # Room is left where a cut stands that is wanted, until it has its place.
    parts = {
        slot: Part(issued_before=part.issued_before and wanted.issued_before) for slot, part in here.items()
    }
    missing = set(wanted.entries)
    for belongs in (_stands, _is_named):
        for slot, room in rooms.items():
            parts[slot] = _filled(parts[slot], sorted(belongs(missing, here[slot].entries)), room)
            missing -= parts[slot].entries
    return {slot: replace(part, issued_before=None) for slot, part in parts.items()}, missing


def _stands(missing: Iterable[str], here: frozenset[str]) -> frozenset[str]:
    return here.intersection(missing)


def _is_named(missing: Iterable[str], here: frozenset[str]) -> Collection[str]:
    """Return what has another time here: in one writing of this slot the one takes the other's place."""
    names = set(map(_name, here))
    return [entry for entry in missing if _name(entry) in names]


def _best_for_new(missing: Iterable[str], standing: Layout, rooms: Mapping[int, int]) -> list[int]:
    """Return the slots: last those that something has to leave, so that no two wait for each other's room."""
    return sorted(rooms, key=lambda slot: bool(_is_named(missing, standing.get(slot, Part()).entries)))


def _name(entry: str) -> tuple[str, str]:
    kind, value = read(entry)
    return kind.key, value


def _place_of_cut(parts: Layout, standing: Layout, rooms: Mapping[int, int]) -> int | None:
    """Return the slot for the cut of everybody: where one stands, else the first with room beside its entries."""

    def comes_later(slot: int) -> bool:
        return standing.get(slot, Part()).issued_before is None

    for slot in sorted(rooms, key=comes_later):
        if DenySize(parts[slot].entries, cut=True).size <= rooms[slot]:
            return slot
    return None


def _filled(part: Part, entries: Iterable[str], room: int) -> Part:
    """Return `part` with as many of `entries` as `room` characters hold."""
    size = DenySize(part.entries, cut=part.issued_before is not None)
    taken = []
    for entry in entries:
        if size.with_one_more(entry) <= room:
            taken.append(entry)
            size.add(entry)
    return replace(part, entries=part.entries | frozenset(taken))
