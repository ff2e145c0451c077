"""A directory's groups as rows here: by what never changes about them, never by their name.

Two groups of one name stand in different places of a directory, and whoever may write in one place must not get what
was given to the other's members: the second is called by its whole DN here. A group that was removed and made anew is
another one, too.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from django.db import transaction

from portal.directory.models import Group, IdentityProvider
from portal.identity.operations.keep_groups import LONGEST_GROUP
from portal.kernel.batches import batches

AT_ONCE = 500
LONGEST_ID = 256


class ToldGroup(Protocol):
    """What a directory tells of a group."""

    @property
    def stable_id(self) -> str: ...
    @property
    def dn(self) -> str: ...
    @property
    def name(self) -> str: ...


def group_rows(*, provider: IdentityProvider, told: Sequence[ToldGroup], is_all: bool) -> Mapping[str, UUID]:
    """Return the rows of these groups by stable id; those that are missing are made.

    `is_all`: these are all groups of the directory. Then one that an admin made here by name alone becomes the one
    of that name, where there is one only, and what was renamed there is renamed here. Else a group whose name is
    taken by such a row is left out until the next sync.
    """
    usable = {group.stable_id: group for group in told if 1 <= len(group.stable_id) <= LONGEST_ID}
    names = {group.stable_id: _name(provider, group) for group in usable.values()}
    times = Counter(names.values())
    rows: dict[str, UUID] = {}
    for ids in batches(sorted(usable), AT_ONCE):
        with transaction.atomic():
            part = {stable_id: usable[stable_id] for stable_id in ids}
            rows |= _Rows(provider, part, names, times, is_all=is_all).keep()
    return rows


class _Rows:
    """Some hundred groups, in one transaction."""

    def __init__(
        self,
        provider: IdentityProvider,
        told: Mapping[str, ToldGroup],
        names: Mapping[str, str],
        times: Mapping[str, int],
        *,
        is_all: bool,
    ) -> None:
        self.provider, self.told, self.names, self.times, self.is_all = provider, told, names, times, is_all
        ours = Group.objects.filter(provider=provider)
        self.known = {row.external_id: row for row in ours.filter(external_id__in=list(told))}
        wanted = {names[stable_id] for stable_id in told}
        self.taken = {row.name: row for row in ours.filter(name__in=wanted)}

    def keep(self) -> dict[str, UUID]:
        for stable_id in self.told:
            if stable_id in self.known:
                if self.is_all:
                    self._rename(self.known[stable_id])
            elif (row := self._claimed(stable_id)) is not None:
                self.known[stable_id] = row
            elif (name := self._free_name(stable_id)) is not None:
                # Somebody who signs in meanwhile may make it, too: the constraint lets one of the two.
                row, _ = Group.objects.get_or_create(
                    provider=self.provider, external_id=stable_id, defaults={"name": name}
                )
                self.known[stable_id] = self.taken[name] = row
        return {stable_id: row.pk for stable_id, row in self.known.items()}

    def _rename(self, row: Group) -> None:
        name = self.names[row.external_id]
        if row.name != name and name not in self.taken and self.times[name] == 1:
            row.name = name
            row.save(update_fields=["name"])
            self.taken[name] = row

    def _claimed(self, stable_id: str) -> Group | None:
        """Return the row that an admin made by name, where only this group can be meant."""
        row = self.taken.get(self.names[stable_id])
        if not self.is_all or row is None or row.external_id or self.times[row.name] > 1:
            return None
        row.external_id = stable_id
        row.save(update_fields=["external_id"])
        return row

    def _free_name(self, stable_id: str) -> str | None:
        name = self.names[stable_id]
        other = self.taken.get(name)
        if other is None and self.times[name] == 1 and len(name) <= LONGEST_GROUP:
            return name
        if other is not None and not other.external_id and not self.is_all:
            return None
        return _whole_name(name, self.told[stable_id])


def _name(provider: IdentityProvider, group: ToldGroup) -> str:
    names: Mapping[str, str] = provider.group_names
    return (
        names.get(group.stable_id) or names.get(group.dn) or names.get(group.name) or group.name or group.dn
    )


def _whole_name(name: str, group: ToldGroup) -> str:
    whole = f"{name} ({group.dn})"
    # Cut short it would be another group's: then its id says which it is.
    return whole if len(whole) <= LONGEST_GROUP else f"{name[:120]} ({group.stable_id[:70]})"
