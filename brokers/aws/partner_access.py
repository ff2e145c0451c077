"""How the hub gets into an account to make partners' roles: by the provisioner, with no more than that takes.

Source: Service Authorization Reference, "AWS Identity and Access Management": which actions know
iam:PermissionsBoundary. UpdateAssumeRolePolicy, UpdateRole and the tags don't; their roles have the boundary from
CreateRole on.
"""

from typing import TYPE_CHECKING

from brokers.aws.hub import Hub
from brokers.aws.hub_sessions import Allowed, become, narrowed_to
from brokers.aws.partitions import RoleArn, parse_role_arn, require_partition
from brokers.aws.partner_checks import check_place
from brokers.aws.partner_names import PARTNERS_PATH, boundary_arn
from brokers.types import AccountPlace

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

_SESSION_NAME = "sallyport-partners"
_GIVES_RIGHTS = ("CreateRole", "PutRolePermissionsBoundary", "PutRolePolicy", "AttachRolePolicy")
_TENDS = (
    *("UpdateAssumeRolePolicy", "UpdateRole", "TagRole", "UntagRole"),
    *("DeleteRole", "DeleteRolePolicy", "DetachRolePolicy"),
    *("GetRolePolicy", "ListRolePolicies", "ListAttachedRolePolicies", "ListInstanceProfilesForRole"),
)


def session_policy(place: AccountPlace) -> str:
    """Return what the hub's session in the provisioner may do, whatever the provisioner may.

    It writes under the path of partners' roles alone, and gives rights to none without the boundary. GetRole is for any
    name: AWS judges a role that isn't there by its name without a path.
    """
    root = f"arn:{place.partition}:iam::{place.account_id}:"
    roles = f"{root}role{PARTNERS_PATH}*"
    bounded = {"Condition": {"StringEquals": {"iam:PermissionsBoundary": boundary_arn(place)}}}
    allowed: Allowed = (
        (_GIVES_RIGHTS, roles, bounded),
        (_TENDS, roles, {}),
        (("GetRole",), f"{root}role/*", {}),
        (("ListRoles",), "*", {}),
        (("RemoveRoleFromInstanceProfile",), f"{root}instance-profile/*", {}),
    )
    return narrowed_to(allowed)


class PartnerAccess:
    """Gives IAM clients by place; each provisioner's credentials are kept and fetched anew before they expire."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def iam(self, place: AccountPlace) -> "IAMClient":
        """Return an IAM client that works as the provisioner of `place`.

        Raises:
            LimitExceeded, NotPossible: no provisioner, or one of another account or partition.
        """
        check_place(place)
        require_partition(place.partition, self._hub.partition, what="The account")
        via = parse_role_arn(place.via_role_arn)
        # Another key than AccountAccess has: the same role may be both, with another session policy.
        return self._hub.iam(f"partners {via}", lambda: self._assume(via, place))

    def _assume(self, via: RoleArn, place: AccountPlace) -> dict[str, str]:
        return become(self._hub, via, session_name=_SESSION_NAME, policy=session_policy(place))
