"""Let a partner in from its own AWS account: a grant to that account, and a role that is made for it alone.

The row comes before the act: here it is written what should stand in AWS. A worker brings it there, once the
partner's ExternalId was proven in that account.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from brokers.ports import AwsPorts
from brokers.types import PartnerRoleSizes, PolicyFinding, ServiceAccess
from portal.access.lifecycle import GrantState, PartnerRoleState
from portal.access.models import Grant, PartnerRole
from portal.access.operations.grants import granting_rules as rules
from portal.access.operations.partners.partner_grant_order import (
    PartnerGrantOrder,
    check_seen,
    digest_of,
    find_made,
    known_already,
)
from portal.access.operations.partners.partner_principal import checked_principal
from portal.access.operations.partners.partner_role_spec import (
    account_of,
    check_partner_role,
    path_of,
    spec_of,
)
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.catalog.filling import fill_scope
from portal.catalog.linting import check_scope_fit, lint_scope
from portal.catalog.models import AwsAccount, AwsRole, ScopeTemplate
from portal.directory.models import PartnerAccount
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError

SHORTEST_SESSION = timedelta(hours=1)
LONGEST_SESSION = timedelta(hours=12)
TITLE_LIMIT = 120
DESCRIPTION_LIMIT = 300


@dataclass(frozen=True, slots=True)
class PartnerGrantPreview:
    """What would stand in AWS. Where the order names no id, the role's name will be another one than here.

    `digest`: of what was looked at. An order that brings it makes this, or nothing.
    """

    role_arn: str
    principal_arn: str
    trust: Mapping[str, Any]
    permissions: Mapping[str, Any]
    managed_policy_arns: tuple[str, ...]
    sizes: PartnerRoleSizes
    access: Sequence[ServiceAccess]
    findings: Sequence[PolicyFinding]
    summary: str
    starts_at: datetime
    ends_at: datetime
    digest: str


def make_partner_grant(*, order: PartnerGrantOrder, aws: AwsPorts, actor: Actor) -> Grant:
    """Make the grant, its role's row and the work of making it. Its start and end are cut to the whole second.

    The same order under the same `grant_id` makes one grant, however often and in how many places at once it comes.

    Raises:
        InvalidError: names the field and what is allowed.
        ForbiddenError: the actor may not grant.
        ConflictError: another grant has this id.
    """
    order = _whole_seconds(order)
    with transaction.atomic():
        account = rules.lock_partner_account(order.partner_account_id, actor)
        if (made := find_made(order, actor)) is not None:
            return made
        now = database_now()
        row = _plan(order, rules.find_account(account), aws, actor, now)
        check_seen(order, row)
        check_partner_role(row, aws, now)
        _save(row)
        _record(row, actor, now)
    return row.grant


def preview_partner_grant(*, order: PartnerGrantOrder, aws: AwsPorts, actor: Actor) -> PartnerGrantPreview:
    """Say what the order would let the partner do, and what would stand in AWS. Writes nothing; raises as making."""
    order = _whole_seconds(order)
    with transaction.atomic():
        account = rules.lock_partner_account(order.partner_account_id, actor)
        now = database_now()
        row = _plan(order, rules.find_account(account), aws, actor, now)
        spec, sizes = spec_of(row, at=now), check_partner_role(row, aws, now)
    policy = row.grant.scope_policy or {}
    partners = aws.partners
    return PartnerGrantPreview(
        role_arn=row.role.arn,
        principal_arn=row.principal_arn,
        trust=partners.roles.trust_policy(spec),
        permissions=partners.roles.permissions(spec),
        managed_policy_arns=spec.managed_policy_arns,
        sizes=sizes,
        access=partners.analyst.access(policy),
        findings=lint_scope(policy, account=row.role.account, analyst=partners.analyst),
        summary=row.grant.scope_summary,
        starts_at=spec.starts_at,
        ends_at=spec.ends_at,
        digest=digest_of(row),
    )


def _save(row: PartnerRole) -> None:
    """Save all three. The lock holds back orders to this account alone: one to another may have taken the id."""
    try:
        with transaction.atomic():
            row.role.save(force_insert=True)
            row.grant.save(force_insert=True)
            row.save(force_insert=True)
    except IntegrityError:
        if Grant.objects.filter(pk=row.grant_id).exists():
            raise known_already() from None
        raise


def _whole_seconds(order: PartnerGrantOrder) -> PartnerGrantOrder:
    starts_at = order.starts_at and rules.whole_second(order.starts_at, field="starts_at")
    return replace(order, starts_at=starts_at, ends_at=rules.whole_second(order.ends_at, field="ends_at"))


def _plan(
    order: PartnerGrantOrder, theirs: PartnerAccount, aws: AwsPorts, actor: Actor, now: datetime
) -> PartnerRole:
    """Return the rows by all the rules, unsaved: the role's work, with its grant and its role."""
    ours = _our_account(order)
    _check_partition(theirs, ours)
    grant = _grant(order, theirs, now)
    grant.granted_by_id = actor.person_id
    rules.check_period(theirs.partner, grant.starts_at, grant.ends_at, now)
    _put_scope(grant, order, ours, aws)
    grant.role = _role(order, ours, grant, aws)
    rules.check_clean(grant)
    return PartnerRole(
        grant=grant,
        role=grant.role,
        principal_arn=checked_principal(order.principal_arn, theirs),
        state=PartnerRoleState.MAKING.value,
        asked_at=now,
        behind_since=now,
        due_at=now,
    )


