"""Which managed policies under the portal's path are in an account, and whose denies each of them holds.

Source: IAM API reference, ListPolicies ("PathPrefix"; its list has no descriptions), GetPolicy.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from brokers.aws.account_access import AccountAccess
from brokers.aws.aws_errors import translated
from brokers.aws.iam_calls import call, pages
from brokers.aws.own_names import PATH, OwnNames
from brokers.errors import AwsRefused
from brokers.types import DenyTarget, OwnPolicy, PrincipalKind

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

_NAME = re.compile(r"SallyportRevoked-(role|user)-([\w+=,.@-]{1,64})-(?:[1-9]|10)", re.ASCII)


class AccountPolicies:
    """`brokers.ports.PolicyLister` over IAM. Safe to share between threads. Reads only."""

    def __init__(self, accounts: AccountAccess) -> None:
        self._accounts = accounts

    def own_policies(self, target: DenyTarget) -> Sequence[OwnPolicy]:
        """Return them by name. One call for 100, and one more for each that has a name of the portal's."""
        client = self._accounts.iam(target)
        listed = pages(client, "list_policies", "Policies", Scope="Local", PathPrefix=PATH)
        with translated("iam:ListPolicies"):
            found = [_policy(client, target, policy) for policy in listed]
        return sorted((policy for policy in found if policy is not None), key=lambda policy: policy.name)


def _policy(client: "IAMClient", account: DenyTarget, listed: Mapping[str, Any]) -> OwnPolicy | None:
    """Return what a listed policy is; None where it went meanwhile."""
    name, attached = listed["PolicyName"], int(listed.get("AttachmentCount", 0))
    match = _NAME.fullmatch(name)
    if match is None or listed["Path"] != PATH:
        return OwnPolicy(name, attached, is_own=False)
    kind, principal = PrincipalKind(match[1]), match[2]
    holder = DenyTarget(account.partition, account.account_id, kind, principal)
    try:
        answer = call(client, "get_policy", PolicyArn=listed["Arn"])
    except AwsRefused as refused:
        if refused.aws_code == "NoSuchEntity":
            return None
        raise
    is_own = answer["Policy"].get("Description") == OwnNames(holder).description
    return OwnPolicy(name, attached, is_own, kind, principal) if is_own else OwnPolicy(name, attached, False)
