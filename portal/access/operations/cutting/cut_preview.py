"""Whom an operator's cut of a whole role would reach, by name: shown before it is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.access.lifecycle import STANDING, stored
from portal.access.models import AwsSession, DenyDocument, Grant
from portal.access.operations.drift.beliefs import principal_of, principal_of_role
from portal.access.queries import works
from portal.catalog.models import AwsRole
from portal.directory.models import Person
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, NotFoundError


@dataclass(frozen=True, slots=True)
class Victim:
    """A person whom the cut reaches: sessions that may be alive, by kind, and grants that are not over."""

    person: Person
    sessions: Mapping[str, int]
    grants: int

    @property
    def is_in(self) -> bool:
        return bool(self.sessions)


@dataclass(frozen=True, slots=True)
class CutPreview:
    """`victims`: those who are in first, then by name. `others`: nobody knows who else works on it past the portal."""

    document: DenyDocument
    roles: Sequence[AwsRole]
    victims: Sequence[Victim]

    @property
    def number_in(self) -> int:
        return sum(victim.is_in for victim in self.victims)


def document_of_role(role_id: UUID) -> DenyDocument:
    """Return the document of a role's denies, made where nothing was ever denied there.

    Raises:
        NotFoundError, ConflictError: as cut_role.
    """
    role = AwsRole.objects.select_related("account").filter(pk=role_id).first()
    if role is None:
        raise NotFoundError("There is no such role.")
    _check_kill_switch([role])
    target = role.deny_target
    document, _ = DenyDocument.objects.get_or_create(
        account=role.account, kind=target.kind.value, name=target.name
    )
    return document


def preview_cut(document_id: int) -> CutPreview:
    """Return whom a cut would reach. Takes no lock and checks no permission.

    Raises:
        NotFoundError, ConflictError: as cut_role.
    """
    document = DenyDocument.objects.select_related("account").filter(pk=document_id).first()
    if document is None:
        raise NotFoundError("There is no such role or user.")
    roles = _roles_of(document)
    _check_kill_switch(roles)
    return CutPreview(document, roles, _victims(roles, database_now()))


def _roles_of(document: DenyDocument) -> Sequence[AwsRole]:
    principal = principal_of(document)
    roles = AwsRole.objects.filter(account=document.account_id, name=document.name).select_related("account")
    return [role for role in roles.order_by("title", "pk") if principal_of_role(role) == principal]


def _check_kill_switch(roles: Sequence[AwsRole]) -> None:
    if not any(role.has_kill_switch for role in roles):
        raise ConflictError(
            "Nothing can be cut off there: the portal may not write this role (no kill switch)."
        )


def _victims(roles: Sequence[AwsRole], now: datetime) -> Sequence[Victim]:
    sessions: dict[object, dict[str, int]] = {}
    alive = AwsSession.objects.filter(works(now), grant__role__in=roles)
    # Whom AWS denies already is out.
    alive = alive.exclude(grant__revocation__state__in=stored(STANDING))
    for person, kind in alive.values_list("grant__person", "kind"):
        counted = sessions.setdefault(person, {})
        counted[kind] = counted.get(kind, 0) + 1
    grants: dict[object, int] = {}
    for person in Grant.objects.filter(role__in=roles, ended_at=None).values_list("person", flat=True):
        grants[person] = grants.get(person, 0) + 1
    people = (
        Person.objects.filter(pk__in={*sessions, *grants}).select_related("partner").order_by("name", "pk")
    )
    found = [Victim(each, sessions.get(each.pk, {}), grants.get(each.pk, 0)) for each in people]
    return sorted(found, key=lambda victim: not victim.is_in)
