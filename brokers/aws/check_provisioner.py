"""Checks the provisioner: it makes partners' roles under their path, within their boundary, and nothing else.

It makes a role that trusts nobody and allows nothing, so that what should be refused can be tried on it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from brokers.aws.check_boundary import is_the_template, read_boundary, too_wide
from brokers.aws.check_revoker import HARMLESS
from brokers.aws.check_walk import Walk
from brokers.aws.iam_calls import call, pages
from brokers.aws.partner_names import PARTNERS_PATH, boundary_arn
from brokers.aws.patience import Patience
from brokers.aws.trust_policy import CLOSED
from brokers.errors import AwsRefused
from brokers.types import AccountPlace

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

CHECK_PREFIX: Final = "sp-check-"
PATH: Final = f"{PARTNERS_PATH}check/"
_CLOSED: Final = json.dumps(CLOSED, separators=(",", ":"))
_LEFT_BEHIND: Final = timedelta(minutes=15)
_POLICY = "Compare the provisioner's policy with the template."
_TOO_WIDE = "Take it out of the provisioner's policies: compare them with the template."
_BOUNDARY = (
    "The template's managed policy SallyportPartnerBoundary must be in this account, at path /, "
    "and the provisioner must be allowed to read it."
)


def is_under_way(listed: Mapping[str, Any]) -> bool:
    """Say of a role of ListRoles whether a check may be at work on it: made by one, minutes ago at most."""
    is_young = bool(listed["CreateDate"] > datetime.now(UTC) - _LEFT_BEHIND)
    return listed["RoleName"].startswith(CHECK_PREFIX) and is_young


@dataclass(frozen=True, slots=True)
class ProvisionerCheck:
    """`name`: of the role that the check makes. `itself`: the provisioner's own name; `revoker`: the revoker's."""

    walk: Walk
    iam: "IAMClient"
    place: AccountPlace
    name: str
    itself: str
    revoker: str | None
    patience: Patience

    def boundary(self) -> bool:
        """Look at the boundary; say whether it is there."""
        arn = boundary_arn(self.place)
        found = self.walk.must(
            "The boundary is there",
            lambda: read_boundary(self.iam, arn),
            f"{arn} can be read.",
            advice=_BOUNDARY,
        )
        if found is None:
            return False
        wide = too_wide(found)
        detail = "It is the template." if is_the_template(found) else "Somebody changed it; it still bounds."
        self.walk.say(
            "The boundary bounds",
            is_ok=not wide,
            detail=f"It may let through {', '.join(wide)}." if wide else detail,
            advice="Deny these in the boundary, without a condition, or put the template's policy back.",
        )
        return True

    def make(self) -> bool:
        """Make the check's role, with tags; say whether it stands."""
        self._sweep()
        tags = [{"Key": "SallyportCheck", "Value": self.name}]
        made = self.walk.must(
            "Provisioner: make a role",
            partial(self._call, "create_role", **self._role(), Tags=tags),
            lambda answer: f"It made {answer['Role']['Arn']}, within the boundary, trusted by nobody.",
            advice=_POLICY,
        )
        if made is None:
            return False
        self.walk.must(
            "Provisioner: tend it", self._tend, "It gave it permissions and a trust policy.", advice=_POLICY
        )
        return True

    def cannot_make(self) -> None:
        """Make a role without the boundary, under another one, in another place: all refused."""
        wide = f"arn:{self.place.partition}:iam::aws:policy/AdministratorAccess"
        name = {"RoleName": f"{self.name}-x"}
        for what, given in (
            ("without the boundary", {**self._role(), "PermissionsBoundary": None}),
            ("with another boundary", {**self._role(), "PermissionsBoundary": wide}),
            ("in another place", {**self._role(), "Path": "/"}),
        ):
            parameters = {key: value for key, value in {**given, **name}.items() if value is not None}
            self.walk.must_not(
                f"Provisioner: make a role {what}",
                partial(self._call, "create_role", **parameters),
                undo=partial(self._call, "delete_role", **name),
                advice=_TOO_WIDE,
            )

    def cannot_widen(self) -> None:
        """Take the check role's boundary away, or attach what gives all rights: refused."""
        on = {"RoleName": self.name}
        self.walk.must_not(
            "Provisioner: take the boundary off a role",
            partial(self._call, "delete_role_permissions_boundary", **on),
            undo=partial(
                self._call,
                "put_role_permissions_boundary",
                **on,
                PermissionsBoundary=boundary_arn(self.place),
            ),
            advice=_TOO_WIDE,
        )
        admin = {**on, "PolicyArn": f"arn:{self.place.partition}:iam::aws:policy/AdministratorAccess"}
        self.walk.must_not(
            "Provisioner: attach AdministratorAccess",
            partial(self._call, "attach_role_policy", **admin),
            undo=partial(self._call, "detach_role_policy", **admin),
            advice=_TOO_WIDE,
        )

    def cannot_elsewhere(self) -> None:
        """Edit the boundary, itself, the revoker; make users: refused."""
        boundary = boundary_arn(self.place)
        versions: list[str] = []

        def edit() -> None:
            made = self._call("create_policy_version", PolicyArn=boundary, PolicyDocument=HARMLESS)
            versions.append(made["PolicyVersion"]["VersionId"])

        self.walk.must_not(
            "Provisioner: edit the boundary",
            edit,
            undo=lambda: [
                self._call("delete_policy_version", PolicyArn=boundary, VersionId=each) for each in versions
            ],
            advice=_TOO_WIDE,
        )
        for what, role in (("itself", self.itself), ("the revoker", self.revoker)):
            if role is not None:
                on = {"RoleName": role, "PolicyName": self.name}
                self.walk.must_not(
                    f"Provisioner: write on {what}",
                    partial(self._call, "put_role_policy", **on, PolicyDocument=HARMLESS),
                    undo=partial(self._call, "delete_role_policy", **on),
                    advice=_TOO_WIDE,
                )
        self.walk.must_not(
            "Provisioner: make a user",
            partial(self._call, "create_user", UserName=self.name),
            undo=partial(self._call, "delete_user", UserName=self.name),
            advice=_TOO_WIDE,
        )

    def remove(self) -> None:
        """Take the check's role away, and see that it is gone."""
        self.walk.must(
            "Provisioner: remove the role",
            lambda: self._delete(self.name),
            "It took the role away, and AWS says that there is none.",
            advice=f"{_POLICY} Then delete role {self.name} by hand.",
        )

    def _role(self) -> Mapping[str, Any]:
        return {
            "RoleName": self.name,
            "Path": PATH,
            "AssumeRolePolicyDocument": _CLOSED,
            "PermissionsBoundary": boundary_arn(self.place),
            "Description": "Made by Sallyport to check what it can do here. Goes within seconds.",
        }

    def _tend(self) -> None:
        on = {"RoleName": self.name}
        policy = {**on, "PolicyName": self.name}
        self.patience.once_there(lambda: self._call("put_role_policy", **policy, PolicyDocument=HARMLESS))
        self._call("update_assume_role_policy", **on, PolicyDocument=_CLOSED)
        self._call("update_role", **on, MaxSessionDuration=3600)
        self._call("tag_role", **on, Tags=[{"Key": "SallyportCheck", "Value": self.name}])
        self._call("get_role", **on)
        self._call("get_role_policy", **policy)

    def _sweep(self) -> None:
        """Find roles under the path, and take away what a check that was broken off left behind."""

        def find() -> int:
            found = list(pages(self.iam, "list_roles", "Roles", PathPrefix=PARTNERS_PATH))
            for role in found:
                if role["RoleName"].startswith(CHECK_PREFIX) and not is_under_way(role):
                    self._delete(role["RoleName"])
            return sum(not role["RoleName"].startswith(CHECK_PREFIX) for role in found)

        self.walk.must(
            "Provisioner: find roles of partners",
            find,
            lambda count: f"It found {count} under {PARTNERS_PATH}.",
            advice=f"{_POLICY} iam:ListRoles knows no resource: it needs *.",
        )

    def _delete(self, name: str) -> None:
        on = {"RoleName": name}
        for policy in list(pages(self.iam, "list_role_policies", "PolicyNames", **on)):
            self._call("delete_role_policy", **on, PolicyName=policy)
        for policy in list(pages(self.iam, "list_attached_role_policies", "AttachedPolicies", **on)):
            self._call("detach_role_policy", **on, PolicyArn=policy["PolicyArn"])
        self._call("delete_role", **on)
        if self.patience.until(lambda: self._is_gone(name)) is None:
            raise AwsRefused("iam:GetRole", "StillThere", f"role {name} is shown after it was deleted")

    def _is_gone(self, name: str) -> bool | None:
        try:
            self._call("get_role", RoleName=name)
        except AwsRefused as error:
            if error.aws_code != "NoSuchEntity":
                raise
            return True
        return None

    def _call(self, method: str, **parameters: Any) -> Any:
        return call(self.iam, method, **parameters)
