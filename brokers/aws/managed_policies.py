"""Managed policies of the portal's own on one IAM principal: made, replaced, attached, taken away without a trace.

What isn't the portal's own (`brokers.aws.own_names`) is left alone.
Source: IAM API reference, CreatePolicyVersion ("up to five versions") and DeletePolicy (what must be gone before).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brokers.aws.aws_errors import translated
from brokers.aws.iam_calls import call, pages
from brokers.aws.inline_policies import NAMED, document_in
from brokers.aws.own_names import PATH, OwnNames
from brokers.errors import AwsRefused, LimitExceeded, NotPossible
from brokers.types import DenyTarget

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

# A quota that AWS doesn't raise.
VERSIONS = 5


@dataclass(frozen=True, slots=True)
class Attached:
    """What is attached to a principal: how many policies in all, and the slots that bear the portal's name."""

    number: int
    slots: tuple[int, ...]


class ManagedPolicies:
    """The portal's policies on `target`, by way of `client`. Every method lets only BrokerErrors out."""

    def __init__(self, client: "IAMClient", target: DenyTarget) -> None:
        self._client = client
        self._noun = NAMED[target.kind]
        self._who = {f"{self._noun}Name": target.name}
        self._own_names = OwnNames(target)

    def attached(self) -> Attached:
        """Return what is attached. AwsRefused with NoSuchEntity: the principal is gone. One call for 100 policies."""
        number, slots = 0, []
        listed = f"list_attached_{self._noun.lower()}_policies"
        for policy in pages(self._client, listed, "AttachedPolicies", **self._who):
            number += 1
            slots += self._own_names.slots_of(policy["PolicyArn"])
        return Attached(number, tuple(sorted(slots)))

    def there(self) -> list[int]:
        """Return the slots of which a policy exists in the account, attached or not. One call for 100 policies."""
        found = pages(self._client, "list_policies", "Policies", Scope="Local", PathPrefix=PATH)
        return sorted(slot for policy in found for slot in self._own_names.slots_of(policy["Arn"]))

    def read(self, slot: int) -> Mapping[str, Any] | None:
        """Return the document in force; None where that policy isn't the portal's own. Two calls."""
        found = self._own(slot)
        if found is None:
            return None
        answer = self._call("get_policy_version", slot, VersionId=found["DefaultVersionId"])
        with translated("iam:GetPolicyVersion"):
            return document_in("iam:GetPolicyVersion", answer["PolicyVersion"].get("Document"))

    def replace(self, slot: int, document: str) -> None:
        """Put `document` in force in a policy that exists. One call, four when there are five versions already."""
        try:
            self._call("create_policy_version", slot, PolicyDocument=document, SetAsDefault=True)
        except AwsRefused as error:
            if error.aws_code != "LimitExceeded":
                raise
            versions = self._other_versions(slot)
            if len(versions) < VERSIONS - 1:
                raise LimitExceeded(self._own_names.name(slot), "a new version", error.detail) from None
            self._call("delete_policy_version", slot, VersionId=versions[0])
            self._call("create_policy_version", slot, PolicyDocument=document, SetAsDefault=True)

    def add(self, slot: int, document: str) -> None:
        """Make the policy, or go on with one that a broken-off write left, and attach it. Two calls.

        Raises:
            LimitExceeded: the account or the principal has no room for another policy.
            NotPossible: somebody else's policy has that name.
        """
        name = self._own_names.name(slot)
        try:
            call(
                self._client,
                "create_policy",
                Path=PATH,
                PolicyName=name,
                PolicyDocument=document,
                Description=self._own_names.description,
            )
        except AwsRefused as error:
            if error.aws_code != "EntityAlreadyExists":
                raise _no_room(error, name) from None
            if self._own(slot) is None:
                raise NotPossible(
                    f"{self._own_names.arn(slot)} isn't the portal's own, and stands where its next policy would."
                ) from None
            self.replace(slot, document)
        try:
            self._call(f"attach_{self._noun.lower()}_policy", slot, **self._who)
        except AwsRefused as error:
            raise _no_room(error, name) from None

    def remove(self, slots: Collection[int]) -> None:
        """Detach and delete, the highest slot first. Nothing happens to a policy that isn't the portal's own."""
        for slot in sorted(slots, reverse=True):
            if self._own(slot) is None:
                continue
            self._if_there(f"detach_{self._noun.lower()}_policy", slot, **self._who)
            for version in self._other_versions(slot):
                self._if_there("delete_policy_version", slot, VersionId=version)
            self._if_there("delete_policy", slot)

    def _own(self, slot: int) -> Mapping[str, Any] | None:
        try:
            answer = self._call("get_policy", slot)
        except AwsRefused as error:
            if error.aws_code == "NoSuchEntity":
                return None
            raise
        with translated("iam:GetPolicy"):
            found: Mapping[str, Any] = answer["Policy"]
        return found if found.get("Description") == self._own_names.description else None

    def _other_versions(self, slot: int) -> list[str]:
        """Return the versions that are not in force, the oldest first (`v9` before `v10`)."""
        found = self._call("list_policy_versions", slot)
        with translated("iam:ListPolicyVersions"):
            others = [v["VersionId"] for v in found["Versions"] if not v["IsDefaultVersion"]]
        return sorted(others, key=lambda version: (len(version), version))

    def _if_there(self, method: str, slot: int, **parameters: Any) -> None:
        try:
            self._call(method, slot, **parameters)
        except AwsRefused as error:
            if error.aws_code != "NoSuchEntity":
                raise

    def _call(self, method: str, slot: int, **parameters: Any) -> Any:
        return call(self._client, method, PolicyArn=self._own_names.arn(slot), **parameters)


def _no_room(error: AwsRefused, name: str) -> AwsRefused | LimitExceeded:
    return (
        LimitExceeded(name, "one policy more", error.detail) if error.aws_code == "LimitExceeded" else error
    )
