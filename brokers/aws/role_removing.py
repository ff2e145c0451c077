"""Closes a role, and takes it away with all that hangs on it; NoSuchEntity is what is wanted, wherever it comes.

First nobody new gets in, then the sessions that there are are cut; the deny that does it goes last of all policies.
Source: IAM API reference, DeleteRole (what must be gone before), PutRolePolicy.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brokers.aws.iam_calls import call, pages
from brokers.aws.partner_names import CLOSED_POLICY, boundary_arn
from brokers.aws.partner_permissions import CLOSED
from brokers.aws.patience import Patience
from brokers.aws.policy_form import same_policy
from brokers.aws.role_reading import read_head, read_role, require_own
from brokers.aws.trust_policy import CLOSED as CLOSED_TRUST
from brokers.aws.trust_policy import document_of
from brokers.errors import AwsAccessDenied, AwsRefused, AwsUnavailable
from brokers.types import AccountPlace, StandingRole

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class RoleRemoving:
    """The end of one role of the portal's own, made for what `made_for` (one tag) says, by way of `client`."""

    def __init__(
        self,
        client: "IAMClient",
        place: AccountPlace,
        name: str,
        made_for: Mapping[str, str],
        patience: Patience,
    ) -> None:
        self._client = client
        self._place = place
        self._name = name
        self._made_for = made_for
        self._patience = patience

    def close(self) -> bool:
        """Let nobody in any more and deny its sessions everything; False: there is no such role.

        Raises:
            NotPossible: somebody else's role has the name.
            AwsUnavailable: AWS doesn't show it yet as it was written.
        """
        found = read_head(self._client, self._name)
        if found is None:
            return False
        require_own(found, self._place, self._made_for)
        if not same_policy(found.trust, CLOSED_TRUST, self._place.partition):
            self._write("update_assume_role_policy", PolicyDocument=document_of(CLOSED_TRUST))
        self._cut(found)
        return self._patience.until(self._is_closed) or self._not_shown()

    def delete(self) -> None:
        """Take it away. What is open is closed first, so that nothing is ever half open."""
        found = read_role(self._client, self._name)
        if found is None:
            return
        require_own(found, self._place, self._made_for)
        if not self._stands_closed(found):
            self.close()
        self._strip(found)
        self._write("delete_role_policy", PolicyName=CLOSED_POLICY)
        try:
            self._write("delete_role")
        except AwsRefused as error:
            if error.aws_code != "DeleteConflict":
                raise
            self._leave_instance_profiles(error)
            self._write("delete_role")

    def _cut(self, found: StandingRole) -> None:
        """Deny everything. A role that can take no deny any more loses all that allows anything, which is the same."""
        try:
            if found.boundary_arn != boundary_arn(self._place):
                # Without the boundary the provisioner may give a role nothing, not even a deny.
                self._write("put_role_permissions_boundary", PermissionsBoundary=boundary_arn(self._place))
            self._write("put_role_policy", PolicyName=CLOSED_POLICY, PolicyDocument=document_of(CLOSED))
        except AwsRefused:
            whole = read_role(self._client, self._name)
            if whole is not None:
                self._strip(whole)

    def _strip(self, found: StandingRole) -> None:
        for arn in found.attached:
            self._write("detach_role_policy", PolicyArn=arn)
        for name in sorted(found.inline.keys() - {CLOSED_POLICY}):
            self._write("delete_role_policy", PolicyName=name)

    def _is_closed(self) -> bool | None:
        found = read_role(self._client, self._name)
        return True if found is None or self._stands_closed(found) else None

    def _stands_closed(self, found: StandingRole) -> bool:
        partition = self._place.partition
        closing = found.inline.get(CLOSED_POLICY)
        return same_policy(found.trust, CLOSED_TRUST, partition) and (
            not (found.inline or found.attached)
            if closing is None
            else same_policy(closing, CLOSED, partition)
        )

    def _not_shown(self) -> bool:
        raise AwsUnavailable("iam:GetRole", f"role {self._name} isn't shown yet as closed")

    def _leave_instance_profiles(self, conflict: AwsRefused) -> None:
        """Take it off machines that somebody gave it to, where the account's owner lets the provisioner do so."""
        name = self._name
        try:
            for profile in list(
                pages(self._client, "list_instance_profiles_for_role", "InstanceProfiles", RoleName=name)
            ):
                self._write(
                    "remove_role_from_instance_profile", InstanceProfileName=profile["InstanceProfileName"]
                )
        except AwsAccessDenied:
            words = (
                f"{conflict.detail} Take role {name} off the instance profile; it can do nothing any more."
            )
            raise AwsRefused(conflict.operation, conflict.aws_code, words, conflict.request_id) from None

    def _write(self, method: str, **parameters: Any) -> None:
        try:
            call(self._client, method, RoleName=self._name, **parameters)
        except AwsRefused as error:
            if error.aws_code != "NoSuchEntity":
                raise