def _our_account(order: PartnerGrantOrder) -> AwsAccount:
    account = AwsAccount.objects.filter(pk=order.account_id).first()
    if account is None:
        raise InvalidError("Choose an AWS account that the portal reaches.", field="account")
    if not account.provisioner_role_arn:
        raise InvalidError(
            f"No roles can be made in {account.name} yet: connect it with a provisioner role first.",
            field="account",
        )
    return account


def _check_partition(theirs: PartnerAccount, ours: AwsAccount) -> None:
    if theirs.partition != ours.partition:
        raise InvalidError(
            f"{ours.name} is in partition {ours.partition}, the partner's account in {theirs.partition}: "
            "AWS lets nobody cross.",
            field="account",
        )
    if theirs.account_id == ours.account_id:
        raise InvalidError(
            "This is the partner's own account: there is nothing to let in to.", field="account"
        )


def _put_scope(grant: Grant, order: PartnerGrantOrder, ours: AwsAccount, aws: AwsPorts) -> None:
    template = ScopeTemplate.objects.filter(pk=order.scope_template_id, for_partners=True).first()
    if template is None:
        raise InvalidError("Choose a scope that is made for partners.", field="scope_template")
    try:
        scope = fill_scope(template=template, values=order.scope_parameters, account=ours)
    except ValidationError as problem:
        raise InvalidError(" ".join(problem.messages), field="scope_parameters") from None
    check_scope_fit(scope.policy, account=ours, analyst=aws.partners.analyst)
    grant.scope_template, grant.scope_parameters = template, dict(order.scope_parameters)
    grant.scope_policy, grant.scope_summary = scope.policy, scope.summary
    grant.scope_managed_policy_arns = list(scope.managed_policy_arns)


def _grant(order: PartnerGrantOrder, theirs: PartnerAccount, now: datetime) -> Grant:
    starts_at = rules.checked_start(order.starts_at, now)
    return Grant(
        pk=order.grant_id or uuid4(),
        partner_account=theirs,
        starts_at=starts_at,
        ends_at=order.ends_at,
        state=(GrantState.ACTIVE if starts_at <= now else GrantState.SCHEDULED).value,
        activated_at=now if starts_at <= now else None,
        reason=rules.checked_purpose(order.reason),
        ticket=order.ticket.strip(),
        made_at=now,
    )


def _role(order: PartnerGrantOrder, ours: AwsAccount, grant: Grant, aws: AwsPorts) -> AwsRole:
    shortest, longest = (int(each.total_seconds()) for each in (SHORTEST_SESSION, LONGEST_SESSION))
    if not shortest <= order.max_session_seconds <= longest:
        raise InvalidError(
            f"A session lasts {shortest:,} to {longest:,} seconds at most, as AWS has it.",
            field="max_session",
        )
    partner, name = account_of(grant).partner, aws.partners.role_name(grant.pk)
    return AwsRole(
        account=ours,
        title=_title(f"{partner.name}: {grant.scope_template}", name),
        description=grant.scope_summary[:DESCRIPTION_LIMIT],
        method=AwsRole.Method.CROSS_ACCOUNT,
        path=path_of(partner),
        name=name,
        max_session_seconds=order.max_session_seconds,
        allows_console=False,
        requires_scope=True,
        sends_tags=False,
        sets_source_identity=False,
    )


def _title(words: str, name: str) -> str:
    """Return a title that no other role has: its name in AWS is made from the grant's id alone."""
    room = TITLE_LIMIT - len(name) - len(" ()")
    return f"{words[:room].rstrip()} ({name})"


def _record(row: PartnerRole, actor: Actor, now: datetime) -> None:
    grant = row.grant
    account = grant.partner_account
    record(
        Entry(
            type=EventType.GRANT_MADE,
            at=now,
            actor=actor,
            grant_id=grant.pk,
            role_id=grant.role_id,
            partner_id=account.partner_id if account else None,
            details={
                "state": grant.state,
                "starts_at": grant.starts_at.isoformat(),
                "ends_at": grant.ends_at.isoformat(),
                "reason": grant.reason,
                "ticket": grant.ticket,
                "scope": grant.scope_summary,
                "scope_policy": grant.scope_policy,
                "partner_account": account.account_id if account else "",
                "principal": row.principal_arn,
                "role_arn": row.role.arn,
            },
        )
    )
    outbox.post("access.grant.made", at=now, grant=str(grant.pk))
