"""Give a person a role for a time. What was granted, its scope included, is frozen in the grant."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from brokers.ports import AwsPorts
from portal.access.lifecycle import GrantState
from portal.access.models import Grant
from portal.access.operations.grants import granting_rules as rules
from portal.access.windows import WeeklyWindow
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.catalog.filling import fill_scope
from portal.catalog.models import AwsRole, Entitlement, ScopeTemplate
from portal.directory.models import Person
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError


@dataclass(frozen=True, slots=True)
class WindowOrder:
    """When it is to be open each week: ISO weekdays (Monday is 1), and times by the clocks of an IANA zone."""

    days: Collection[int]
    opens: time
    closes: time
    zone: str


@dataclass(frozen=True, slots=True)
class GrantOrder:
    """What is to be granted. `starts_at` None: now. `window` None: open from start to end.

    `accepts_no_kill_switch`: whoever grants knows that nothing can cut the sessions of such a role short.
    """

    person_id: UUID
    role_id: UUID
    ends_at: datetime
    reason: str
    starts_at: datetime | None = None
    scope_template_id: UUID | None = None
    scope_parameters: Mapping[str, str] = field(default_factory=dict)
    ticket: str = ""
    window: WindowOrder | None = None
    accepts_no_kill_switch: bool = False


def make_grant(*, order: GrantOrder, aws: AwsPorts, actor: Actor) -> Grant:
    """Make a grant; it is active at once when its start has come. Its end is cut to the whole second.

    Raises:
        InvalidError: names the field and what is allowed.
        ForbiddenError: the actor may not grant, or would grant to themselves.
    """
    if order.starts_at is not None:
        rules.check_zoned(order.starts_at, field="starts_at")
    # IAM's dates know whole seconds: so the portal's doors and the session policy close at the same moment.
    order = replace(order, ends_at=rules.whole_second(order.ends_at, field="ends_at"))
    with transaction.atomic():
        people = rules.lock_people(order.person_id, actor)
        rules.check_may_grant(order.person_id, actor, people)
        return write_grant(order=order, people=people, aws=aws, actor=actor, now=database_now())


def write_grant(  # noqa: PLR0913  # keyword-only facts of one record
    *,
    order: GrantOrder,
    people: Mapping[UUID, Person],
    aws: AwsPorts,
    actor: Actor,
    now: datetime,
    entitlement: Entitlement | None = None,
) -> Grant:
    """Write a grant by all the rules that hold for every one. `entitlement`: what its person took it through.

    Does *not* ask who may: the caller has, and holds the locks of `people`.
    """
    person = rules.find_recipient(order.person_id, people)
    role = rules.find_role(order.role_id, accepts_no_kill_switch=order.accepts_no_kill_switch)
    rules.check_root_task(role, is_taken=entitlement is not None)
    starts_at = rules.checked_start(order.starts_at, now)
    rules.check_period(person.partner, starts_at, order.ends_at, now)
    grant = Grant(
        person=person,
        role=role,
        entitlement=entitlement,
        starts_at=starts_at,
        ends_at=order.ends_at,
        state=(GrantState.ACTIVE if starts_at <= now else GrantState.SCHEDULED).value,
        activated_at=now if starts_at <= now else None,
        reason=rules.checked_purpose(order.reason),
        ticket=order.ticket.strip(),
        granted_by_id=None if entitlement else actor.person_id,
        made_at=now,
        accepted_no_kill_switch=not role.has_kill_switch,
    )
    _put_window(grant, order.window)
    _put_scope(grant, order, role)
    rules.check_sendable(grant, aws)
    rules.check_clean(grant)
    grant.save(force_insert=True)
    _record(grant, actor, now)
    return grant


def _put_window(grant: Grant, order: WindowOrder | None) -> None:
    if order is None:
        return
    window = WeeklyWindow(frozenset(order.days), order.opens, order.closes, order.zone)
    grant.window_days = "".join(str(day) for day in sorted(window.days))
    grant.window_opens, grant.window_closes, grant.window_zone = window.opens, window.closes, window.zone
    if grant.next_period(grant.starts_at) is None and grant.current_period(grant.starts_at) is None:
        raise InvalidError(
            f"The window {window.describe()} never opens between the grant's start and its end.",
            field="window_days",
        )


def _put_scope(grant: Grant, order: GrantOrder, role: AwsRole) -> None:
    if order.scope_template_id is None:
        if role.requires_scope:
            raise InvalidError(
                "This role can be granted with a scope only; choose one.", field="scope_template"
            )
        if order.scope_parameters:
            raise InvalidError("Parameters need a scope.", field="scope_parameters")
        return
    if not role.carries_end:
        raise InvalidError(
            f"{role.get_method_display()} takes no session policy: this role can't be granted with a scope.",
            field="scope_template",
        )
    template = ScopeTemplate.objects.filter(pk=order.scope_template_id, roles=role).first()
    if template is None:
        raise InvalidError("Choose a scope that is made for this role.", field="scope_template")
    try:
        filled = fill_scope(template=template, values=order.scope_parameters, account=role.account)
    except ValidationError as problem:
        raise InvalidError(" ".join(problem.messages), field="scope_parameters") from None
    _check_managed_policies(filled.managed_policy_arns, role)
    grant.scope_template = template
    grant.scope_parameters = dict(order.scope_parameters)
    grant.scope_policy = filled.policy
    grant.scope_managed_policy_arns = list(filled.managed_policy_arns)
    grant.scope_summary = filled.summary


def _check_managed_policies(arns: Sequence[str], role: AwsRole) -> None:
    """STS takes AWS's own managed policies and those of the role's account, no others."""
    for arn in arns:
        if arn.split(":")[4] not in {"aws", role.account.account_id}:
            raise InvalidError(
                f"This scope names {arn}, which is in another account than the role.", field="scope_template"
            )


def _record(grant: Grant, actor: Actor, now: datetime) -> None:
    through, taken = grant.entitlement, {}
    if through is not None:
        taken = {"entitlement": str(through.pk), "group": through.group.name}
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
                "window": grant.window.describe() if grant.window else "",
                "accepted_no_kill_switch": grant.accepted_no_kill_switch,
                **taken,
            },
        )
    )
    outbox.post("access.grant.made", at=now, grant=str(grant.pk))
