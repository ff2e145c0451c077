"""Suspend an outside company: all that it and its people hold ends in the same transaction, and it is given nothing.

Roles that were made for its own accounts are closed and taken away. Its people still sign in, and are told so.
Resuming gives nothing back: what ended stays ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from portal.access.lifecycle import LIVING, GrantState, PartnerRoleState, stored
from portal.access.models import AwsSession, Grant, PartnerRole
from portal.access.operations.cutting.cut_sessions import cut_what_runs_out
from portal.access.operations.grants.end_grants import Ending, end_locked_grants
from portal.access.operations.permissions import may
from portal.access.operations.reasons import checked_reason
from portal.access.queries import live_sessions, works
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import Partner
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, NotFoundError

REASON_LIMIT = 300
LISTED = 1000


@dataclass(frozen=True, slots=True)
class Suspended:
    """What ended with the partner's suspension: grants, those of them whose sessions AWS must cut, roles that go."""

    partner: Partner
    grants: int
    revocations: int
    roles: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """What a suspension would end now. `live_sessions`: how many by the grant's id, where there are any.

    `sessions`: those themselves, the newest `LISTED`. `roles`: made for the partner's own accounts; who is in through
    these AWS alone knows.
    """

    grants: list[Grant]
    live_sessions: Mapping[UUID, int]
    sessions: list[AwsSession]
    roles: list[PartnerRole]


def preview_suspension(partner_id: UUID) -> Preview:
    """Look, and change nothing; the door asks first whether the reader may see it."""
    found = _living(partner_id).select_related(
        "person", "partner_account__partner", "role__account", "partner_role"
    )
    grants, now = list(found), database_now()
    ids = [grant.pk for grant in grants]
    alive = AwsSession.objects.filter(works(now), grant__in=ids).select_related(
        "grant__role", "grant__person"
    )
    roles = PartnerRole.objects.filter(grant__in=ids).exclude(state=PartnerRoleState.GONE.value)
    return Preview(
        grants,
        live_sessions(ids, at=now),
        list(alive.order_by("-asked_at")[:LISTED]),
        list(roles.select_related("role__account").order_by("role__account__name", "role__name")),
    )


def suspend_partner(*, partner_id: UUID, reason: str, actor: Actor) -> Suspended:
    """Suspend a partner; what it and its people hold ends, live AWS sessions included, and what was let run out.

    Raises:
        NotFoundError: no such partner, or the actor may not know.
        InvalidError: no reason, or a longer one than 300 characters.
        ConflictError: suspended already.
    """
    reason = checked_reason(reason, most=REASON_LIMIT)
    with transaction.atomic():
        partner = _lock(partner_id, actor)
        if partner.suspended_at is not None:
            raise ConflictError(f"{partner.name} is suspended already.")
        # Locked after the partner, as making and extending a grant do: none can come in between.
        locked = _living(partner_id).select_for_update(no_key=True, of=("self",))
        grants = list(locked.select_related("role__account", "partner_account"))
        now = database_now()
        why = f"{partner.name} was suspended: {reason}"[:500]
        ending = Ending(GrantState.SUSPENDED, EventType.GRANT_SUSPENDED, actor, now, why)
        revocations = end_locked_grants(grants, ending) if grants else []
        held = Grant.objects.filter(person__partner=partner_id)
        left = cut_what_runs_out(held, reason=why, actor=actor, at=now)
        partner.suspended_at = now
        partner.save(update_fields=["suspended_at"])
        cut = len(revocations) + len(left)
        roles = sum(grant.partner_account_id is not None for grant in grants)
        _record(partner, actor, reason, grants_ended=len(grants), revocations=cut, roles=roles)
    return Suspended(partner, len(grants), cut, roles)


def resume_partner(*, partner_id: UUID, reason: str, actor: Actor) -> Partner:
    """Let a partner's people be given access again; nothing comes back by itself. Raises as suspend_partner."""
    reason = checked_reason(reason, most=REASON_LIMIT)
    with transaction.atomic():
        partner = _lock(partner_id, actor)
        if partner.suspended_at is None:
            raise ConflictError(f"{partner.name} is not suspended.")
        partner.suspended_at = None
        partner.save(update_fields=["suspended_at"])
        _record(partner, actor, reason)
    return partner


def _living(partner_id: UUID) -> QuerySet[Grant]:
    subject = Q(person__partner=partner_id) | Q(partner_account__partner=partner_id)
    living = Grant.objects.filter(subject, state__in=stored(LIVING))
    return living.order_by("pk")


def _lock(partner_id: UUID, actor: Actor) -> Partner:
    """Return the partner, locked, once the actor is known to be allowed."""
    if not may(actor, "directory.change_partner"):
        raise NotFoundError("There is no such partner.")
    partner = Partner.objects.select_for_update(no_key=True, of=("self",)).filter(pk=partner_id).first()
    if partner is None:
        raise NotFoundError("There is no such partner.")
    return partner


def _record(partner: Partner, actor: Actor, reason: str, **counts: int) -> None:
    is_suspended = partner.suspended_at is not None
    # The moment of what ended with it, by which that is found again after it was resumed.
    now = partner.suspended_at or database_now()
    record(
        Entry(
            type=EventType.PARTNER_SUSPENDED if is_suspended else EventType.PARTNER_RESUMED,
            at=now,
            actor=actor,
            partner_id=partner.pk,
            details={"partner": str(partner.pk), "name": partner.name, "reason": reason, **counts},
        )
    )
    word = "suspended" if is_suspended else "resumed"
    outbox.post(f"directory.partner.{word}", at=now, partner=str(partner.pk))
