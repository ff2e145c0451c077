"""The inline policy of a partner's role: what the scope allows, within the grant's window, and no way out of it.

The denies stand whatever the scope allows, and count for the managed policies beside it too:

- *Start*, *End*: nothing before the grant's window and nothing after it. A session of an hour that began a minute
  before the end is denied from the end on, by AWS, with the portal gone.
- *Chain*: `sts:Assume*`. A session of a further role would outlive all of this.
- *Own*: IAM calls on what is under the portal's path (the role itself, other partners' roles, denies) and on the
  permissions boundary. The boundary says the same; this holds where its owner changed it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from brokers.aws.partner_names import boundary_arn
from brokers.aws.scope_lint import scope_statements
from brokers.aws.session_policy import OWN_PATH, VERSION, end_in_policy
from brokers.aws.trust_policy import start_in_policy
from brokers.errors import NotPossible
from brokers.types import AccountPlace, PartnerRoleSpec

CLOSED: Mapping[str, Any] = {
    "Version": VERSION,
    "Statement": [{"Sid": "SallyportClosed", "Effect": "Deny", "Action": "*", "Resource": "*"}],
}


def permissions(spec: PartnerRoleSpec) -> Mapping[str, Any]:
    """Return the inline policy of a partner's role.

    Raises:
        NotPossible: there is no scope, or it isn't a policy; a time without a zone.
    """
    statements = [
        *_allowed(spec),
        _deny("SallyportStart", {"DateLessThan": {"aws:CurrentTime": start_in_policy(spec.starts_at)}}),
        _deny("SallyportEnd", {"DateGreaterThanEquals": {"aws:CurrentTime": end_in_policy(spec.ends_at)}}),
        {"Sid": "SallyportChain", "Effect": "Deny", "Action": "sts:Assume*", "Resource": "*"},
        {"Sid": "SallyportOwn", "Effect": "Deny", "Action": "iam:*", "Resource": _own(spec.place)},
    ]
    return {"Version": VERSION, "Statement": statements}


def _allowed(spec: PartnerRoleSpec) -> Sequence[Mapping[str, Any]]:
    if spec.policy is not None:
        return scope_statements(spec.policy)
    if spec.managed_policy_arns:
        return []
    raise NotPossible("A partner's role has a scope: without one it would allow nothing.")


def _own(place: AccountPlace) -> Sequence[str]:
    root = f"arn:{place.partition}:iam::{place.account_id}:"
    return [f"{root}role{OWN_PATH}*", f"{root}policy{OWN_PATH}*", boundary_arn(place)]


def _deny(sid: str, condition: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"Sid": sid, "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
