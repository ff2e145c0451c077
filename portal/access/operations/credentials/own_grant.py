"""An actor's own grant, as it is looked at before anything is asked of anybody: without a lock or a refusal."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from portal.access.models import Grant
from portal.kernel.actor import Actor
from portal.kernel.prepared import PreparedModels


def own_grant(*, grant_id: UUID, actor: Actor) -> Grant | None:
    """Return it with its person, role and account. None: others find out nothing, and are refused when they ask."""
    found = _own.first({"grant": grant_id, "person": actor.owner_id})
    return None if found is None else found[0]


def _build(given: Mapping[str, Any]) -> QuerySet[Grant]:
    grants = Grant.objects.filter(pk=given["grant"], person=given["person"])
    return grants.select_related("person", "role__account", "role__vouched_by").order_by()


_own = PreparedModels(
    _build,
    {
        "grant": UUID("00000000-0000-4000-8000-0000000000a1"),
        "person": UUID("00000000-0000-4000-8000-0000000000a2"),
    },
)
