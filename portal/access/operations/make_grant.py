"""Give a person a role for a time. What was granted, its scope included, is frozen in the grant."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from brokers.types import Scope
from portal.access.lifecycle import GrantState
from portal.access.models import Grant
from portal.access.policy import contract_refusal, window_refusal
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.catalog.models import AwsRole, ScopeTemplate
from portal.catalog.scopes import fill, validate_placeholders, validate_values
from portal.directory.models import Person
from portal.kernel import outbox
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError, InvalidError

# A form that says 'now' arrives a moment later; further back is a mistake.
LATE_START = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class GrantOrder:
    """What is to be granted. `starts_at` None: now."""

    person_id: UUID
    role_id: UUID
    ends_at: datetime
    reason: str
    starts_at: datetime | None = None
    scope_template_id: UUID | None = None
    scope_parameters: Mapping[str, str] = field(default_factory=dict)
    ticket: str = ""


def make_grant(*, order: GrantOrder, aws: AwsPorts, actor: Actor) -> Grant:
    """Make a grant; it is active at once when its start has come. Its end is cut to the whole second.

    Raises:
        InvalidError: names the field and what is allowed.
        ForbiddenError: the actor may not grant, or would grant to themselves.
    """
    _check_times(order)
    # IAM's dates know whole seconds: so the portal's doors and the session policy close at the same moment.
    order = replace(order, ends_at=order.ends_at.replace(microsecond=0))
    with transaction.atomic():
        # Both are locked: who loses the right to grant, or is deactivated, meanwhile, grants and gets nothing.
        people = _lock_people(order.person_id, actor)
        _check_may_grant(order, actor, people)
        person = _person(order.person_id, people)
        role = _role(order.role_id)
        now = database_now()
        starts_at = _start(order.starts_at, now)
        _check_window(order, person, starts_at, now)
        grant = Grant(
            person=person,
            role=role,
            starts_at=starts_at,
            ends_at=order.ends_at,
            state=(GrantState.ACTIVE if starts_at <= now else GrantState.SCHEDULED).value,
            activated_at=now if starts_at <= now else None,
            reason=_reason(order.reason),
            ticket=order.ticket.strip(),
            granted_by_id=actor.person_id,
            made_at=now,
        )
        _put_scope(grant, order, role)
        _check_sendable(grant, aws)
        _clean(grant)
        grant.save(force_insert=True)
        _record(grant, actor, now)
    return grant


def _check_times(order: GrantOrder) -> None:
    for field_name, moment in (("starts_at", order.starts_at), ("ends_at", order.ends_at)):
        if moment is not None and moment.utcoffset() is None:
            raise InvalidError("A time needs its zone, such as 2026-05-06T18:00:00Z.", field=field_name)


def _lock_people(person_id: UUID, actor: Actor) -> Mapping[UUID, Person]:
    """Lock in the order of ids, and the keys not at all: two admins who grant to each other don't block."""
    ids = [person_id, actor.owner_id]
    list(Person.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk"))
    return Person.objects.select_related("partner").in_bulk(ids)


def _check_may_grant(order: GrantOrder, actor: Actor, people: Mapping[UUID, Person]) -> None:
    if actor.kind in {ActorKind.COMMAND, ActorKind.SYSTEM}:
        return
    granter = people.get(actor.owner_id)
    if granter is None or not granter.may("access.make_grant"):  # which nobody inactive has
        raise ForbiddenError("Only an admin can grant access.")
    if granter.pk == order.person_id:
        raise ForbiddenError("Nobody grants access to themselves: ask another admin.")


def _person(person_id: UUID, people: Mapping[UUID, Person]) -> Person:
    person = people.get(person_id)
    if person is None or not person.is_active:
        raise InvalidError("Choose a person who is active.", field="person")
    return person


def _role(role_id: UUID) -> AwsRole:
    role = AwsRole.objects.select_related("account").filter(pk=role_id, is_enabled=True).first()
    if role is None:
        raise InvalidError("Choose a role that is enabled.", field="role")
    if not role.has_kill_switch:
        raise InvalidError(
            "No kill switch: AWS lets nobody write a deny to this role, so its sessions could not be cut off.",
            field="role",
        )
    return role


def _start(starts_at: datetime | None, now: datetime) -> datetime:
    if starts_at is None or now - LATE_START <= starts_at <= now:
        return now
    if starts_at < now:
        raise InvalidError("This start has passed already; leave it empty to start now.", field="starts_at")
    return starts_at


def _check_window(order: GrantOrder, person: Person, starts_at: datetime, now: datetime) -> None:
    # Judged by whole seconds, as the end is: a minute from now is a minute.
    refused = window_refusal(starts_at.replace(microsecond=0), order.ends_at, now=now)
    if refused is None and person.partner is not None:
        refused = contract_refusal(
            starts_at,
            order.ends_at,
            contract_starts_at=person.partner.contract_starts_at,
            contract_ends_at=person.partner.contract_ends_at,
        )
    if refused is not None:
        raise InvalidError(refused[1], field=refused[0])


def _reason(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise InvalidError("Say what the access is for.", field="reason")
    return reason


def _put_scope(grant: Grant, order: GrantOrder, role: AwsRole) -> None:
    if order.scope_template_id is None:
        if role.requires_scope:
            raise InvalidError(
                "This role can be granted with a scope only; choose one.", field="scope_template"
            )
        if order.scope_parameters:
            raise InvalidError("Parameters need a scope.", field="scope_parameters")
        return
    template = ScopeTemplate.objects.filter(pk=order.scope_template_id, roles=role).first()
    if template is None:
        raise InvalidError("Choose a scope that is made for this role.", field="scope_template")
    try:
        validate_placeholders(template.policy, template.summary, template.parameters)
        validate_values(template.parameters, order.scope_parameters)
        policy = fill(template.policy, order.scope_parameters)
    except ValidationError as problem:
        raise InvalidError(" ".join(problem.messages), field="scope_parameters") from None
    _check_managed_policies(template, role)
    grant.scope_template = template
    grant.scope_parameters = dict(order.scope_parameters)
    grant.scope_policy = policy
    grant.scope_managed_policy_arns = template.managed_policy_arns
    grant.scope_summary = fill(template.summary, order.scope_parameters)


def _check_managed_policies(template: ScopeTemplate, role: AwsRole) -> None:
    """STS takes AWS's own managed policies and those of the role's account, no others."""
    for arn in template.managed_policy_arns:
        if arn.split(":")[4] not in {"aws", role.account.account_id}:
            raise InvalidError(
                f"This scope names {arn}, which is in another account than the role.", field="scope_template"
            )


def scope_of(grant: Grant) -> Scope:
    return Scope(policy=grant.scope_policy, managed_policy_arns=tuple(grant.scope_managed_policy_arns))


def _check_sendable(grant: Grant, aws: AwsPorts) -> None:
    try:
        aws.check_scope(scope_of(grant), grant.ends_at)
    except BrokerError as problem:
        raise InvalidError(f"This scope can't be sent to AWS: {problem}.", field="scope_template") from None


def _clean(grant: Grant) -> None:
    try:
        grant.full_clean()
    except ValidationError as problem:
        field, messages = next(iter(problem.message_dict.items()))
        raise InvalidError(" ".join(messages), field=field) from None


def _record(grant: Grant, actor: Actor, now: datetime) -> None:
    record(
        Entry(
            type=EventType.GRANT_MADE,
            at=now,
            actor=actor,
            grant_id=grant.pk,
            person_id=grant.person_id,
            role_id=grant.role_id,
            details={
                "state": grant.state,
                "starts_at": grant.starts_at.isoformat(),
                "ends_at": grant.ends_at.isoformat(),
                "reason": grant.reason,
                "ticket": grant.ticket,
                "scope": grant.scope_summary,
                "scope_policy": grant.scope_policy,
            },
        )
    )
    outbox.post("access.grant.made", at=now, grant=str(grant.pk))
