"""Give a living grant a later end. What was issued before keeps the end that it was issued with."""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from brokers.ports import AwsPorts
from portal.access.lifecycle import LIVING
from portal.access.models import Grant, PartnerRole
from portal.access.operations.grants import granting_rules as rules
from portal.access.operations.locking import lock_grant
from portal.access.operations.partners.partner_role_leases import bring_up
from portal.access.operations.partners.partner_role_spec import check_partner_role
from portal.access.operations.reasons import checked_reason
from portal.access.policy import extension_refusal
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import Person
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError


def extend_grant(*, grant_id: UUID, ends_at: datetime, reason: str, aws: AwsPorts, actor: Actor) -> Grant:
    """Extend a grant, by every rule by which it could be made now. The new end is cut to the whole second.

    Raises:
        NotFoundError: there is none, or the actor may not know of it.
        ForbiddenError: its own holder, an admin included, can't extend it.
        InvalidError: names the field and what is allowed.
        ConflictError: it has ended, also where no sweep has seen that yet.
    """
    reason = checked_reason(reason)
    ends_at = rules.whole_second(ends_at, field="ends_at")
    with transaction.atomic():
        # Whose it is never changes, so it can be read first: people are locked before grants, everywhere.
        subject = Grant.objects.filter(pk=grant_id).values_list("person_id", "partner_account_id").first()
        if subject is None:
            raise NotFoundError("There is no such grant.")
        holder, account = subject
        check = _lock_account(account, actor) if account else _lock_holder(holder, actor)
        grant = lock_grant(grant_id)
        now = database_now()
        _check_living(grant, now)
        old_end, grant.ends_at = grant.ends_at, ends_at
        if refused := extension_refusal(ends_at, old_end=old_end):
            raise InvalidError(refused[1], field=refused[0])
        check(grant, aws, now)
        grant.save(update_fields=["ends_at"])
        bring_up(PartnerRole.objects.filter(grant=grant), at=now)
        _record(grant, actor, now, old_end, reason)
    return grant


Check = Callable[[Grant, AwsPorts, datetime], None]


def _lock_holder(holder: UUID, actor: Actor) -> Check:
    """Lock whose the grant is, and who extends; return what else is to be asked once the grant is locked, too."""
    people = rules.lock_people(holder, actor)
    _check_may_extend(holder, actor, people)
    return lambda grant, aws, now: _check_rules(grant, rules.find_recipient(holder, people), aws, now)


def _lock_account(account_id: UUID, actor: Actor) -> Check:
    """As `_lock_holder`, for a grant to a partner's account: what it asks is that its role can be made so."""
    try:
        account = rules.lock_partner_account(account_id, actor)
    except ForbiddenError:
        raise NotFoundError("There is no such grant.") from None

    def check(grant: Grant, aws: AwsPorts, now: datetime) -> None:
        partner = rules.find_account(account).partner
        rules.check_period(partner, grant.starts_at, grant.ends_at, now)
        row = PartnerRole.objects.get(grant=grant)
        row.grant, row.role = grant, grant.role
        check_partner_role(row, aws, now)

    return check


def _check_may_extend(holder: UUID, actor: Actor, people: Mapping[UUID, Person]) -> None:
    try:
        rules.check_may_grant(holder, actor, people)
    except ForbiddenError:
        if actor.owner_id == holder:
            raise
        raise NotFoundError("There is no such grant.") from None


def _check_living(grant: Grant, now: datetime) -> None:
    if grant.state not in LIVING:
        why = f"this grant is {grant.state} already"
    elif now >= grant.ends_at:  # and no sweep has seen it
        why = "this grant's end has come already"
    else:
        return
    raise ConflictError(f"Nothing was changed: {why}; what has ended stays ended.")


def _check_rules(grant: Grant, person: Person, aws: AwsPorts, now: datetime) -> None:
    """Ask what making it would ask: of the contract, the length, the role and the scope."""
    role = rules.find_role(grant.role_id, accepts_no_kill_switch=grant.accepted_no_kill_switch)
    if role.requires_scope and grant.scope_template_id is None:
        raise InvalidError(
            "This role can be granted with a scope only, and this grant has none.", field="role"
        )
    rules.check_period(person.partner, grant.starts_at, grant.ends_at, now)
    rules.check_sendable(grant, aws)


def _record(grant: Grant, actor: Actor, now: datetime, old_end: datetime, reason: str) -> None:
    record(
        Entry(
            type=EventType.GRANT_EXTENDED,
            at=now,
            actor=actor,
            grant_id=grant.pk,
            person_id=grant.person_id,
            role_id=grant.role_id,
            partner_id=grant.partner.pk if grant.partner_account_id and grant.partner else None,
            details={
                "old_ends_at": old_end.isoformat(),
                "ends_at": grant.ends_at.isoformat(),
                "reason": reason,
            },
        )
    )
    outbox.post("access.grant.extended", at=now, grant=str(grant.pk))
