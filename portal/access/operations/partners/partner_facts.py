"""From rows, and what AWS shows, to the facts that the doctor walks. Calls to AWS are made with no transaction open."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from brokers.types import Decision, PartnerRoleSpec, ServiceAccess
from portal.access.doctor import (
    AwsFacts,
    DenyKind,
    Facts,
    GrantFacts,
    KnownExternalId,
    PartnerFacts,
    RoleFacts,
    ScopeFacts,
    Told,
)
from portal.access.lifecycle import GrantState, PartnerRoleState
from portal.access.models import ExternalId, Grant, PartnerRole
from portal.access.operations.doctor.find_doctored import Asker
from portal.access.operations.partners.partner_role_spec import account_of, spec_of
from portal.directory.models import PartnerAccount

NOT_THEIRS = "the admins of the portal see why"
MOST_RESOURCES = 4


def read_facts(row: PartnerRole, told: Told, asker: Asker, aws: AwsPorts) -> Facts:
    """Gather what is known of one role. What AWS doesn't answer stays unknown; the rest goes on."""
    account, spec = account_of(row.grant), spec_of(row, at=told.at)
    return Facts(
        told=told,
        role=_role(row, asker),
        grant=_grant(row.grant, asker),
        partner=_partner(account),
        external_ids=_external_ids(account),
        anothers_id=_anothers(told.external_id, account, asker),
        aws=_look(row, spec, asker, aws),
        scope=_scope(spec, told, row.role.arn, aws),
    )


def grant_facts(grant: Grant) -> GrantFacts:
    return GrantFacts(
        GrantState(grant.state), grant.starts_at, grant.ends_at, grant.ended_at, grant.end_reason
    )


def _grant(grant: Grant, asker: Asker) -> GrantFacts:
    """Why a company was suspended, or its account closed, is the admins' own, as in its trail."""
    facts = grant_facts(grant)
    hides = not asker.sees_all and grant.state == GrantState.SUSPENDED
    return replace(facts, end_reason="") if hides else facts


def _role(row: PartnerRole, asker: Asker) -> RoleFacts:
    # Why it fails may tell of our own side in AWS.
    error = row.last_error if asker.sees_all or not row.last_error else NOT_THEIRS
    return RoleFacts(
        arn=row.role.arn,
        state=PartnerRoleState(row.state),
        principal_arn=row.principal_arn,
        max_session=row.role.max_session,
        made_at=row.made_at,
        closing_at=row.closing_at,
        gone_at=row.gone_at,
        last_error=error,
        next_try_at=row.due_at,
        has_changes_under_way=row.made_at is not None and row.written < row.wanted,
    )


def _partner(account: PartnerAccount) -> PartnerFacts:
    partner = account.partner
    open_ones = partner.aws_accounts.filter(closed_at=None).values_list("account_id", "name")
    return PartnerFacts(
        name=partner.name,
        contract_starts_at=partner.contract_starts_at,
        contract_ends_at=partner.contract_ends_at.replace(microsecond=0),
        account=account.account_id,
        account_name=account.name,
        suspended_at=partner.suspended_at,
        account_closed_at=account.closed_at,
        accounts=dict(open_ones[:100]),
    )


def _external_ids(account: PartnerAccount) -> tuple[KnownExternalId, ...]:
    rows = ExternalId.objects.filter(partner_account=account).order_by("-made_at", "-pk")
    return tuple(KnownExternalId(str(row.value), row.accepted_until) for row in rows)


def _anothers(sent: str | None, account: PartnerAccount, asker: Asker) -> str:
    """Say whose an ExternalId is that is not this account's; to a partner's admin of their own company's alone."""
    value = None
    with suppress(ValueError):
        value = UUID((sent or "").strip())
    if value is None:
        return ""
    rows = ExternalId.objects.filter(value=value).exclude(partner_account=account)
    found = rows.select_related("partner_account__partner").first()
    if found is None or not (asker.sees_all or found.partner_account.partner_id == asker.partner_id):
        return ""
    return f"{found.partner_account.partner.name}, {found.partner_account.name}"


def _look(row: PartnerRole, spec: PartnerRoleSpec, asker: Asker, aws: AwsPorts) -> AwsFacts:
    """Ask AWS how the role stands. While it is being made, changed or removed it differs as a matter of course."""
    if row.state != PartnerRoleState.STANDING or row.written < row.wanted:
        return AwsFacts(is_there=None)
    try:
        standing = aws.partners.roles.read(spec.place, spec.name)
    except BrokerError as problem:
        return AwsFacts(silent=str(problem) if asker.sees_all else "AWS gave no answer", is_there=None)
    if standing is None:
        return AwsFacts(is_there=False)
    return AwsFacts(differences=tuple(aws.partners.roles.differences(spec, standing)))


def _scope(spec: PartnerRoleSpec, told: Told, role_arn: str, aws: AwsPorts) -> ScopeFacts:
    analyst = aws.partners.analyst
    allows = tuple(_words(each) for each in analyst.access(spec.policy or {}))
    if not told.action:
        return ScopeFacts(allows=allows, managed=spec.managed_policy_arns)
    policy = aws.partners.roles.permissions(spec)
    context = _context(told.at, role_arn)

    def decide(statements: Sequence[Mapping[str, Any]], resource: str) -> Decision:
        document = {"Version": policy["Version"], "Statement": list(statements)}
        return analyst.decide([document], action=told.action, resource=resource, context=context)

    statements: Sequence[Mapping[str, Any]] = policy["Statement"]
    resource = told.resource or "*"
    resources = _resources(statements)
    return ScopeFacts(
        decided=decide(statements, resource),
        reaches=any(decide(statements, each) == Decision.ALLOWED for each in resources),
        denied_by=next(
            (
                _kind(each)
                for each in statements
                if each["Effect"] == "Deny" and decide([each], resource) == Decision.EXPLICIT_DENY
            ),
            None,
        ),
        allows=allows,
        managed=spec.managed_policy_arns,
    )


def _context(at: datetime, role_arn: str) -> Mapping[str, str]:
    return {
        "aws:CurrentTime": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "aws:SecureTransport": "true",
        "aws:PrincipalArn": role_arn,
    }


def _resources(statements: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return one concrete resource for each that the allows name: its own wildcards stand for something."""
    named: set[str] = set()
    for each in statements:
        if each["Effect"] == "Allow":
            listed = each.get("Resource", "*")
            named |= {listed} if isinstance(listed, str) else set(listed)
    return named


def _kind(statement: Mapping[str, Any]) -> DenyKind:
    """Return which of the denies of every partner's role it is, by what it says."""
    actions = statement.get("Action", "*")
    named = [actions] if isinstance(actions, str) else list(actions)
    conditions = statement.get("Condition", {})
    if any("aws:CurrentTime" in keys for keys in conditions.values()) and named == ["*"]:
        return DenyKind.WINDOW
    if all(each.startswith("sts:") for each in named):
        return DenyKind.CHAINING
    if all(each.startswith("iam:") for each in named):
        return DenyKind.OWN_ROLE
    return DenyKind.SCOPE


def _words(access: ServiceAccess) -> str:
    levels = ", ".join(f"{level} ({', '.join(actions)})" for level, actions in access.levels.items())
    named = ", ".join(access.resources[:MOST_RESOURCES])
    more = len(access.resources) - MOST_RESOURCES
    rest = f" and {more} more" if more > 0 else ""
    return f"{access.name}: {levels} on {named}{rest}"
