from typing import Any
from uuid import UUID

from django import forms
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import Model

from portal.directory.models import Person


class KeySelect(AutocompleteSelect):
    """Search-as-you-type for rows with a UUID. Django's own breaks the page when it is sent something else."""

    def optgroups(self, name: str, value: Any, attrs: dict[str, Any] | None = None) -> Any:
        return super().optgroups(name, [each for each in value if _is_key(each)], attrs)


class TellingApart(AutocompleteJsonView):
    """Django's search as one types, with names that can't be taken for another's."""

    def serialize_result(self, obj: Model, to_field_name: str) -> dict[str, str]:
        return {**super().serialize_result(obj, to_field_name), "text": told_apart(obj)}


class PersonField(forms.ModelChoiceField[Person]):
    """A choice of people, each told apart from namesakes of other companies."""

    def label_from_instance(self, obj: Person) -> str:
        return told_apart(obj)


def told_apart(row: Model) -> str:
    """Return a row's name, a partner's person with the company: a partner's provider names its people as it likes."""
    company = row.partner if isinstance(row, Person) else None
    return f"{row} ({company})" if company else str(row)


def _is_key(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return value in {"", None}
    return True
