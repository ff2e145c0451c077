"""The one inline policy that is the portal's own on a role or user: read, put whole, taken away.

Source: IAM API reference, PutRolePolicy ("adds or updates"), "IAM and AWS STS quotas".
"""

import json
from collections.abc import Mapping
from typing import Any

from brokers.aws import checks, limits_iam
from brokers.aws.account_access import AccountAccess
from brokers.aws.inline_policies import InlinePolicies
from brokers.aws.revocation import require_deny_only
from brokers.errors import AwsRefused, LimitExceeded, NotPossible
from brokers.types import DenyTarget, PrincipalKind

POLICY_NAME = "SallyportRevoked"
# AWS keeps these for itself: IAM Identity Center's roles and service-linked roles take no inline policy.
_NOT_OURS = ("AWSReservedSSO_", "AWSServiceRoleFor")


class IamDenyWriter:
    """`brokers.ports.DenyWriter` and `brokers.ports.PrincipalReader` over IAM. Safe to share between threads.

    IAM propagates in seconds to minutes: what `write` put is a claim until a call of the session is denied.
    """

    def __init__(self, accounts: AccountAccess) -> None:
        self._accounts = accounts

    def read(self, target: DenyTarget) -> Mapping[str, Any] | None:
        """Return the document that stands in AWS now. AwsRefused with NoSuchEntity: the principal is gone."""
        return self._policies(target).get(POLICY_NAME)

    def write(self, target: DenyTarget, document: Mapping[str, Any]) -> None:
        """Put `document`, whole. Refused before the call when the principal's inline policies have no room.

        Raises:
            LimitExceeded: no room beside the principal's other inline policies (a role's 10,240 characters,
                a user's 2,048, white space not counted).
            NotPossible: a statement that isn't a Deny; a role that AWS keeps for itself.
        """
        require_deny_only(document)
        text = json.dumps(document, separators=(",", ":"))
        size = checks.iam_size(text)
        limits_iam.inline_policies(target.kind, target.name, size)
        policies = self._policies(target)
        limits_iam.inline_policies(target.kind, target.name, size + _others(policies))
        try:
            policies.put(POLICY_NAME, text)
        except AwsRefused as error:
            if error.aws_code != "LimitExceeded":
                raise
            raise LimitExceeded(
                f"Inline policies of {target.kind} {target.name}", f"{size:,} characters more", error.detail
            ) from None

    def remove(self, target: DenyTarget) -> None:
        """Take the document away. AwsRefused with NoSuchEntity: the principal is gone."""
        self._policies(target).delete(POLICY_NAME)

    def unique_id(self, target: DenyTarget) -> str:
        """Return the RoleId (AROA…) or UserId (AIDA…), the first half of its sessions' `aws:userid`."""
        return self._policies(target, written=False).unique_id()

    def _policies(self, target: DenyTarget, *, written: bool = True) -> InlinePolicies:
        check_name = limits_iam.role_name if target.kind is PrincipalKind.ROLE else limits_iam.user_name
        check_name(target.name)
        if written and target.name.startswith(_NOT_OURS):
            raise NotPossible(
                f"Role {target.name} is kept by AWS itself and can't be written: it has no kill switch."
            )
        return InlinePolicies(self._accounts.iam(target), target.kind, target.name)


def _others(policies: InlinePolicies) -> int:
    """Return the size of the principal's other inline policies. One that goes meanwhile counts nothing."""
    documents = (policies.get(name) for name in policies.names() if name != POLICY_NAME)
    # ensure_ascii=False: IAM counts characters, and an escaped one is six.
    return sum(
        checks.iam_size(json.dumps(found, separators=(",", ":"), ensure_ascii=False))
        for found in documents
        if found is not None
    )
