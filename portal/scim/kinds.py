"""What differs between users and groups where all else is the same: tables, columns, how they are written out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet
from scim2_models import Context, Resource, ResponseParameters

from portal.directory.models import IdentityProvider, ScimGroup, ScimUser
from portal.scim.columns import GROUP_COLUMNS, USER_COLUMNS, Column
from portal.scim.representing import group_bodies, groups_of, user_bodies, worked_out_of
from portal.scim.resources import POLICY, Group, WholeUser
from portal.scim.told_users import as_model

Row = TypeVar("Row", ScimUser, ScimGroup)


@dataclass(frozen=True, slots=True)
class Kind(Generic[Row]):
    """One of the two. `models`: rows as the library's models, for a filter that is decided by looking at each."""

    model: type[Resource[Any]]
    columns: Mapping[str, Column]
    rows: Callable[[IdentityProvider], QuerySet[Row]]
    models: Callable[[Sequence[Row], str], list[Resource[Any]]]
    write: Callable[[Sequence[Row], str, ResponseParameters[Any] | None], list[dict[str, Any]]]


def _user_models(users: Sequence[ScimUser], base: str) -> list[Resource[Any]]:
    groups = groups_of(users)
    return [as_model(user, **worked_out_of(user, groups[user.pk], base=base)) for user in users]


def _group_models(groups: Sequence[ScimGroup], base: str) -> list[Resource[Any]]:
    """Without members: filters that ask for those are decided by the database, or refused."""
    bodies = group_bodies(groups, base=base, members=False)
    return [Group.model_validate(body, scim_ctx=Context.DEFAULT, scim_policy=POLICY) for body in bodies]


USERS: Kind[ScimUser] = Kind(
    model=WholeUser,
    columns=USER_COLUMNS,
    rows=lambda provider: ScimUser.objects.filter(provider=provider),
    models=_user_models,
    write=lambda users, base, wanted: user_bodies(users, base=base, wanted=wanted),
)
GROUPS: Kind[ScimGroup] = Kind(
    model=Group,
    columns=GROUP_COLUMNS,
    rows=lambda provider: ScimGroup.objects.filter(provider=provider).select_related("group"),
    models=_group_models,
    write=lambda groups, base, wanted: group_bodies(groups, base=base, wanted=wanted),
)
