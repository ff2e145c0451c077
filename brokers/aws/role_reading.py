"""A role as IAM shows it now, with all that hangs on it; and how it is told whether it is the portal's own."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from brokers.aws.aws_errors import translated
from brokers.aws.iam_calls import call, pages
from brokers.aws.inline_policies import InlinePolicies, document_in
from brokers.aws.partner_names import PARTNERS_PATH, boundary_arn, tag_of
from brokers.errors import AwsRefused, NotPossible
from brokers.types import AccountPlace, PrincipalKind, StandingRole

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


def read_role(client: "IAMClient", name: str) -> StandingRole | None:
    """Return the role; None where there is none of that name, or it goes meanwhile.

    Calls: GetRole, ListRolePolicies and one GetRolePolicy each, ListAttachedRolePolicies. A role under another path
    isn't the portal's: its policies are not read, and not shown.
    """
    try:
        head = read_head(client, name)
        return head if head is None or not head.path.startswith(PARTNERS_PATH) else _whole(client, head)
    except AwsRefused as error:
        if error.aws_code == "NoSuchEntity":
            return None
        raise


def read_head(client: "IAMClient", name: str) -> StandingRole | None:
    """Return the role without its policies, by GetRole alone; None where there is none of that name."""
    try:
        answer = call(client, "get_role", RoleName=name)
    except AwsRefused as error:
        if error.aws_code == "NoSuchEntity":
            return None
        raise
    with translated("iam:GetRole"):
        return _head(answer["Role"])


def require_own(role: StandingRole, place: AccountPlace, wanted: Mapping[str, str]) -> None:
    """Raise NotPossible where the role isn't the portal's own, made for what `wanted` (one tag) says.

    It is under the portal's path and bears the tag. One that somebody took the tag from is known by its name, which is
    made from the same, and by the portal's boundary: it must still be put right, and go at its end.
    """
    tag, value = next(iter(wanted.items()))
    found = role.tags.get(tag)
    by_name = tag_of(role.name) == dict(wanted) and role.boundary_arn == boundary_arn(place)
    if role.path.startswith(PARTNERS_PATH) and (found == value or (found is None and by_name)):
        return
    raise NotPossible(
        f"Role {role.name} in account {place.account_id} isn't the portal's own: it is at {role.path} "
        f"and its tag {tag} is {found or 'missing'}. It is left alone."
    )


def _head(found: Mapping[str, Any]) -> StandingRole:
    return StandingRole(
        name=found["RoleName"],
        path=found["Path"],
        arn=found["Arn"],
        unique_id=found["RoleId"],
        description=found.get("Description", ""),
        max_session=timedelta(seconds=found.get("MaxSessionDuration", 3600)),
        trust=document_in("iam:GetRole", found.get("AssumeRolePolicyDocument")),
        inline={},
        attached=(),
        boundary_arn=found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", ())},
    )


def _whole(client: "IAMClient", head: StandingRole) -> StandingRole:
    policies = InlinePolicies(client, PrincipalKind.ROLE, head.name)
    documents = [(name, policies.get(name)) for name in policies.names()]
    listed = pages(client, "list_attached_role_policies", "AttachedPolicies", RoleName=head.name)
    with translated("iam:ListAttachedRolePolicies"):
        attached = tuple(sorted(policy["PolicyArn"] for policy in listed))
    inline = {name: document for name, document in documents if document is not None}
    return replace(head, inline=inline, attached=attached)
