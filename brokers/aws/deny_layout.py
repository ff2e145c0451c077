"""Which denied session goes into which policy: pure reckoning, no call.

Slot 0 is the principal's inline policy, slots 1 to 10 are managed policies of the portal's own. What stands stays
where it stands, what is new fills free room in the order in which the slots come, and as soon as all of it fits
into slot 0, all of it goes there.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from brokers.aws.revocation import DenySize

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
    for slot, room in rooms.items():
        parts[slot] = _filled(parts[slot], sorted(missing), room)
        missing -= parts[slot].entries
    return None if missing else {slot: part for slot, part in parts.items() if part}


def order(target: Layout, standing: Layout, broken: Collection[int]) -> list[int]:
    """Return the slots to write, in an order in which nothing that is to stay denied is ever absent.

    Slots that are as they should be are left out; `broken` ones, whose text nobody can trust, come last. What is in
    `standing` alone is emptied after all of them.
    """
    now = dict(standing)
    kept = _denied(now) & _denied(target)
    due = [slot for slot, part in target.items() if slot in broken or part != now.get(slot)]
    due.sort(key=lambda slot: (slot in broken, slot))
    done = []
    while due:
        # What only gains may always go; what something moves out of waits until that stands elsewhere.
        slot = next((slot for slot in due if kept <= _denied({**now, slot: target[slot]})), due[0])
        now[slot] = target[slot]
        due.remove(slot)
        done.append(slot)
    return done


def _denied(layout: Layout) -> frozenset[str]:
    return frozenset[str]().union(*(part.entries for part in layout.values()))


def _stay(wanted: Part, standing: Layout, rooms: Mapping[int, int]) -> tuple[dict[int, Part], set[str]]:
    """Return what stays in each slot as far as there is room, and what has no place yet."""
    parts: dict[int, Part] = {}
    missing = set(wanted.entries)
    for slot, room in rooms.items():
        here = standing.get(slot, Part())
        cut = here.issued_before and wanted.issued_before
        parts[slot] = _filled(Part(issued_before=cut), sorted(here.entries & missing), room)
        missing -= parts[slot].entries
    return {slot: replace(part, issued_before=None) for slot, part in parts.items()}, missing


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
