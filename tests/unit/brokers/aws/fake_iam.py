"""IAM in memory, as far as inline policies go, speaking like botocore's client."""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError


class FakeIam:
    """One principal's inline policies, `gone` when it isn't there. Pages of two names; calls are remembered."""

    def __init__(self, kind: str, policies: dict[str, Any] | None = None, *, gone: bool = False) -> None:
        self.kind = kind
        self.policies = policies if policies is not None else {}
        self.gone = gone
        self.refuse_put = ""
        self.vanishing: set[str] = set()
        self.calls: list[str] = []

    def __getattr__(self, method: str) -> Any:
        noun = self.kind.lower()
        known: dict[str, Callable[..., Any]] = {
            f"get_{noun}": self._principal,
            f"get_{noun}_policy": self._get,
            f"put_{noun}_policy": self._put,
            f"delete_{noun}_policy": self._delete,
            f"list_{noun}_policies": self._list,
        }
        found = known[method]

        def call(**asked: Any) -> Any:
            self.calls.append(method)
            assert asked.pop(f"{self.kind}Name") == "Developer"
            if self.gone:
                raise client_error("NoSuchEntity", 404)
            return found(**asked)

        return call

    def _principal(self) -> Any:
        return {self.kind: {f"{self.kind}Id": "AROAEXAMPLE"}}

    def _get(self, PolicyName: str) -> Any:  # noqa: N803  # AWS's own name
        if PolicyName not in self.policies or PolicyName in self.vanishing:
            raise client_error("NoSuchEntity", 404)
        return {"PolicyDocument": self.policies[PolicyName]}

    def _put(self, PolicyName: str, PolicyDocument: str) -> None:  # noqa: N803  # AWS's own names
        if self.refuse_put:
            raise client_error(self.refuse_put, 409)
        self.policies[PolicyName] = json.loads(PolicyDocument)

    def _delete(self, PolicyName: str) -> None:  # noqa: N803  # AWS's own name
        if self.policies.pop(PolicyName, None) is None:
            raise client_error("NoSuchEntity", 404)

    def _list(self, Marker: str = "0") -> Any:  # noqa: N803  # AWS's own name
        start = int(Marker)
        names = sorted(self.policies)
        page = {"PolicyNames": names[start : start + 2]}
        return page if start + 2 >= len(names) else {**page, "IsTruncated": True, "Marker": str(start + 2)}


def client_error(code: str, status: int) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": "why"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "x")
