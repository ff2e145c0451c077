"""/Users and /Groups (RFC 7644, 3.2 to 3.6): the same steps for both, each change by one operation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic
from uuid import UUID

from django.http import HttpResponse

from portal.directory.models import ScimGroup, ScimUser
from portal.identity.operations.provision_group import change_group, deprovision_group, provision_group
from portal.identity.operations.provision_user import change_user, deprovision_user, provision_user
from portal.kernel.errors import NotFoundError
from portal.scim.answers import etag, resource_answer, with_headers
from portal.scim.door import Call, View, door
from portal.scim.kinds import GROUPS, USERS, Kind, Row
from portal.scim.preconditions import is_known, wanted_versions
from portal.scim.representing import location
from portal.scim.told_groups import made_group, patched_group, replaced_group
from portal.scim.told_users import made_user, patched_user, replaced_user
from portal.scim.views.parameters import asked_attributes
from portal.scim.views.queries import query_of


@dataclass(frozen=True, slots=True)
class Resources(Generic[Row]):
    """The operations of one kind. `shows_patched`: a PATCH is answered by the whole resource, unasked."""

    kind: Kind[Row]
    make: Callable[[Call], Row]
    change: Callable[..., Row]
    remove: Callable[..., None]
    replaced: Callable[[dict[str, Any]], Any]
    patched: Callable[[dict[str, Any]], Any]
    shows_patched: bool

    def collection(self) -> View:
        return door(GET=self._list, POST=self._make)

    def single(self) -> View:
        return door(GET=self._show, PUT=self._replace, PATCH=self._patch, DELETE=self._delete)

    def _list(self, call: Call) -> HttpResponse:
        return query_of(call, self.kind)

    def _make(self, call: Call) -> HttpResponse:
        wanted = asked_attributes(call.request, self.kind.model)
        return self._answer(call, self.make(call), wanted, status=201)

    def _show(self, call: Call, resource_id: str) -> HttpResponse:
        wanted = asked_attributes(call.request, self.kind.model)
        row = self.kind.rows(call.provider).filter(pk=_id(resource_id)).first()
        if row is None:
            raise NotFoundError(NOT_THERE)
        if is_known(call.request, row.version):
            return HttpResponse(status=304, headers={"ETag": etag(row.version)})
        return self._answer(call, row, wanted)

    def _replace(self, call: Call, resource_id: str) -> HttpResponse:
        wanted = asked_attributes(call.request, self.kind.model)
        return self._answer(call, self._changed(call, resource_id, self.replaced(call.body())), wanted)

    def _patch(self, call: Call, resource_id: str) -> HttpResponse:
        wanted = asked_attributes(call.request, self.kind.model)
        row = self._changed(call, resource_id, self.patched(call.body()))
        if wanted is None and not self.shows_patched:
            return with_headers(
                HttpResponse(status=204), version=row.version, location=location(call.base, row)
            )
        return self._answer(call, row, wanted)

    def _delete(self, call: Call, resource_id: str) -> HttpResponse:
        self.remove(call, _id(resource_id), wanted_versions(call.request))
        return HttpResponse(status=204)

    def _changed(self, call: Call, resource_id: str, change: Any) -> Row:
        return self.change(call, _id(resource_id), change, wanted_versions(call.request))

    def _answer(self, call: Call, row: Row, wanted: Any, *, status: int = 200) -> HttpResponse:
        (body,) = self.kind.write([row], call.base, wanted)
        return resource_answer(body, version=row.version, location=location(call.base, row), status=status)


NOT_THERE = "There is no such resource."


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFoundError(NOT_THERE) from None


def _make_user(call: Call) -> ScimUser:
    return provision_user(provider=call.provider, told=made_user(call.body()), actor=call.actor)


def _make_group(call: Call) -> ScimGroup:
    told, members = made_group(call.body())
    return provision_group(provider=call.provider, told=told, members=members, actor=call.actor)


def _change_user(call: Call, user_id: UUID, change: Any, versions: Any) -> ScimUser:
    return change_user(
        provider=call.provider, user_id=user_id, change=change, versions=versions, actor=call.actor
    )


def _change_group(call: Call, group_id: UUID, change: Any, versions: Any) -> ScimGroup:
    return change_group(
        provider=call.provider, group_id=group_id, change=change, versions=versions, actor=call.actor
    )


def _remove_user(call: Call, user_id: UUID, versions: Any) -> None:
    deprovision_user(provider=call.provider, user_id=user_id, versions=versions, actor=call.actor)


def _remove_group(call: Call, group_id: UUID, versions: Any) -> None:
    deprovision_group(provider=call.provider, group_id=group_id, versions=versions, actor=call.actor)


USER_RESOURCES = Resources(
    kind=USERS,
    make=_make_user,
    change=_change_user,
    remove=_remove_user,
    replaced=replaced_user,
    patched=patched_user,
    shows_patched=True,
)
# A PATCH of a group may be answered by 204 (3.5.2): its members may be thousands.
GROUP_RESOURCES = Resources(
    kind=GROUPS,
    make=_make_group,
    change=_change_group,
    remove=_remove_group,
    replaced=replaced_group,
    patched=patched_group,
    shows_patched=False,
)
