"""Which attributes of users and groups the database can filter and sort by itself, and how."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Collate, Lower, NullIf
from scim2_models.path import AttributeBinding

from portal.directory.models import ScimMembership
from portal.scim.resources import GROUP_SCHEMA, USER_SCHEMA

CORE = (USER_SCHEMA, GROUP_SCHEMA)


@dataclass(frozen=True, slots=True)
class Text:
    """Text in a column; `exact`: letters' case counts. An empty one counts as none where the attribute may lack."""

    column: str
    exact: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Flag:
    column: str


@dataclass(frozen=True, slots=True)
class Moment:
    column: str


@dataclass(frozen=True, slots=True)
class Identifier:
    column: str


@dataclass(frozen=True, slots=True)
class Constant:
    value: str


@dataclass(frozen=True, slots=True)
class Related:
    """The ids of what belongs to it, in another table."""

    having: Callable[[UUID | None], Q]


Column = Text | Flag | Moment | Identifier | Constant | Related


def _in_group(group: UUID | None) -> Q:
    told = ScimMembership.objects.filter(user=OuterRef("pk"))
    return Q(Exists(told if group is None else told.filter(group=group)))


def _with_member(user: UUID | None) -> Q:
    told = ScimMembership.objects.filter(group=OuterRef("pk"))
    return Q(Exists(told if user is None else told.filter(user=user)))


SHARED: Mapping[str, Column] = {
    "id": Identifier("pk"),
    "externalId": Text("external_id", exact=True, optional=True),
    "meta.created": Moment("created_at"),
    "meta.lastModified": Moment("modified_at"),
}
USER_COLUMNS: Mapping[str, Column] = {
    **SHARED,
    "userName": Text("user_name"),
    "active": Flag("is_active"),
    "meta.resourceType": Constant("User"),
    "groups": Related(_in_group),
    "groups.value": Related(_in_group),
}
GROUP_COLUMNS: Mapping[str, Column] = {
    **SHARED,
    "displayName": Text("group__name"),
    "meta.resourceType": Constant("Group"),
    "members": Related(_with_member),
    "members.value": Related(_with_member),
}


def name_of(binding: AttributeBinding) -> str:
    """Return an attribute's name as in `emails.value`; one of an extension has its schema and a colon in front."""
    schema = next((known for known in CORE if binding.urn.startswith(f"{known}:")), "")
    return binding.urn[len(schema) + 1 :] if schema else binding.urn


def sort_key(binding: AttributeBinding, columns: Mapping[str, Column]) -> Combinable | None:
    """Return what the database can sort by, or None where it takes a look at each resource."""
    column = columns.get(name_of(binding))
    if isinstance(column, Text):
        told: Combinable = F(column.column) if column.exact else Lower(column.column)
        ordered = by_code_point(told)
        return NullIf(ordered, Value("")) if column.optional else ordered
    if isinstance(column, Flag | Moment | Identifier):
        return F(column.column)
    if column is None and "resource" in _kept_in(columns) and not binding.is_multivalued:
        return _kept_key(binding)
    return None


def by_code_point(text: Combinable) -> Combinable:
    """Return text that compares by code points, as the specification's lexical order and Python do."""
    return Collate(text, "C" if connection.vendor == "postgresql" else "BINARY")


def _kept_in(columns: Mapping[str, Column]) -> set[str]:
    return {"resource"} if columns is USER_COLUMNS else set()


def _kept_key(binding: AttributeBinding) -> Combinable | None:
    """Return a single value that stands in the JSON column."""
    if not (isinstance(binding.target_type, type) and issubclass(binding.target_type, str)):
        return None
    name = name_of(binding)
    if name.partition(".")[0] in {"schemas", "meta", "id"}:
        return None
    schema, _, attribute = name.rpartition(":")
    parts = [part for part in (schema, *attribute.split(".")) if part]
    place: Combinable = F("resource")
    for part in parts[:-1]:
        place = KeyTransform(part, place)
    return by_code_point(Lower(KeyTextTransform(parts[-1], place), output_field=TextField()))
