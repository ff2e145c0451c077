"""What of the portal's own stands on a role or user to end sessions: read, put, taken away.

One inline policy, and managed policies for what it has no room for (`brokers.aws.deny_layout` says what goes where).
Source: IAM API reference, PutRolePolicy ("adds or updates"), "IAM and AWS STS quotas".
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from brokers.aws import limits_iam
from brokers.aws.account_access import AccountAccess
from brokers.aws.deny_layout import Part
from brokers.aws.deny_write import POLICY_NAME, DenyWrite, part_in, size_of
from brokers.aws.inline_policies import InlinePolicies
from brokers.aws.managed_policies import ManagedPolicies
from brokers.aws.own_names import policy_name
from brokers.aws.revocation import check_entries, whole_second
from brokers.errors import NotPossible
from brokers.types import DenyPolicySize, DenyTarget, PrincipalKind, StandingDeny

# AWS keeps these for itself: IAM Identity Center's roles and service-linked roles take no policy of others.
_NOT_OURS = ("AWSReservedSSO_", "AWSServiceRoleFor")


class IamDenyWriter:
    """`brokers.ports.DenyWriter` and `brokers.ports.PrincipalReader` over IAM. Safe to share between threads.

    IAM propagates in seconds to minutes: what `write` put is a claim until a call of the session is denied.
    """

    def __init__(self, accounts: AccountAccess) -> None:
        self._accounts = accounts

    def read(self, target: DenyTarget) -> StandingDeny:
        """Return what stands in AWS now. Two calls, and two more for each managed policy of the portal's own.

        AwsRefused with NoSuchEntity: the principal is gone.
        """
        inline, managed = self._policies(target)
        attached = managed.attached()
        first = inline.get(POLICY_NAME)
        found = [] if first is None else [(POLICY_NAME, first)]
        for slot in attached.slots:
            document = managed.read(slot)
            if document is not None:
                found.append((policy_name(target, slot), document))
        parts = [part_in(document) for _, document in found]
        known = [part for part in parts if part is not None]
        return StandingDeny(
            entries=frozenset[str]().union(*(part.entries for part in known)),
            issued_before=max((part.issued_before for part in known if part.issued_before), default=None),
            policies=tuple(
                DenyPolicySize(name, size_of(document), len(part.entries) if part else 0)
                for (name, document), part in zip(found, parts, strict=True)
            ),
            intact=len(known) == len(parts),
        )

    def write(
        self, target: DenyTarget, entries: Collection[str], *, issued_before: datetime | None = None
    ) -> None:
        """Have exactly `entries` denied, and what AWS issued before `issued_before`, rounded up to a second.

        Calls where all fits inline: ListAttached…, List…Policies, one Get for each inline policy of others, Put.
        With nothing to deny: List…Policies, Delete.

        Raises:
            LimitExceeded: no room beside what others put there (inline a role's 10,240 characters, a user's
                2,048, white space not counted; ten managed policies of 6,144); an entry that isn't one session's.
            NotPossible: a role that AWS keeps for itself; somebody else's policy has the portal's name.
        """
        wanted = _wanted(entries, issued_before)
        write = DenyWrite(target, *self._policies(target))
        if wanted:
            write.put(wanted)
        else:
            write.clear()

    def unique_id(self, target: DenyTarget) -> str:
        """Return the RoleId (AROA…) or UserId (AIDA…), the first half of its sessions' `aws:userid`."""
        return self._policies(target, written=False)[0].unique_id()

    def _policies(
        self, target: DenyTarget, *, written: bool = True
    ) -> tuple[InlinePolicies, ManagedPolicies]:
        check_name = limits_iam.role_name if target.kind is PrincipalKind.ROLE else limits_iam.user_name
        check_name(target.name)
        if written and target.name.startswith(_NOT_OURS):
            raise NotPossible(
                f"Role {target.name} is kept by AWS itself and can't be written: it has no kill switch."
            )
        client = self._accounts.iam(target)
        return InlinePolicies(client, target.kind, target.name), ManagedPolicies(client, target)


def _wanted(entries: Iterable[str], issued_before: datetime | None) -> Part:
    listed = frozenset(entries)
    check_entries(listed)
    return Part(listed, None if issued_before is None else whole_second(issued_before))
