from typing import Any
from uuid import UUID

from django.contrib.admin.widgets import AutocompleteSelect


class KeySelect(AutocompleteSelect):
    """Search-as-you-type for rows with a UUID. Django's own breaks the page when it is sent something else."""

    def optgroups(self, name: str, value: Any, attrs: dict[str, Any] | None = None) -> Any:
        return super().optgroups(name, [each for each in value if _is_key(each)], attrs)


def _is_key(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return value in {"", None}
    return True
