"""What the portal may ask of AWS to let partners in from their own accounts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from brokers.types import (
    AcceptedExternalId,
    AccountFile,
    AccountPlace,
    AccountRoles,
    CheckStep,
    Decision,
    DeniedCall,
    DenyTarget,
    ListedRole,
    Partition,
    PartnerRoleSizes,
    PartnerRoleSpec,
    PolicyFinding,
    RoleDifference,
    ServiceAccess,
    StandingRole,
)


class PartnerRoleMaker(Protocol):
    """Makes, reads and removes the IAM roles by which partners come in from their own accounts.

    Every call can be repeated: what is there already as it should be stays. Touches only roles under the portal's own
    path that carry the tag of the same grant; where somebody took the tag away, the role's name and its boundary tell
    it. Does *not* lock: the caller holds the role's lease.

    Raises:
        LimitExceeded, NotPossible: before any call, or where somebody else's role has the name.
        AwsRefused, AwsAccessDenied, AwsUnavailable: what AWS did (LimitExceeded of AWS: an account's quota is full).
    """

    def check(self, spec: PartnerRoleSpec) -> PartnerRoleSizes:
        """Raise as `make` would before any call; return the sizes of the policies that it would write. No network."""

    def trust_policy(self, spec: PartnerRoleSpec) -> Mapping[str, Any]:
        """Return the trust policy that `make` writes, for whoever wants to see it first. No network."""

    def permissions(self, spec: PartnerRoleSpec) -> Mapping[str, Any]:
        """Return the inline policy that `make` writes. No network."""

    def make(self, spec: PartnerRoleSpec) -> StandingRole:
        """Make the role, or bring what stands to `spec`: trust, boundary, permissions, tags. Reads it back.

        A role that was closed stays closed: NotPossible.
        """

    def read(self, place: AccountPlace, name: str) -> StandingRole | None:
        """Return the role as AWS shows it now; None where there is none of that name.

        One under another path than the portal's is somebody else's: its policies are not read.
        """

    def close(self, place: AccountPlace, name: str, *, grant: str) -> bool:
        """Have nobody assume it any more, and every session of it denied everything. False: there is none."""

    def delete(self, place: AccountPlace, name: str, *, grant: str) -> None:
        """Take it away with all that hangs on it; nothing happens where there is none."""

    def list(self, place: AccountPlace) -> Sequence[ListedRole]:
        """Return all roles under the portal's own path for partners in the account. Twins stand at the path itself."""

    def differences(self, spec: PartnerRoleSpec, found: StandingRole) -> Sequence[RoleDifference]:
        """Compare canonically what stands with what should: order, lists of one and letter case mean nothing.

        No network. A statement of trust whose time is over, by this machine's clock, counts for nothing.
        """


class ExternalIdProver(Protocol):
    """Proves by real calls what a trust policy does with ExternalIds, on a twin role without permissions.

    The twin's trust is made by the same code as a partner role's, and differs in nothing but the principal, which is
    the portal itself. Raises as PartnerRoleMaker.
    """

    def make_twin(
        self, place: AccountPlace, name: str, external_ids: Sequence[AcceptedExternalId], *, ends_at: datetime
    ) -> None:
        """Make the twin, or bring it to these ExternalIds; open from a minute ago until `ends_at`."""

    def assume_twin(self, place: AccountPlace, name: str, external_id: str | None) -> bool:
        """Say whether AWS lets the portal assume it with that ExternalId (None: without any). One call.

        True: credentials came (and were thrown away). False: AccessDenied of sts:AssumeRole. All else raises.
        """

    def remove_twin(self, place: AccountPlace, name: str) -> None:
        """Take the twin away; nothing happens where there is none."""


class CheckProgress(Protocol):
    """Told before each step: what was found so far, and the name of what is looked at now."""

    def __call__(self, found: Sequence[CheckStep], now: str) -> None: ...


class AccountChecker(Protocol):
    """Finds out by real calls what the portal can and can't do in an account, and what it should not be able to."""

    def check(
        self, target: DenyTarget, place: AccountPlace | None, *, progress: CheckProgress = ...
    ) -> Sequence[CheckStep]:
        """Walk the steps and go on where one fails.

        Makes a role of its own where the provisioner may, and takes it away again. `place` None: no provisioner;
        then denies are tried on the role that `target` names, under the portal's path, where it names one.
        """

    def roles(self, partition: Partition, account_id: str) -> AccountRoles:
        """Return what the roles are called that the files make. No network."""

    def files(self, partition: Partition, account_id: str) -> Sequence[AccountFile]:
        """Return what connects the account, by several tools, with who the hub is put in. Asks STS for that once.

        Raises:
            NotPossible, AwsRefused, AwsUnavailable: who the hub is can't be told.
        """


class PolicyAnalyst(Protocol):
    """Reads policies: what is wrong with them, and what they let somebody do. Pure, no network."""

    def lint(
        self, policy: Mapping[str, Any], *, partition: Partition, account_id: str
    ) -> Sequence[PolicyFinding]:
        """Return what is wrong, worst first: syntax, unknown actions, wildcards, ways to more rights."""

    def access(self, policy: Mapping[str, Any]) -> Sequence[ServiceAccess]:
        """Return what it lets somebody do, by service and access level."""

    def decide(
        self,
        policies: Sequence[Mapping[str, Any]],
        *,
        action: str,
        resource: str,
        context: Mapping[str, str],
    ) -> Decision:
        """Say what identity policies that count together say of a call. `context`: condition keys and their values.

        A condition on a key that `context` lacks counts as not met, in an Allow, and as met, in a Deny.
        """

    def read_error(self, text: str) -> DeniedCall:
        """Read an error message of AWS, as a client shows it. Fields that it doesn't tell are empty."""


@dataclass(frozen=True, slots=True)
class PartnerPorts:
    """What the portal asks of AWS to let partners in from their own accounts.

    `role_name`: of the role for a grant; `twin_name`: of the twin for a partner's account. Both are made injectively
    from the row's id. `hub_arn`: who the portal is to AWS, for trust policies and for whoever connects an account.
    """

    roles: PartnerRoleMaker
    external_ids: ExternalIdProver
    accounts: AccountChecker
    analyst: PolicyAnalyst
    role_name: Callable[[UUID], str]
    twin_name: Callable[[UUID], str]
    hub_arn: Callable[[], str]
