"""How the hub gets into a target's account to read and write IAM there: by a role of it, or as itself."""

from typing import TYPE_CHECKING

from brokers.aws.hub import Hub
from brokers.aws.hub_sessions import Allowed, become, narrowed_to
from brokers.aws.partitions import RoleArn, parse_role_arn, require_account_id, require_partition
from brokers.aws.session_policy import OWN_PATH
from brokers.errors import NotPossible
from brokers.types import DenyTarget

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

_SESSION_NAME = "sallyport-hub"


def session_policy(via: RoleArn) -> str:
    """Return what the hub's session in `via` may do, whatever the role may: read principals, write its denies.

    Managed policies: the portal's own path alone, and nothing else is attached or detached.
    """
    own = f"arn:{via.partition}:iam::{via.account_id}:policy{OWN_PATH}*"
    both = ("Role", "User")
    inline = [f"{verb}{kind}Policy" for kind in both for verb in ("Get", "Put", "Delete")]
    lists = [f"List{which}{kind}Policies" for kind in both for which in ("", "Attached")]
    managed = [f"{verb}Policy{what}" for what in ("", "Version") for verb in ("Get", "Create", "Delete")]
    allowed: Allowed = (
        (["GetRole", "GetUser", *inline, *lists, "ListPolicies"], "*", {}),
        ([*managed, "ListPolicyVersions"], own, {}),
        (
            [f"{verb}{kind}Policy" for kind in both for verb in ("Attach", "Detach")],
            "*",
            {"Condition": {"ArnLike": {"iam:PolicyARN": own}}},
        ),
    )
    return narrowed_to(allowed)


class AccountAccess:
    """Gives IAM clients for targets; each role's credentials are kept and fetched anew before they expire."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def iam(self, target: DenyTarget) -> "IAMClient":
        """Return an IAM client that works in `target`'s account, and in no other.

        Raises:
            LimitExceeded, NotPossible: a malformed ARN or id; another partition's or account's.
            AwsRefused, AwsAccessDenied, AwsUnavailable: STS, asked which account the hub is in.
        """
        require_account_id(target.account_id)
        require_partition(target.partition, self._hub.partition, what="The principal")
        if target.via_role_arn is None:
            self._require_account(self._hub.account_id(), target, "the hub")
            return self._hub.iam(None, dict)
        via = parse_role_arn(target.via_role_arn, field="via_role_arn")
        require_partition(via.partition, target.partition, what="The role to write with")
        self._require_account(via.account_id, target, "the role to write with")
        return self._hub.iam(str(via), lambda: self._assume(via))

    @staticmethod
    def _require_account(found: str, target: DenyTarget, who: str) -> None:
        # A role of the same name in another account would be written in its place.
        if found != target.account_id:
            raise NotPossible(
                f"{target.kind.capitalize()} {target.name} is in account {target.account_id}, "
                f"{who} in {found}."
            )

    def _assume(self, via: RoleArn) -> dict[str, str]:
        return become(self._hub, via, session_name=_SESSION_NAME, policy=session_policy(via))
