"""Finds out by real calls what the portal can and can't do in an AWS account, and what it should not be able to.

Each role is assumed anew, as it is, without the session policies that narrow the portal's work: the check is of the
account, not of the portal. Whatever should be refused and wasn't is taken back at once. The names of all that it makes
begin with `sp-check-`.
"""

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from brokers.aws.account_files import account_files, account_roles
from brokers.aws.aws_errors import translated
from brokers.aws.check_provisioner import CHECK_PREFIX, ProvisionerCheck
from brokers.aws.check_revoker import RevokerCheck
from brokers.aws.check_walk import Walk
from brokers.aws.hub import Hub
from brokers.aws.iam_calls import call
from brokers.aws.partitions import RoleArn, parse_role_arn, require_account_id, require_partition
from brokers.aws.patience import Patience
from brokers.errors import NotPossible
from brokers.ports import CheckProgress
from brokers.types import (
    AccountFile,
    AccountPlace,
    AccountRoles,
    CheckStep,
    DenyTarget,
    Partition,
    PrincipalKind,
)

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

_SESSION_NAME = "sallyport-check"
_SECONDS = 900
_NO_HUB = "Give Sallyport an access key of the hub's user, or a role, and see that it reaches AWS."


def _silent(found: Sequence[CheckStep], now: str) -> None:
    del found, now


class AccountCheck:
    """The AccountChecker port. One check at a time in an account is enough; two don't harm each other."""

    def __init__(self, hub: Hub, patience: Patience | None = None) -> None:
        self._hub = hub
        self._patience = patience or Patience()

    def files(self, partition: Partition, account_id: str) -> Sequence[AccountFile]:
        return account_files(self._hub.principal(), partition, require_account_id(account_id))

    def roles(self, partition: Partition, account_id: str) -> AccountRoles:
        return account_roles(partition, require_account_id(account_id))

    def check(
        self, target: DenyTarget, place: AccountPlace | None, *, progress: CheckProgress = _silent
    ) -> Sequence[CheckStep]:
        walk = Walk(progress)
        arn = walk.must(
            "The hub", lambda: self._who(target), "Sallyport calls AWS as {}.".format, advice=_NO_HUB
        )
        if arn is not None:
            self._check(walk, target, place)
        return walk.steps

    def _who(self, target: DenyTarget) -> str:
        require_partition(target.partition, self._hub.partition, what="The account")
        return self._hub.principal()

    def _check(self, walk: Walk, target: DenyTarget, place: AccountPlace | None) -> None:
        name = CHECK_PREFIX + secrets.token_hex(5)
        hub = self._hub.iam(None, dict)
        walk.must_not(
            "The hub: make a user",
            lambda: call(hub, "create_user", UserName=name),
            undo=lambda: call(hub, "delete_user", UserName=name),
            advice="Take it out of the hub's policies: compare them with the template.",
        )
        revoker = self._revoker(walk, target, name)
        provisioner = self._provisioner(walk, target, place, name)
        stands = provisioner is not None and provisioner.boundary() and provisioner.make()
        if revoker is not None:
            self._walk_revoker(revoker, target, name if stands else None)
        if provisioner is not None:
            provisioner.cannot_make()
            if stands:
                provisioner.cannot_widen()
            provisioner.cannot_elsewhere()
            if stands:
                provisioner.remove()

    def _revoker(self, walk: Walk, target: DenyTarget, name: str) -> RevokerCheck | None:
        own = (target.partition, target.account_id, name)
        if target.via_role_arn is None:
            iam = walk.must(
                "Become the revoker",
                lambda: self._as_itself(target.account_id),
                "It is the hub's own account: the hub writes there itself.",
                advice="Enter the account's revoker role: SallyportRevoker of the template.",
            )
            return None if iam is None else RevokerCheck(walk, iam, *own, itself=None)
        found = self._become(walk, "revoker", target.via_role_arn, target)
        return None if found is None else RevokerCheck(walk, found[0], *own, itself=found[1].name)

    def _provisioner(
        self, walk: Walk, target: DenyTarget, place: AccountPlace | None, name: str
    ) -> ProvisionerCheck | None:
        if place is None:
            walk.not_tried(
                "Become the provisioner",
                "no provisioner is entered. Partners can't be let in here from their own accounts.",
            )
            return None
        found = self._become(walk, "provisioner", place.via_role_arn, target)
        if found is None:
            return None
        revoker = parse_role_arn(target.via_role_arn).name if target.via_role_arn else None
        return ProvisionerCheck(walk, found[0], place, name, found[1].name, revoker, self._patience)

    def _walk_revoker(self, revoker: RevokerCheck, target: DenyTarget, made: str | None) -> None:
        known = target.name if target.kind is PrincipalKind.ROLE else ""
        if made or known:
            revoker.on(made or known)
        else:
            revoker.walk.not_tried("Revoker: write a deny", "no role under /sallyport/ is known here yet.")
        revoker.overflow()
        revoker.elsewhere()

    def _as_itself(self, account_id: str) -> "IAMClient":
        if self._hub.account_id() != account_id:
            raise NotPossible(
                f"No revoker role is entered, and the hub is in account {self._hub.account_id()}."
            )
        return self._hub.iam(None, dict)

    def _become(
        self, walk: Walk, who: str, arn: str, target: DenyTarget
    ) -> tuple["IAMClient", RoleArn] | None:
        return walk.must(
            f"Become the {who}",
            lambda: self._assume(arn, target),
            f"The hub assumes {arn}.",
            advice=f"Both sides must allow it: the trust policy of {arn} must name "
            f"{self._hub.principal()}, and the hub's own policy sts:AssumeRole on that role.",
        )

    def _assume(self, arn: str, target: DenyTarget) -> tuple["IAMClient", RoleArn]:
        role = parse_role_arn(arn)
        require_partition(role.partition, target.partition, what="The role")
        if role.account_id != target.account_id:
            raise NotPossible(f"{arn} is in account {role.account_id}, not {target.account_id}.")
        with translated(f"sts:AssumeRole of {arn}"):
            answer = self._hub.sts().assume_role(
                RoleArn=arn, RoleSessionName=_SESSION_NAME, DurationSeconds=_SECONDS
            )
            found = answer["Credentials"]
            keys = (found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
        return self._hub.iam_as(*keys), role
