"""What the operations of provisioning share: what a SCIM client told, its refusals, and the provider's lock.

All changes of one provider's users and groups come one after the other, under the lock on the provider's row: before
people in the order of locks. Making a user needs no lock: constraints decide.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from portal.directory.models import IdentityProvider, Person
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError

LONGEST_NAME = 256
LONGEST_GROUP = 200
# So many values stand in one statement on either database.
PORTION = 5000
T = TypeVar("T")


class TakenError(ConflictError):
    """Another user or group of this provider is called so (RFC 7644, 3.12: uniqueness)."""

    code = "taken"


class FixedError(ConflictError):
    """This can't be changed as things are (RFC 7644, 3.12: mutability)."""

    code = "fixed"


class OverwrittenError(ConflictError):
    """It has another version than those that the change was for (RFC 7644, 3.14)."""

    code = "overwritten"


@dataclass(frozen=True, slots=True)
class ToldUser:
    """A user as a client told it. `is_active` None: it didn't say. `resource`: all that has no column."""

    user_name: str
    external_id: str = ""
    is_active: bool | None = None
    name: str = ""
    email: str = ""
    resource: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToldGroup:
    name: str
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class MemberChange:
    """Who joins and who leaves, by the ids of SCIM users; with `only`, all others leave."""

    added: frozenset[UUID] = frozenset()
    removed: frozenset[UUID] = frozenset()
    only: bool = False


def lock_provider(provider: IdentityProvider) -> IdentityProvider:
    """Return the provider, locked. Raises ForbiddenError where it was switched off meanwhile."""
    found = (
        IdentityProvider.objects.select_for_update(no_key=True, of=("self",)).filter(pk=provider.pk).first()
    )
    if found is None or not found.is_enabled:
        raise ForbiddenError(f"{provider.name} is switched off.")
    return found


def lock_people(person_ids: Collection[UUID]) -> None:
    """Lock people in the order of their ids, portion by portion."""
    for portion in portions(sorted(person_ids)):
        locked = Person.objects.select_for_update(no_key=True).filter(pk__in=portion).order_by("pk")
        list(locked.values_list("pk"))


def check_version(version: int, wanted: Collection[int] | None) -> None:
    """Raise OverwrittenError unless the version is one of those `wanted`; None: any will do."""
    if wanted is not None and version not in wanted:
        raise OverwrittenError(f"It has changed since: it has version {version} now. Read it again.")


def checked(text: str, *, name: str, longest: int) -> str:
    """Return a text that names something, as it is. Raises InvalidError where it can't stand in a line or a column."""
    if not 1 <= len(text) <= longest:
        raise InvalidError(f"{name} has 1 to {longest} characters.", field=name)
    if text != text.strip() or not text.isprintable():
        raise InvalidError(f"{name} has no white space around it and no control characters.", field=name)
    return text


def portions(values: Sequence[T], size: int = PORTION) -> Iterator[list[T]]:
    """Return the values in lists of at most `size`."""
    rest = iter(values)
    while portion := list(islice(rest, size)):
        yield portion
