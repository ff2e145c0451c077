"""A sync's memberships: who is to join and to leave which group; and that done, with what was held through it ended.

Whoever signed in since the sync began is left out: their sign-in read their groups later than the sync did.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, groupby
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from portal.access.lifecycle import LIVING, stored
from portal.access.models import Grant
from portal.access.operations.grants.end_with_group import end_what_groups_gave
from portal.audit.events import EventType
from portal.audit.operations import Entry, record_all
from portal.catalog.models import Entitlement
from portal.directory.models import ExternalIdentity, Group, GroupMembership, IdentityProvider, Person
from portal.identity.directory_reading import DirectoryReading
from portal.identity.operations.ask_anew import SUBJECT_FORMAT
from portal.identity.operations.sync_runs import Running
from portal.kernel.batches import batches
from portal.kernel.clock import database_now

GROUPS_AT_ONCE = 200
PEOPLE_AT_ONCE = 500
# A change is one number: the person's, the group's, and whether they join.
_GROUP_BITS = 31


@dataclass
class MembershipChanges:
    """`losers`: how many people leave a group that gives them something."""

    losers: int = 0
    groups: list[UUID] = field(default_factory=list)
    packed: "array[int]" = field(default_factory=lambda: array("Q"))

    def add(self, person: int, group: int, *, joins: bool) -> None:
        self.packed.append(person << _GROUP_BITS + 1 | group << 1 | joins)

    def apply(self, running: Running, reading: DirectoryReading) -> None:
        """Do it, some hundred people at a time."""
        for part in batches(self._by_person(reading), PEOPLE_AT_ONCE):
            running.beat()
            _Batch(running, dict(part)).apply()

    def _by_person(self, reading: DirectoryReading) -> Iterator[tuple[UUID, "_Moves"]]:
        for number, packed in groupby(sorted(self.packed), lambda one: one >> _GROUP_BITS + 1):
            moves = _Moves()
            for one in packed:
                group = self.groups[(one >> 1) & (1 << _GROUP_BITS) - 1]
                (moves.joins if one & 1 else moves.leaves).add(group)
            yield reading.person(number), moves


@dataclass
class _Moves:
    joins: set[UUID] = field(default_factory=set)
    leaves: set[UUID] = field(default_factory=set)


def find_changes(
    running: Running, reading: DirectoryReading, rows: Mapping[str, UUID], told: Iterable[set[int]]
) -> MembershipChanges:
    """Compare who is in which group here with what was read; of people who were read, and of no others."""
    provider = running.run.provider
    changes = MembershipChanges()
    giving = set(
        Entitlement.objects.filter(group__provider=provider, is_enabled=True).values_list("group", flat=True)
    )
    losers: set[int] = set()
    nobody: set[int] = set()
    over = ((group, nobody) for group in _forgotten(provider, rows.values()))
    for part in batches(chain(_with_rows(reading, rows, told), over), GROUPS_AT_ONCE):
        losers |= _compare(changes, reading, dict(part), giving)
    changes.losers = len(losers)
    return changes


def _with_rows(
    reading: DirectoryReading, rows: Mapping[str, UUID], told: Iterable[set[int]]
) -> Iterator[tuple[UUID, set[int]]]:
    for group, members in zip(reading.groups, told, strict=True):
        if group.stable_id in rows:
            yield rows[group.stable_id], members


def _forgotten(provider: IdentityProvider, rows: Collection[UUID]) -> set[UUID]:
    """Return the groups that the directory does not have any more. What SCIM keeps is SCIM's."""
    ours = Group.objects.filter(provider=provider, scim_group=None).values_list("pk", flat=True)
    return set(ours).difference(rows)


