"""Checks the revoker: it writes denies on roles under the portal's path, and can do nothing else that matters."""

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from brokers.aws.check_walk import Walk
from brokers.aws.iam_calls import call
from brokers.aws.session_policy import OWN_PATH, VERSION
from brokers.types import Partition

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

# Whoever has it may send traces to X-Ray.
GIVES_LITTLE: Final = "AWSXRayDaemonWriteAccess"
# In force never, so that putting it anywhere changes nothing: not even where it should have been refused.
HARMLESS: Final = json.dumps(
    {
        "Version": VERSION,
        "Statement": [
            {
                "Sid": "SallyportCheck",
                "Effect": "Deny",
                "Action": "iam:DeleteAccountAlias",
                "Resource": "*",
                "Condition": {"DateLessThan": {"aws:CurrentTime": "1971-01-01T00:00:00Z"}},
            }
        ],
    },
    separators=(",", ":"),
)
_WRITE = "The revoker's policy must allow it on role/sallyport/*: compare it with the template."
_MANAGED = (
    "The revoker's policy must allow managed policies under policy/sallyport/*: compare it with the template."
)
_TOO_WIDE = "Take it out of the revoker's policies: compare them with the template."


@dataclass(frozen=True, slots=True)
class RevokerCheck:
    """`name`: of everything that the check makes. `itself`: the revoker's own name, None for the hub as itself."""

    walk: Walk
    iam: "IAMClient"
    partition: Partition
    account_id: str
    name: str
    itself: str | None

    def on(self, role: str) -> None:
        """Read a role under the portal's path and write a deny there, then take it away."""
        on_role = {"RoleName": role}
        self.walk.must(
            "Revoker: read a role",
            lambda: [self._call("get_role", **on_role), self._call("list_role_policies", **on_role)],
            f"It reads role {role} and its policies.",
            advice=_WRITE,
        )
        named = {**on_role, "PolicyName": self.name}

        def write() -> None:
            self._call("put_role_policy", **named, PolicyDocument=HARMLESS)
            self._call("get_role_policy", **named)
            self._call("delete_role_policy", **named)

        self.walk.must(
            "Revoker: write a deny", write, f"It wrote a deny on role {role} and took it away.", advice=_WRITE
        )
        # Of AWS's own one that gives next to nothing: it may be a role that people use, and the check may die.
        wide = {**on_role, "PolicyArn": f"arn:{self.partition}:iam::aws:policy/{GIVES_LITTLE}"}
        self.walk.must_not(
            "Revoker: attach what is not its own",
            partial(self._call, "attach_role_policy", **wide),
            undo=partial(self._call, "detach_role_policy", **wide),
            advice=_TOO_WIDE,
        )

    def overflow(self) -> None:
        """Make a managed policy under the portal's path, for more denies than a role has room for; none elsewhere."""
        made = {"PolicyName": self.name, "PolicyDocument": HARMLESS}

        def make_and_delete() -> None:
            arn = self._call("create_policy", **made, Path=OWN_PATH)["Policy"]["Arn"]
            self._call("list_policy_versions", PolicyArn=arn)
            self._call("delete_policy", PolicyArn=arn)

        self.walk.must(
            "Revoker: room for many denies",
            make_and_delete,
            "It made a managed policy under /sallyport/ and took it away.",
            advice=_MANAGED,
        )
        elsewhere = f"arn:{self.partition}:iam::{self.account_id}:policy/{self.name}"
        self.walk.must_not(
            "Revoker: make other policies",
            partial(self._call, "create_policy", **made),
            undo=partial(self._call, "delete_policy", PolicyArn=elsewhere),
            advice=_TOO_WIDE,
        )

    def elsewhere(self) -> None:
        """Write on itself, make users: all refused."""
        if self.itself is not None:
            itself = {"RoleName": self.itself, "PolicyName": self.name}
            self.walk.must_not(
                "Revoker: write on itself",
                partial(self._call, "put_role_policy", **itself, PolicyDocument=HARMLESS),
                undo=partial(self._call, "delete_role_policy", **itself),
                advice=_TOO_WIDE,
            )
        self.walk.must_not(
            "Revoker: make a user",
            partial(self._call, "create_user", UserName=self.name),
            undo=partial(self._call, "delete_user", UserName=self.name),
            advice=_TOO_WIDE,
        )

    def _call(self, method: str, **parameters: Any) -> Any:
        return call(self.iam, method, **parameters)
