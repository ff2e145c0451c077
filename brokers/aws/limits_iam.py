"""Limits of IAM objects. The service model knows names; the sizes are quotas that only the documentation has.

Source: IAM User Guide, "IAM and AWS STS quotas"; sizes there don't count white space.
"""

from brokers.aws import checks
from brokers.aws.service_model import limit_of
from brokers.types import PrincipalKind

ROLE_INLINE_CHARACTERS = 10_240
USER_INLINE_CHARACTERS = 2_048
MANAGED_POLICY_CHARACTERS = 6_144
MANAGED_POLICIES_ATTACHED = 10  # to a role or a user
TRUST_POLICY_CHARACTERS = 2_048
ROLES_OF_AN_ACCOUNT = 1_000
PATH_AND_NAME_CHARACTERS = 512
SWITCH_ROLE_CHARACTERS = 64
INLINE_CHARACTERS = {PrincipalKind.ROLE: ROLE_INLINE_CHARACTERS, PrincipalKind.USER: USER_INLINE_CHARACTERS}


def role_name(value: str) -> None:
    r"""RoleName: 1 to 64 of `[\w+=,.@-]`."""
    checks.text("RoleName", value, limit_of("iam", "CreateRole", "RoleName"))


def user_name(value: str) -> None:
    r"""UserName: 1 to 64 of `[\w+=,.@-]` (the model says 128 for existing users; the quota is 64)."""
    checks.text("UserName", value, limit_of("iam", "PutUserPolicy", "UserName"), maximum=64)


def role_path_and_name(path: str, name: str, *, switch_role: bool = False) -> None:
    """Check a role's path with its name: 512 characters together, 64 where the console's switch-role."""
    role_name(name)
    checks.text("Path", path, limit_of("iam", "CreateRole", "Path"))
    most = SWITCH_ROLE_CHARACTERS if switch_role else PATH_AND_NAME_CHARACTERS
    checks.characters("Path and RoleName", len(path) + len(name), most)


def managed_policy(document: str) -> None:
    """Check one managed policy: 6,144 characters."""
    checks.characters("Managed policy", checks.iam_size(document), MANAGED_POLICY_CHARACTERS)


def managed_policies_of_role(number: int) -> None:
    """Managed policies attached to one role: 10."""
    checks.count("Managed policies of a role", number, MANAGED_POLICIES_ATTACHED, "policies")


def trust_policy(document: str) -> None:
    """Check a role's trust policy: 2,048 characters."""
    checks.characters("Trust policy", checks.iam_size(document), TRUST_POLICY_CHARACTERS)


def roles_of_account(number: int) -> None:
    """Roles in one account: 1,000."""
    checks.count("Roles of an account", number, ROLES_OF_AN_ACCOUNT, "roles")
