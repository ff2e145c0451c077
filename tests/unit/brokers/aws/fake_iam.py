"""IAM in memory, as far as one principal's policies go, speaking like botocore's client; faults that a test sets."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

ROOT = "arn:aws:iam::222222222222:policy"


@dataclass
class Managed:
    """One managed policy: its versions in the order in which they were made, the last set as default in force."""

    description: str
    versions: dict[str, Any]
    default: str = "v1"
    made: int = 1


@dataclass
class FakeIam:
    """One principal's policies, `gone` when it isn't there. Pages of two; calls are remembered.

    `refuse[method]`: the code that a call is refused with. `break_off`: how many calls that change something
    still take effect; the next one fails, as when the process dies.
    """

    kind: str
    policies: dict[str, Any] = field(default_factory=dict)
    gone: bool = False
    managed: dict[str, Managed] = field(default_factory=dict)
    attached: list[str] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    vanishing: set[str] = field(default_factory=set)
    break_off: int | None = None
    calls: list[str] = field(default_factory=list)
    after: Callable[[], None] = lambda: None

    def __getattr__(self, method: str) -> Any:
        noun = self.kind.lower()
        of_principal: dict[str, Callable[..., Any]] = {
            f"get_{noun}": self._principal,
            f"get_{noun}_policy": self._get,
            f"put_{noun}_policy": self._put,
            f"delete_{noun}_policy": self._delete,
            f"list_{noun}_policies": self._list,
            f"list_attached_{noun}_policies": self._list_attached,
            f"attach_{noun}_policy": self._attach,
            f"detach_{noun}_policy": self._detach,
        }
        found = of_principal.get(method) or getattr(self, f"_{method}")

        def call(**asked: Any) -> Any:
            self.calls.append(method)
            if method in of_principal:
                assert asked.pop(f"{self.kind}Name") == "Developer"
                if self.gone:
                    raise client_error("NoSuchEntity", 404)
            if method in self.refuse:
                raise client_error(self.refuse[method], 409)
            if not method.startswith(("get", "list")):
                self._count_down()
            answer = found(**asked)
            self.after()
            return answer

        return call

    def denied(self) -> set[str]:
        """Return what all policies in force deny together."""
        attached = [self.managed[arn] for arn in self.attached if arn in self.managed]
        documents = [*self.policies.values(), *(policy.versions[policy.default] for policy in attached)]
        return {
            userid
            for document in documents
            for statement in document.get("Statement", ())
            for userid in statement["Condition"].get("StringEquals", {}).get("aws:userid", ())
        }

    def _count_down(self) -> None:
        if self.break_off is not None:
            self.break_off -= 1
            if self.break_off < 0:
                raise client_error("ServiceUnavailable", 503)

    def _principal(self) -> Any:
        return {self.kind: {f"{self.kind}Id": "AROAEXAMPLE"}}

    def _get(self, PolicyName: str) -> Any:  # noqa: N803  # AWS's own name
        if PolicyName not in self.policies or PolicyName in self.vanishing:
            raise client_error("NoSuchEntity", 404)
        return {"PolicyDocument": self.policies[PolicyName]}

    def _put(self, PolicyName: str, PolicyDocument: str) -> None:  # noqa: N803  # AWS's own names
        self.policies[PolicyName] = json.loads(PolicyDocument)

    def _delete(self, PolicyName: str) -> None:  # noqa: N803  # AWS's own name
        if self.policies.pop(PolicyName, None) is None:
            raise client_error("NoSuchEntity", 404)

    def _list(self, Marker: str = "0") -> Any:  # noqa: N803  # AWS's own name
        return _page("PolicyNames", sorted(self.policies), Marker)

    def _list_attached(self, Marker: str = "0") -> Any:  # noqa: N803  # AWS's own name
        return _page("AttachedPolicies", [{"PolicyArn": arn} for arn in self.attached], Marker)

    def _list_policies(self, Scope: str, PathPrefix: str, Marker: str = "0") -> Any:  # noqa: N803  # AWS's own names
        assert Scope == "Local"
        found = [arn for arn in sorted(self.managed) if arn.removeprefix(ROOT).startswith(PathPrefix)]
        return _page("Policies", [{"Arn": arn} for arn in found], Marker)

    def _policy(self, arn: str) -> Managed:
        if arn not in self.managed:
            raise client_error("NoSuchEntity", 404)
        return self.managed[arn]

    def _get_policy(self, PolicyArn: str) -> Any:  # noqa: N803  # AWS's own name
        found = self._policy(PolicyArn)
        return {"Policy": {"DefaultVersionId": found.default, "Description": found.description}}

    def _get_policy_version(self, PolicyArn: str, VersionId: str) -> Any:  # noqa: N803  # AWS's own names
        return {"PolicyVersion": {"Document": self._policy(PolicyArn).versions[VersionId]}}

    def _create_policy(self, Path: str, PolicyName: str, PolicyDocument: str, Description: str) -> None:  # noqa: N803
        arn = f"{ROOT}{Path}{PolicyName}"
        if arn in self.managed:
            raise client_error("EntityAlreadyExists", 409)
        self.managed[arn] = Managed(Description, {"v1": json.loads(PolicyDocument)})

    def _create_policy_version(self, PolicyArn: str, PolicyDocument: str, SetAsDefault: bool) -> None:  # noqa: N803
        found = self._policy(PolicyArn)
        assert SetAsDefault
        if len(found.versions) >= 5:
            raise client_error("LimitExceeded", 409)
        found.made += 1
        found.default = f"v{found.made}"
        found.versions[found.default] = json.loads(PolicyDocument)

    def _list_policy_versions(self, PolicyArn: str) -> Any:  # noqa: N803  # AWS's own name
        found = self._policy(PolicyArn)
        listed = reversed(found.versions)
        return {"Versions": [{"VersionId": v, "IsDefaultVersion": v == found.default} for v in listed]}

    def _delete_policy_version(self, PolicyArn: str, VersionId: str) -> None:  # noqa: N803  # AWS's own names
        found = self._policy(PolicyArn)
        assert VersionId != found.default
        del found.versions[VersionId]

    def _delete_policy(self, PolicyArn: str) -> None:  # noqa: N803  # AWS's own name
        assert len(self._policy(PolicyArn).versions) == 1
        assert PolicyArn not in self.attached
        del self.managed[PolicyArn]

    def _attach(self, PolicyArn: str) -> None:  # noqa: N803  # AWS's own name
        self._policy(PolicyArn)
        if PolicyArn not in self.attached:
            assert len(self.attached) < 10
            self.attached.append(PolicyArn)

    def _detach(self, PolicyArn: str) -> None:  # noqa: N803  # AWS's own name
        if PolicyArn not in self.attached:
            raise client_error("NoSuchEntity", 404)
        self.attached.remove(PolicyArn)


def _page(key: str, items: list[Any], marker: str) -> Any:
    start = int(marker)
    page = {key: items[start : start + 2]}
    return page if start + 2 >= len(items) else {**page, "IsTruncated": True, "Marker": str(start + 2)}


def client_error(code: str, status: int) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": "why"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "x")