def _compare(
    changes: MembershipChanges,
    reading: DirectoryReading,
    told: Mapping[UUID, set[int]],
    giving: Collection[UUID],
) -> set[int]:
    """Note the changes of some groups; return who leaves one that gives something."""
    held: dict[UUID, set[int]] = {group: set() for group in told}
    pairs = GroupMembership.objects.filter(group__in=list(told)).values_list("group", "person")
    for group, person in pairs.iterator():
        number = reading.number(person)
        if number is not None:
            held[group].add(number)
    losers: set[int] = set()
    for group, members in told.items():
        changes.groups.append(group)
        at = len(changes.groups) - 1
        for number in members - held[group]:
            changes.add(number, at, joins=True)
        for number in held[group] - members:
            changes.add(number, at, joins=False)
        if group in giving:
            losers |= held[group] - members
    return losers


class _Batch:
    """Some hundred people in one transaction; who holds something through a group they leave, in one of their own."""

    def __init__(self, running: Running, moves: dict[UUID, _Moves]) -> None:
        self.running, self.moves = running, moves
        groups = {group for one in moves.values() for group in one.joins | one.leaves}
        self.names = dict(Group.objects.filter(pk__in=groups).values_list("pk", "name"))

    def apply(self) -> None:
        with transaction.atomic():
            people = _lock(self.moves, self.running.run.provider, self.running.started_at)
            holders = self._holders(people)
            self._move([person for person in people if person not in holders])
        for person in holders:
            self.running.beat()
            with transaction.atomic():
                if _lock([person], self.running.run.provider, self.running.started_at):
                    self._move([person])
                    end_what_groups_gave(
                        person_id=person, group_ids=self.moves[person].leaves, actor=self.running.actor
                    )

    def _holders(self, people: Sequence[UUID]) -> list[UUID]:
        """Return who holds, or let run out, something that they took through a group they leave."""
        left = {group for person in people for group in self.moves[person].leaves}
        through = Grant.objects.filter(person__in=people, entitlement__group__in=left).filter(
            Q(state__in=stored(LIVING)) | Q(sessions_run_out=True)
        )
        return sorted(set(through.values_list("person", flat=True)))

    def _move(self, people: Sequence[UUID]) -> None:
        now = database_now()
        GroupMembership.objects.bulk_create(
            [
                GroupMembership(group_id=group, person_id=person, since=now)
                for person in people
                for group in sorted(self.moves[person].joins)
            ],
            ignore_conflicts=True,
            batch_size=5000,
        )
        left = {group for person in people for group in self.moves[person].leaves}
        if left:
            held = GroupMembership.objects.filter(person__in=people, group__in=left)
            over = [
                pk
                for pk, group, person in held.values_list("pk", "group", "person")
                if group in self.moves[person].leaves
            ]
            GroupMembership.objects.filter(pk__in=over).delete()
        record_all(self._entry(person, now) for person in people)
        self.running.add(
            joined=sum(len(self.moves[person].joins) for person in people),
            left=sum(len(self.moves[person].leaves) for person in people),
        )

    def _entry(self, person: UUID, now: datetime) -> Entry:
        joined, left = (
            sorted(self.names[group] for group in groups)
            for groups in (self.moves[person].joins, self.moves[person].leaves)
        )
        details = {"provider": self.running.run.provider.slug, "joined": joined[:50], "left": left[:50]}
        return Entry(
            type=EventType.PERSON_GROUPS_CHANGED,
            at=now,
            actor=self.running.actor,
            person_id=person,
            details=details,
        )


def _lock(people: Iterable[UUID], provider: IdentityProvider, since: datetime) -> list[UUID]:
    """Lock people in the order of locks; return those who are not gone, and did not sign in since."""
    locked = list(
        Person.objects.select_for_update(no_key=True)
        .filter(pk__in=list(people))
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    ours = ExternalIdentity.objects.filter(
        provider=provider, subject_format=SUBJECT_FORMAT, person__in=locked
    )
    there = set(ours.filter(gone_at=None).values_list("person", flat=True))
    fresh = set(ours.filter(last_seen_at__gte=since).values_list("person", flat=True))
    return [person for person in locked if person in there and person not in fresh]
