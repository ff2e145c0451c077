"""From what a client wrote of a group to its name and who joins and leaves: members by thousands, never loaded."""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any
from uuid import UUID

from scim2_models import Context, InvalidFilterException, MutabilityException, PatchOp, PatchOperation
from scim2_models.path import CompareOperator, Comparison, FilterNode, LogicalExpr, LogicalOperator

from portal.directory.models import ScimGroup
from portal.identity.operations.provisioning import MemberChange, ToldGroup
from portal.kernel.errors import InvalidError
from portal.scim.bound import patches, paths
from portal.scim.errors import RefusedError
from portal.scim.quirks import cleaned_patch, cleaned_resource
from portal.scim.resources import POLICY, Group

MEMBERS = "members"
Change = Callable[[ScimGroup], tuple[ToldGroup, MemberChange]]


def made_group(body: Mapping[str, Any]) -> tuple[ToldGroup, frozenset[UUID]]:
    """Return the group that a POST tells, and who is in it (RFC 7644, 3.3). Raises what `error_answer` knows."""
    return _whole(body, Context.RESOURCE_CREATION_REQUEST)


def replaced_group(body: Mapping[str, Any]) -> Change:
    """Return what makes a group the one that a PUT tells: members that it doesn't name are out (RFC 7644, 3.5.1)."""
    told, members = _whole(body, Context.RESOURCE_REPLACEMENT_REQUEST)
    return lambda _: (told, MemberChange(members, only=True))


def patched_group(body: Mapping[str, Any]) -> Change:
    """Return what applies a PATCH to a group (RFC 7644, 3.5.2). Both raise what `error_answer` knows."""
    rest: list[dict[str, Any]] = []
    steps: list[MemberChange] = []
    for operation in cleaned_patch(body, Group)["Operations"]:
        others, step = _split(operation)
        rest += others
        steps += step
    members = reduce(_then, steps, MemberChange())
    patch = _patch(rest) if rest else None

    def change(group: ScimGroup) -> tuple[ToldGroup, MemberChange]:
        model = Group(display_name=group.group.name, external_id=group.external_id or None)
        if patch is not None:
            patch.patch(model, scim_policy=POLICY)
        return _told(model), members

    return change


def _whole(body: Mapping[str, Any], context: Context) -> tuple[ToldGroup, frozenset[UUID]]:
    cleaned = cleaned_resource(body)
    members: list[Any] = []
    for key in [key for key in cleaned if key.lower() == MEMBERS]:
        members = cleaned.pop(key) or []
    model = Group.model_validate(cleaned, scim_ctx=context, scim_policy=POLICY)
    return _told(model), _ids(members)


def _told(model: Group) -> ToldGroup:
    return ToldGroup(name=model.display_name or "", external_id=model.external_id or "")


def _patch(operations: list[dict[str, Any]]) -> PatchOp[Group]:
    return patches(Group).model_validate(
        {"schemas": [str(PatchOp.__schema__)], "Operations": operations},
        scim_ctx=Context.RESOURCE_PATCH_REQUEST,
        scim_policy=POLICY,
    )


def _split(operation: dict[str, Any]) -> tuple[list[dict[str, Any]], list[MemberChange]]:
    """Return what an operation does to the group itself, and what to its members."""
    path = operation.get("path")
    if path is None:
        value = operation.get("value")
        if not isinstance(value, dict):
            return [operation], []
        named = [key for key in value if _attribute(key) == MEMBERS]
        steps = [_step({**operation, "path": MEMBERS, "value": value[key]}) for key in named]
        others = {key: inner for key, inner in value.items() if key not in named}
        return ([{**operation, "value": others}] if others or not named else []), steps
    if _attribute(path) == MEMBERS:
        return [], [_step(operation)]
    return [operation], []


def _attribute(text: str) -> str:
    parts = paths(Group)(text).parts
    return parts[0].lower() if parts else ""


def _step(operation: dict[str, Any]) -> MemberChange:
    """Return what one operation does to the members."""
    kind = PatchOperation.Op(str(operation.get("op", "")).lower()) if _is_known(operation) else None
    if kind is None:
        raise RefusedError(400, "An operation is add, remove or replace.", "invalidValue")
    path = paths(Group)(operation["path"])
    value = operation.get("value")
    if len(path.parts) > 1:
        raise MutabilityException(detail="Members come and go whole: what is said of one stays.")
    if path.value_filter is not None:
        return _selected(kind, path.value_filter)
    if kind == PatchOperation.Op.remove:
        return MemberChange(only=True) if value is None else MemberChange(removed=_ids(value))
    if kind == PatchOperation.Op.add and value is None:
        raise RefusedError(400, "An add says whom.", "invalidValue")
    return MemberChange(_ids(value or []), only=kind == PatchOperation.Op.replace_)


def _is_known(operation: Mapping[str, Any]) -> bool:
    return str(operation.get("op", "")).lower() in set(PatchOperation.Op)


def _selected(kind: PatchOperation.Op, selection: FilterNode) -> MemberChange:
    if kind != PatchOperation.Op.remove:
        raise MutabilityException(detail="A member is added or removed, never changed.")
    return MemberChange(removed=frozenset(_named(selection)))


def _named(selection: FilterNode) -> list[UUID]:
    """Return whom a filter such as `value eq "…" or value eq "…"` names."""
    if isinstance(selection, LogicalExpr) and selection.op == LogicalOperator.or_:
        return [user for term in selection.terms for user in _named(term)]
    if (
        isinstance(selection, Comparison)
        and selection.op == CompareOperator.eq
        and selection.attr_path.attr.lower() == "value"
    ):
        found = _id(selection.value)
        return [] if found is None else [found]
    raise InvalidFilterException(detail='Members are named by value eq "…", joined by or.')


def _then(before: MemberChange, step: MemberChange) -> MemberChange:
    """Return both changes as one."""
    if step.only:
        return step
    added = (before.added | step.added) - step.removed
    return MemberChange(added, (before.removed - step.added) | step.removed, only=before.only)


def _ids(members: Any) -> frozenset[UUID]:
    """Return the users that members name.

    Raises:
        InvalidError: a member that is none, or a group.
    """
    found: set[UUID] = set()
    for member in members if isinstance(members, list) else [members]:
        told = {key.lower(): value for key, value in member.items()} if isinstance(member, dict) else {}
        if (
            str(told.get("type", "User")).lower() == "group"
            or "/groups/" in str(told.get("$ref", "")).lower()
        ):
            raise InvalidError("A group has users as members: groups of groups aren't taken.", field=MEMBERS)
        user = _id(told.get("value"))
        if user is None:
            raise InvalidError("A member has the id of a user as its value.", field=MEMBERS)
        found.add(user)
    return frozenset(found)


def _id(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
