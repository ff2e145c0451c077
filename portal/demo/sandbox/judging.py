"""How MiniStack judges IAM calls, amended to what AWS documents. Runs in MiniStack's process.

1. Calls on a role or user are authorised against its real ARN, path included: that of the one that is there, or for
   CreateRole and CreateUser the one that it will have. MiniStack builds one without the path.
2. iam:CreatePolicy is authorised against the ARN that the policy will have; MiniStack takes `*`.
3. The condition keys iam:PolicyARN (attaching, detaching) and iam:PermissionsBoundary: what the call sets, where it
   sets one; else what stands on the role or user. MiniStack knows neither.
4. Making a role or user with tags needs iam:TagRole or iam:TagUser too.
"""

import importlib
from typing import Any

SETS_BOUNDARY = frozenset(
    f"iam:{verb}" for kind in ("Role", "User") for verb in (f"Create{kind}", f"Put{kind}PermissionsBoundary")
)
HAS_BOUNDARY = frozenset(
    f"iam:{verb}{kind}{what}"
    for kind in ("Role", "User")
    for verb, what in (
        ("Put", "Policy"),
        ("Delete", "Policy"),
        ("Attach", "Policy"),
        ("Detach", "Policy"),
        ("Delete", "PermissionsBoundary"),
    )
)
KINDS = ("Role", "User")


class Principals:
    """The roles and users that MiniStack holds, of every account."""

    def __init__(self, iam: Any) -> None:
        self.stores = {"Role": iam._roles, "User": iam._users}  # noqa: SLF001 - there is no public way

    def find(self, kind: str, account: str, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.stores[kind].get_scoped(account, None, name)
        return found

    def knows(self, account: str) -> bool:
        """Whether the account has anybody in it: one that has nobody isn't part of the simulation."""
        return any(key[0] == account for store in self.stores.values() for key in list(store._data))  # noqa: SLF001 - as above


def give_real_arns(actions: Any, principals: Principals) -> None:
    plain = actions.extract_resource_arn

    def real(service: str, *args: Any) -> str:
        *_, params, _region, account = args
        if service != "iam":
            return str(plain(service, *args))
        action, path = _given(actions, params, "Action"), _given(actions, params, "Path") or "/"
        if action == "CreatePolicy":
            return f"arn:aws:iam::{account}:policy{path}{_given(actions, params, 'PolicyName')}"
        if action.endswith("RoleFromInstanceProfile"):  # it names a role too, and is not judged by it
            return f"arn:aws:iam::{account}:instance-profile/{_given(actions, params, 'InstanceProfileName')}"
        for kind in KINDS:
            name = _given(actions, params, f"{kind}Name")
            if name and action == f"Create{kind}":
                return f"arn:aws:iam::{account}:{kind.lower()}{path}{name}"
            found = principals.find(kind, account, name) if name else None
            if found:
                return str(found["Arn"])
        return str(plain(service, *args))

    actions.extract_resource_arn = real


def give_keys(actions: Any, principals: Principals, account_id: Any) -> None:
    plain = actions.request_tag_context

    def with_keys(service: str, action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        context = dict(plain(service, action, body, params))
        if service != "iam":
            return context
        if action.startswith(("iam:Attach", "iam:Detach")):
            context["iam:PolicyARN"] = _given(actions, params, "PolicyArn")
        boundary = ""
        if action in SETS_BOUNDARY:
            boundary = _given(actions, params, "PermissionsBoundary")
        elif action in HAS_BOUNDARY:
            kind = next(kind for kind in KINDS if kind in action)
            found = principals.find(kind, account_id(), _given(actions, params, f"{kind}Name"))
            boundary = str((found or {}).get("PermissionsBoundary") or "")
        if boundary:  # else the key isn't there, as at AWS
            context["iam:PermissionsBoundary"] = boundary
        return context

    actions.request_tag_context = with_keys


def ask_for_tagging(evaluator: Any) -> None:
    plain = evaluator.enforce
    needs = {"iam:CreateRole": "iam:TagRole", "iam:CreateUser": "iam:TagUser"}

    def twice(access_key_id: str, action: str, *args: Any, **kwargs: Any) -> Any:
        denied = plain(access_key_id, action, *args, **kwargs)
        tags = (kwargs.get("service_context") or {}).get("aws:TagKeys")
        if denied or action not in needs or not tags:
            return denied
        return plain(access_key_id, needs[action], *args, **kwargs)

    evaluator.enforce = twice


def _given(actions: Any, params: dict[str, Any], name: str) -> str:
    return str(actions._query_param(params, name) or "")  # noqa: SLF001 - MiniStack's own way to read one


def judge_as_aws() -> Principals:
    """Amend how MiniStack authorises IAM calls, in this process."""
    actions = importlib.import_module("ministack.core.iam_actions")
    responses = importlib.import_module("ministack.core.responses")
    principals = Principals(importlib.import_module("ministack.services.iam"))
    give_real_arns(actions, principals)
    give_keys(actions, principals, responses.get_account_id)
    ask_for_tagging(importlib.import_module("ministack.core.iam_evaluator"))
    return principals
