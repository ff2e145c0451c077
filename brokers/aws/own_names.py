"""How the portal's own managed policies are told from anybody else's: by path, name and description, all three.

IAM never lets a description be changed; GetPolicy returns it, ListPolicies doesn't.
"""

import re

from brokers.aws.session_policy import OWN_PATH
from brokers.types import DenyTarget

PATH = OWN_PATH


def policy_name(target: DenyTarget, slot: int) -> str:
    """Return the name of a slot's policy: 90 characters at most, and no other principal's of the account."""
    return f"SallyportRevoked-{target.kind}-{target.name}-{slot}"


class OwnNames:
    """The names of one principal's policies, slots 1 to 10, there and back; `description` is what all of them bear."""

    def __init__(self, target: DenyTarget) -> None:
        self._target = target
        self._root = f"arn:{target.partition}:iam::{target.account_id}:policy{PATH}"
        self._name = re.compile(re.escape(policy_name(target, 0)[:-1]) + r"([1-9]|10)")
        self.description = (
            f"Written by Sallyport: ends sessions of {target.kind} {target.name}. Don't change it by hand."
        )

    def name(self, slot: int) -> str:
        return policy_name(self._target, slot)

    def arn(self, slot: int) -> str:
        return self._root + self.name(slot)

    def slots_of(self, arn: str) -> list[int]:
        """Return the slot that an ARN stands for; none where it isn't a name of ours."""
        match = self._name.fullmatch(arn.removeprefix(self._root))
        return [int(match[1])] if match else []
