"""Whoever leaves a group loses what they took through it: at once, live sessions included."""

from collections.abc import Collection
from uuid import UUID

from django.db import transaction

from portal.access.lifecycle import LIVING, GrantState, stored
from portal.access.models import Grant
from portal.access.operations.cutting.cut_sessions import cut_what_runs_out
from portal.access.operations.grants.end_grants import Ending, end_locked_grants
from portal.audit.events import EventType
from portal.directory.models import Group, Person
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now


def end_what_groups_gave(*, person_id: UUID, group_ids: Collection[UUID], actor: Actor) -> int:
    """End, suspended, what a person took through entitlements of these groups; returns how many grants ended.

    Also cuts the sessions of what they had given back to run out. No permission is asked: the caller has taken them
    out of the groups, for a reason of its own.
    """
    with transaction.atomic():
        # People first, in the order of locks: nobody takes something through the group meanwhile.
        list(Person.objects.select_for_update(no_key=True).filter(pk=person_id).values_list("pk"))
        through = Grant.objects.filter(person=person_id, entitlement__group__in=group_ids)
        grants = list(
            through.filter(state__in=stored(LIVING))
            .select_for_update(no_key=True, of=("self",))
            .select_related("role__account")
            .order_by("pk")
        )
        now = database_now()
        names = ", ".join(Group.objects.filter(pk__in=group_ids).values_list("name", flat=True)[:5])
        why = f"They are no longer in {names}."[:500]
        if grants:
            end_locked_grants(
                grants, Ending(GrantState.SUSPENDED, EventType.GRANT_SUSPENDED, actor, now, why)
            )
        cut_what_runs_out(through, reason=why, actor=actor, at=now)
    return len(grants)
