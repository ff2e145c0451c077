"""Inline policies of one IAM principal, role or user, behind the same four verbs."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from brokers.aws.aws_errors import translated
from brokers.aws.iam_calls import call, pages
from brokers.errors import AwsRefused, AwsUnavailable
from brokers.types import PrincipalKind

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

NAMED = {PrincipalKind.ROLE: "Role", PrincipalKind.USER: "User"}


class InlinePolicies:
    """The inline policies of `kind` `name`, by way of `client`. Every method lets only BrokerErrors out."""

    def __init__(self, client: "IAMClient", kind: PrincipalKind, name: str) -> None:
        self._client = client
        self._noun = NAMED[kind]
        self._who = {f"{self._noun}Name": name}

    def get(self, policy: str) -> Mapping[str, Any] | None:
        """Return one document, or None when there is none of that name, or no such principal."""
        try:
            answer = self._call(f"get_{self._noun.lower()}_policy", PolicyName=policy)
        except AwsRefused as error:
            if error.aws_code == "NoSuchEntity":
                return None
            raise
        return document_in(f"iam:Get{self._noun}Policy", answer.get("PolicyDocument"))

    def put(self, policy: str, document: str) -> None:
        """Put `document` in place of the one of that name."""
        self._call(f"put_{self._noun.lower()}_policy", PolicyName=policy, PolicyDocument=document)

    def delete(self, policy: str) -> None:
        """Take the document away; nothing happens when the principal has none of that name."""
        try:
            self._call(f"delete_{self._noun.lower()}_policy", PolicyName=policy)
        except AwsRefused as error:
            if error.aws_code != "NoSuchEntity" or not self._exists():
                raise

    def names(self) -> Iterator[str]:
        """Yield the names of all inline policies."""
        yield from pages(self._client, f"list_{self._noun.lower()}_policies", "PolicyNames", **self._who)

    def unique_id(self) -> str:
        """Return the principal's RoleId or UserId."""
        answer = self._call(f"get_{self._noun.lower()}")
        with translated(f"iam:Get{self._noun}"):
            return str(answer[self._noun][f"{self._noun}Id"])

    def _exists(self) -> bool:
        # NoSuchEntity says the same of a missing policy and of a missing principal: raises for the latter.
        return bool(self.unique_id())

    def _call(self, method: str, **parameters: str) -> Any:
        return call(self._client, method, **self._who, **parameters)


def document_in(operation: str, found: Any) -> Mapping[str, Any]:
    """Read a document that botocore decoded already, or that a stand-in sent as it pleased."""
    if isinstance(found, str):
        try:
            found = json.loads(found if found.lstrip().startswith("{") else unquote(found))
        except ValueError:
            found = None
    if not isinstance(found, Mapping):
        raise AwsUnavailable(operation, "the answer has no policy document")
    return found
