"""A group's member takes what the group is entitled to: a grant to oneself, which nobody else has to make."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from brokers.ports import AwsPorts
from portal.access.lifecycle import LIVING, stored
from portal.access.models import Grant
from portal.access.offers import offers_to
from portal.access.operations.grants import granting_rules as rules
from portal.access.operations.grants.make_grant import GrantOrder, write_grant
from portal.catalog.models import Entitlement
from portal.directory.vouching import check_vouched
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, InvalidError, NotFoundError
from portal.kernel.periods import utc_clock


def take_entitlement(
    *, entitlement_id: UUID, minutes: int, reason: str, aws: AwsPorts, actor: Actor
) -> Grant:
    """Give the actor the entitlement's role, with its scope, from now on for so many minutes.

    It ends when its person leaves the group (`end_with_group.py`): leaving and taking lock the person alike, so that
    nothing is taken by whoever has left.

    Raises:
        NotFoundError: none such, switched off, or the actor is not in its group.
        InvalidError: names the field: longer than the entitlement allows, no reason, or what every grant is asked.
        ConflictError: the actor holds one through it already.
        SignInTooOldError: nobody vouches for the actor.
    """
    with transaction.atomic():
        people = rules.lock_people(actor.owner_id, actor)
        offered = offers_to(actor.owner_id).filter(pk=entitlement_id).first()
        if offered is None or actor.person_id not in people:
            raise NotFoundError("There is nothing of this kind that you may take.")
        now = database_now()
        check_vouched(actor.owner_id, at=now)
        _check_not_held(offered, actor, now)
        _check_length(offered, minutes)
        order = GrantOrder(
            person_id=actor.owner_id,
            role_id=offered.role_id,
            ends_at=rules.whole_second(now + timedelta(minutes=minutes), field="minutes"),
            reason=reason,
            scope_template_id=offered.scope_template_id,
            scope_parameters=offered.scope_parameters,
            accepts_no_kill_switch=offered.accepts_no_kill_switch,
        )
        return write_grant(order=order, people=people, aws=aws, actor=actor, now=now, entitlement=offered)


def _check_not_held(offered: Entitlement, actor: Actor, now: datetime) -> None:
    """Twice at once would only be longer than the longest."""
    held = Grant.objects.filter(
        entitlement=offered, person=actor.person_id, state__in=stored(LIVING), ends_at__gt=now
    ).first()
    if held is not None:
        raise ConflictError(
            f"You hold {offered.role} through {offered.group} already, until {utc_clock(held.ends_at)} "
            f"(grant {held.pk}). Give it back first, or wait for its end."
        )


def _check_length(offered: Entitlement, minutes: int) -> None:
    if not 1 <= minutes <= offered.longest_minutes:
        raise InvalidError(
            f"It can be taken for 1 to {offered.longest_minutes:,} minutes at a time.", field="minutes"
        )
