"""The session policy: what the scope allows, and nothing from the second at which the grant ends.

Why explicit denies and not a condition on the Allow: managed session policies union with the inline one, and
a resource policy or trust policy that names the session goes round any Allow. A Deny stops both.

Three denies, in every session, whatever the scope:

- *End*: `*` from the grant's end on. AWS enforces it with the portal gone.
- *Chain*: `sts:Assume*`. A chained session would be another principal, with another `aws:userid` and without
  this policy: neither the end nor a revocation would reach it.
- *Own*: writing to the role (or, for federation, to IAM users and their keys) that the session stands on, and
  to the portal's own managed policies, which hold the denies that have no room there. A session that is denied
  already can write nothing; this stops a neighbour on the same role from lifting the deny, and a live session
  from opening the role's trust policy to a way back. It can't stop an IAM administrator who makes another role
  or user: that outlives any revocation (docs/threat-model.md).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from brokers.aws import limits
from brokers.aws.partitions import RoleArn
from brokers.aws.scope_lint import scope_statements
from brokers.errors import NotPossible
from brokers.types import Partition, Scope

VERSION = "2012-10-17"
OWN_PATH = "/sallyport/"
_ROLE_WRITES = ["iam:DeleteRole*", "iam:DetachRole*", "iam:PutRole*", "iam:UpdateAssume*"]
_POLICY_WRITES = ["iam:*PolicyVersion"]
_USER_WRITES = ["iam:*AccessKey", "iam:*LoginProfile", "iam:DeleteUser*", "iam:DetachUser*", "iam:PutUser*"]


def role_session_policy(scope: Scope, *, ends_at: datetime, role: RoleArn) -> str:
    """Return the compact JSON session policy for AssumeRole of `role`.

    Raises:
        LimitExceeded: over 2,048 characters with the managed policies' ARNs; never sent with less.
        NotPossible: the scope isn't a session policy, or `ends_at` has no time zone.
    """
    return _policy(scope, ends_at, _own(_ROLE_WRITES, str(role), role.partition, role.account_id))


def federation_session_policy(scope: Scope, *, ends_at: datetime, partition: Partition) -> str:
    """Return the compact JSON session policy for GetFederationToken. Raises as `role_session_policy`."""
    return _policy(scope, ends_at, _own(_USER_WRITES, f"arn:{partition}:iam::*:user/*", partition, "*"))


def end_in_policy(ends_at: datetime) -> str:
    """Return the end as the policy has it: UTC with a Z, in whole seconds, rounded down: never outlived."""
    if ends_at.tzinfo is None:
        raise NotPossible("The grant's end has no time zone, so AWS couldn't be told when it is.")
    return ends_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _policy(scope: Scope, ends_at: datetime, own: Mapping[str, Any]) -> str:
    end = {"DateGreaterThanEquals": {"aws:CurrentTime": end_in_policy(ends_at)}}
    statements = [
        *_allowed(scope),
        {**_deny("SallyportEnd", "*", "*"), "Condition": end},
        _deny("SallyportChain", "sts:Assume*", "*"),
        own,
    ]
    document = json.dumps({"Version": VERSION, "Statement": statements}, separators=(",", ":"))
    limits.session_policy(document, scope.managed_policy_arns)
    return document


def _allowed(scope: Scope) -> Sequence[Mapping[str, Any]]:
    if scope.policy is not None:
        return scope_statements(scope.policy)
    if scope.managed_policy_arns:
        # The managed policies allow; an Allow of everything beside them would swallow them.
        return []
    return [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


def _own(writes: list[str], principal: str, partition: Partition, account_id: str) -> Mapping[str, Any]:
    policies = f"arn:{partition}:iam::{account_id}:policy{OWN_PATH}*"
    return _deny("SallyportOwn", [*writes, *_POLICY_WRITES], [principal, policies])


def _deny(sid: str, action: str | list[str], resource: str | list[str]) -> Mapping[str, Any]:
    return {"Sid": sid, "Effect": "Deny", "Action": action, "Resource": resource}
