"""What of a partner's role is not as it should be, and whether it may now allow more. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from brokers.aws.partner_checks import all_tags, plain_description
from brokers.aws.partner_names import SCOPE_POLICY, boundary_arn
from brokers.aws.partner_permissions import permissions
from brokers.aws.policy_cover import within_any
from brokers.aws.policy_form import Statement, shown_form, statements_of, version_of
from brokers.aws.trust_policy import trust_policy
from brokers.types import DriftKind, Partition, PartnerRoleSpec, RoleDifference, StandingRole

# IAM shows a principal that was deleted by its unique id. One that is made anew under its name has another.
_UNIQUE_ID = re.compile(r"AWS:A(?:ROA|IDA)[A-Z0-9]{8,124}", re.ASCII)
_TIME = "%Y-%m-%dT%H:%M:%SZ"
Policies = Mapping[str, Mapping[str, Any]]


def differences(spec: PartnerRoleSpec, found: StandingRole, *, now: datetime) -> list[RoleDifference]:
    """Compare a role with what it should be, part by part; empty: it is. Letter case, order, lists of one don't count.

    `now`: a statement of trust whose time is over then counts for nothing. Raises as `partner_checks.check_spec`.
    """
    parts: Iterable[Callable[[], RoleDifference | None]] = (
        lambda: _path(spec, found),
        lambda: _trust(spec, found, now),
        lambda: _permissions(spec, found),
        lambda: _attached(spec, found),
        lambda: _boundary(spec, found),
        lambda: _max_session(spec, found),
        lambda: _tags(spec, found),
        lambda: _description(spec, found),
    )
    return [difference for part in parts if (difference := part()) is not None]


def _path(spec: PartnerRoleSpec, found: StandingRole) -> RoleDifference | None:
    why = "A role of this name stands under another path: it isn't the one that was made here."
    return _differs("path", DriftKind.REMADE, spec.path, found.path, why)


def _trust(spec: PartnerRoleSpec, found: StandingRole, now: datetime) -> RoleDifference | None:
    partition = spec.place.partition
    wanted = trust_policy(
        spec.principal_arn, spec.external_ids, starts_at=spec.starts_at, ends_at=spec.ends_at
    )
    should = {each for each in statements_of(wanted, partition) if not _is_over(each, now)}
    stands = {each for each in statements_of(found.trust, partition) if not _is_over(each, now)}
    if should == stands and version_of(wanted) == version_of(found.trust):
        return None
    kind, why = _judge_trust(should, stands, spec)
    return RoleDifference(
        "trust", kind, shown_form(wanted, partition), shown_form(found.trust, partition), why
    )


def _judge_trust(
    should: set[Statement], stands: set[Statement], spec: PartnerRoleSpec
) -> tuple[DriftKind, str]:
    named = {_with_principal_named(each, spec) for each in stands}
    if not all(within_any(each, should) for each in _of("Allow", named)):
        return DriftKind.WIDENED, "The trust policy may let in whom it should not, or at other times."
    if named != stands:
        why = f"The trust policy names a principal that is deleted. If {spec.principal_arn} was made anew, "
        return DriftKind.PRINCIPAL_REMADE, f"{why}it is another one to AWS and isn't let in."
    return DriftKind.CHANGED, "The trust policy was changed. It lets in nobody more."


def _permissions(spec: PartnerRoleSpec, found: StandingRole) -> RoleDifference | None:
    partition = spec.place.partition
    wanted = {SCOPE_POLICY: permissions(spec)}
    if _said(wanted, partition) == _said(found.inline, partition):
        return None
    should, stands = _all_statements(wanted, partition), _all_statements(found.inline, partition)
    more = [each for each in _of("Allow", stands) if not within_any(each, _of("Allow", should))]
    lost = [each for each in _of("Deny", should) if not within_any(each, _of("Deny", stands))]
    old = any(version_of(policy) != version_of(wanted[SCOPE_POLICY]) for policy in found.inline.values())
    if more or lost or old:
        kind, why = DriftKind.WIDENED, _why_wider(more=bool(more), lost=bool(lost))
    else:
        kind, why = DriftKind.CHANGED, "The role's inline policies were changed. They allow nothing more."
    return RoleDifference(
        "permissions", kind, _shown_all(wanted, partition), _shown_all(found.inline, partition), why
    )


def _why_wider(*, more: bool, lost: bool) -> str:
    if more:
        return "The role's inline policies may allow what they should not."
    if lost:
        return "A deny that keeps the role within its window and to itself is gone, or weaker."
    return "An inline policy has another version of the policy language, in which it may mean something else."


def _attached(spec: PartnerRoleSpec, found: StandingRole) -> RoleDifference | None:
    wanted, stands = sorted(spec.managed_policy_arns), sorted(found.attached)
    more = set(stands) - set(wanted)
    kind = DriftKind.WIDENED if more else DriftKind.CHANGED
    why = (
        "Managed policies are attached that should not be."
        if more
        else "A managed policy was taken off the role."
    )
    return _differs("attached", kind, wanted, stands, why)


def _boundary(spec: PartnerRoleSpec, found: StandingRole) -> RoleDifference | None:
    why = (
        "The permissions boundary was taken away."
        if found.boundary_arn is None
        else "The role has another permissions boundary."
    )
    return _differs("boundary", DriftKind.WIDENED, boundary_arn(spec.place), found.boundary_arn, why)


def _max_session(spec: PartnerRoleSpec, found: StandingRole) -> RoleDifference | None:
    wanted, stands = (int(each.max_session.total_seconds()) for each in (spec, found))
    why = "The longest session was changed. The role's window ends it all the same."
    return _differs("max_session", DriftKind.CHANGED, wanted, stands, why)


def _tags(spec: PartnerRoleSpec, found: StandingRole) -> RoleDifference | None:
    wanted = dict(sorted(all_tags(spec).items()))
    stands = {key: value for key, value in sorted(found.tags.items()) if not key.startswith("aws:")}
    return _differs("tags", DriftKind.CHANGED, wanted, stands, "The role's tags were changed.")


def _description(spec: PartnerRoleSpec, found: StandingRole) -> RoleDifference | None:
    wanted = plain_description(spec.description)
    return _differs(
        "description", DriftKind.CHANGED, wanted, found.description, "The description was changed."
    )


def _differs(part: str, kind: DriftKind, wanted: Any, found: Any, why: str) -> RoleDifference | None:
    return None if wanted == found else RoleDifference(part, kind, wanted, found, why)


def _with_principal_named(statement: Statement, spec: PartnerRoleSpec) -> Statement:
    """Return the statement with the wanted principal in place of the unique ids of deleted ones."""
    elements = tuple(
        (
            name,
            frozenset(f"AWS:{spec.principal_arn}" if _UNIQUE_ID.fullmatch(each) else each for each in words),
        )
        if name == "Principal"
        else (name, words)
        for name, words in statement.elements
    )
    return Statement(statement.effect, elements, statement.conditions)


def _is_over(statement: Statement, now: datetime) -> bool:
    ends = [
        words
        for operator, key, words in statement.conditions
        if (operator, key) == ("DateLessThan", "aws:currenttime")
    ]
    return any(all(_is_past(word, now) for word in words) for words in ends)


def _is_past(word: str, now: datetime) -> bool:
    try:
        return datetime.strptime(word, _TIME).replace(tzinfo=UTC) <= now
    except ValueError:
        return False


def _said(policies: Policies, partition: Partition) -> Mapping[str, Any]:
    return {name: (version_of(policy), statements_of(policy, partition)) for name, policy in policies.items()}


def _shown_all(policies: Policies, partition: Partition) -> Mapping[str, Any]:
    return {name: shown_form(policy, partition) for name, policy in sorted(policies.items())}


def _all_statements(policies: Policies, partition: Partition) -> frozenset[Statement]:
    return frozenset[Statement]().union(*(statements_of(policy, partition) for policy in policies.values()))


def _of(effect: str, statements: Iterable[Statement]) -> list[Statement]:
    return [each for each in statements if each.effect == effect]
