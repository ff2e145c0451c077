"""Users and groups as a client reads them (RFC 7643, 3.1 and 4), a page at a time by a fixed number of queries."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from scim2_models import Context, ResponseParameters, TooManyException

from portal.directory.models import ScimGroup, ScimMembership, ScimUser
from portal.scim.answers import etag
from portal.scim.bound import paths
from portal.scim.resources import GROUP_SCHEMA, POLICY, USER_SCHEMA, Group
from portal.scim.told_users import as_model, kept

ENTERPRISE_SCHEMA = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
# A page's members, written out, are some 10 MB.
MOST_MEMBERS = 50_000
Parameters = ResponseParameters[Any]


class InGroup(NamedTuple):
    """A group that a user is in."""

    id: UUID
    name: str


def location(base: str, row: ScimUser | ScimGroup) -> str:
    return f"{base}/{'Users' if isinstance(row, ScimUser) else 'Groups'}/{row.pk}"


def user_bodies(
    users: Sequence[ScimUser], *, base: str, wanted: Parameters | None = None
) -> list[dict[str, Any]]:
    """Return users, with all or what is `wanted` of their attributes (RFC 7644, 3.9)."""
    groups = groups_of(users)
    return [user_body(user, groups[user.pk], base=base, wanted=wanted) for user in users]


def user_body(
    user: ScimUser, groups: Sequence[InGroup], *, base: str, wanted: Parameters | None = None
) -> dict[str, Any]:
    worked_out = worked_out_of(user, groups, base=base)
    if wanted is not None:
        # Only the library knows which names mean what.
        return as_model(user, **worked_out).model_dump(
            scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=wanted, scim_policy=POLICY
        )
    return {**worked_out, **kept(user)}


def worked_out_of(user: ScimUser, groups: Sequence[InGroup], *, base: str) -> dict[str, Any]:
    """Return of a user what no client tells."""
    extended = [ENTERPRISE_SCHEMA] if ENTERPRISE_SCHEMA in user.resource else []
    told: dict[str, Any] = {
        "schemas": [USER_SCHEMA, *extended],
        "id": str(user.pk),
        "meta": _meta(user, base=base, kind="User"),
    }
    if groups:
        told["groups"] = [
            {
                "value": str(group.id),
                "$ref": f"{base}/Groups/{group.id}",
                "display": group.name,
                "type": "direct",
            }
            for group in groups
        ]
    return told


def groups_of(users: Sequence[ScimUser]) -> dict[UUID, list[InGroup]]:
    """Return which groups these users were told to be in, by one query."""
    found: dict[UUID, list[InGroup]] = defaultdict(list)
    rows = ScimMembership.objects.filter(user__in=[user.pk for user in users])
    told = rows.order_by("group__group__name").values_list("user_id", "group_id", "group__group__name")
    for user, group, name in told:
        found[user].append(InGroup(group, name))
    return found


def group_bodies(
    groups: Sequence[ScimGroup], *, base: str, wanted: Parameters | None = None, members: bool = True
) -> list[dict[str, Any]]:
    """Return groups, with all or what is `wanted` of their attributes, and their members by one query.

    Raises:
        TooManyException: more than 50,000 members in all, for more groups than one.
    """
    parts = _member_parts(wanted) if members else set()
    told = _members(groups) if parts else {}
    return [_group_body(group, told.get(group.pk, ()), parts, base=base, wanted=wanted) for group in groups]


def _group_body(
    group: ScimGroup, members: Sequence[UUID], parts: set[str], *, base: str, wanted: Parameters | None
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "schemas": [GROUP_SCHEMA],
        "id": str(group.pk),
        "displayName": group.group.name,
        "meta": _meta(group, base=base, kind="Group"),
    }
    if group.external_id:
        body["externalId"] = group.external_id
    if wanted is not None:
        body = Group.model_validate(body).model_dump(
            scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=wanted, scim_policy=POLICY
        )
    if members:
        users = f"{base}/Users"
        body["members"] = [
            {
                name: value
                for name, value in (("value", str(user)), ("$ref", f"{users}/{user}"), ("type", "User"))
                if name in parts
            }
            for user in members
        ]
    return body


def _member_parts(wanted: Parameters | None) -> set[str]:
    """Return what of a member is to be told."""
    told = (
        paths(Group).iter_paths()
        if wanted is None
        else paths(Group).iter_paths(
            attributes=wanted.attributes or [], excluded_attributes=wanted.excluded_attributes or []
        )
    )
    return {path.parts[1] for path in told if path.parts[0] == "members" and len(path.parts) > 1}


def _members(groups: Sequence[ScimGroup]) -> dict[UUID, list[UUID]]:
    rows = ScimMembership.objects.filter(group__in=[group.pk for group in groups])
    told = rows.order_by("group_id", "user_id").values_list("group_id", "user_id")
    found: dict[UUID, list[UUID]] = defaultdict(list)
    many = len(groups) > 1
    for number, (group, user) in enumerate(told[: MOST_MEMBERS + 1] if many else told):
        if many and number == MOST_MEMBERS:
            raise TooManyException(
                detail=f"These groups have more than {MOST_MEMBERS} members: ask for fewer groups at a time, or with "
                "excludedAttributes=members."
            )
        found[group].append(user)
    return found


def _meta(row: ScimUser | ScimGroup, *, base: str, kind: str) -> dict[str, str]:
    return {
        "resourceType": kind,
        "created": _moment(row.created_at),
        "lastModified": _moment(row.modified_at),
        "location": location(base, row),
        "version": etag(row.version),
    }


def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
