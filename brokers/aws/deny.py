"""The one inline policy that is the portal's own on a role or user: read, put whole, taken away.

Source: IAM API reference, PutRolePolicy ("adds or updates"), "IAM and AWS STS quotas".
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from brokers.aws import checks, limits_iam
from brokers.aws.account_access import AccountAccess
from brokers.aws.inline_policies import InlinePolicies
from brokers.aws.revocation import denied_by, deny_document
from brokers.errors import AwsRefused, LimitExceeded, NotPossible
from brokers.types import DenyPolicySize, DenyTarget, PrincipalKind, StandingDeny

POLICY_NAME = "SallyportRevoked"
# AWS keeps these for itself: IAM Identity Center's roles and service-linked roles take no inline policy.
_NOT_OURS = ("AWSReservedSSO_", "AWSServiceRoleFor")


class IamDenyWriter:
    """`brokers.ports.DenyWriter` and `brokers.ports.PrincipalReader` over IAM. Safe to share between threads.

    IAM propagates in seconds to minutes: what `write` put is a claim until a call of the session is denied.
    """

    def __init__(self, accounts: AccountAccess) -> None:
        self._accounts = accounts

    def read(self, target: DenyTarget) -> StandingDeny:
        """Return what stands in AWS now. AwsRefused with NoSuchEntity: the principal is gone."""
        document = self._policies(target).get(POLICY_NAME)
        if document is None:
            return StandingDeny()
        found = denied_by(document)
        entries, before = found or (frozenset(), None)
        size = DenyPolicySize(POLICY_NAME, size_of(document), len(entries))
        return StandingDeny(entries, before, (size,), intact=found is not None)

    def write(
        self, target: DenyTarget, entries: Collection[str], *, issued_before: datetime | None = None
    ) -> None:
        """Have exactly `entries` denied. Refused before the call when the principal has no room.

        Raises:
            LimitExceeded: no room beside the principal's other inline policies (a role's 10,240 characters,
                a user's 2,048, white space not counted); an entry that isn't one session's.
            NotPossible: a role that AWS keeps for itself.
        """
        policies = self._policies(target)
        if not entries and issued_before is None:
            policies.delete(POLICY_NAME)
            return
        document = deny_document(entries, issued_before)
        size = size_of(document)
        limits_iam.inline_policies(target.kind, target.name, size)
        limits_iam.inline_policies(target.kind, target.name, size + _others(policies))
        try:
            policies.put(POLICY_NAME, json.dumps(document, separators=(",", ":")))
        except AwsRefused as error:
            if error.aws_code != "LimitExceeded":
                raise
            raise LimitExceeded(
                f"Inline policies of {target.kind} {target.name}", f"{size:,} characters more", error.detail
            ) from None

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


def size_of(document: Mapping[str, Any]) -> int:
    """Return a document's size as IAM counts it: characters (an escaped one would be six) but for white space."""
    return checks.iam_size(json.dumps(document, separators=(",", ":"), ensure_ascii=False))


def _others(policies: InlinePolicies) -> int:
    """Return the size of the principal's other inline policies. One that goes meanwhile counts nothing."""
    documents = (policies.get(name) for name in policies.names() if name != POLICY_NAME)
    return sum(size_of(found) for found in documents if found is not None)
