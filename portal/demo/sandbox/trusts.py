"""Principals in trust policies, as AWS keeps them. Runs in MiniStack's process.

AWS refuses a principal that isn't there, and notes the unique id of a role or user that is. When that role or user is
deleted, the trust policy shows the id (AROA…, AIDA…) in place of the ARN, and one that is made anew under the same
name isn't trusted. MiniStack compares names.
"""

import importlib
import json
import re
from collections.abc import Callable, Iterable
from typing import Any
from xml.sax.saxutils import escape

from portal.demo.sandbox.judging import Principals

ARN = re.compile(r"arn:aws[a-z-]*:(?P<service>iam|sts)::(?P<account>\d{12}):(?P<rest>\S+)")
ANYBODY = re.compile(r"\*|\d{12}")
IDS = {"Role": "RoleId", "User": "UserId"}


def principals_of(document: str) -> Iterable[str]:
    """Return the AWS principals that a trust policy names; none where it isn't one."""
    try:
        statements = json.loads(document)["Statement"]
        found = [
            statement.get("Principal", {})
            for statement in (statements if isinstance(statements, list) else [statements])
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    for principal in found:
        named = principal.get("AWS", []) if isinstance(principal, dict) else principal
        yield from [named] if isinstance(named, str) else named


def is_there(principal: str, known: Principals) -> bool:
    """Whether AWS would take it. An account that the simulation has nobody in is taken at its word."""
    match = ARN.fullmatch(principal)
    if match is None:
        return bool(ANYBODY.fullmatch(principal))
    if "*" in principal or "?" in principal:
        return False
    kind, _, name = match["rest"].partition("/")
    if match["service"] == "sts" or kind == "root" or not known.knows(match["account"]):
        return kind in {"root", "role", "user", "assumed-role", "federated-user"}
    found = (
        known.find(kind.capitalize(), match["account"], name.rsplit("/", 1)[-1])
        if kind in {"role", "user"}
        else None
    )
    return found is not None and found["Arn"] == principal


def refuse_who_is_not_there(iam: Any, known: Principals) -> None:
    plain: Callable[[Any], str | None] = iam._trust_policy_not_principal_error  # noqa: SLF001 - there is no public way

    def error(document: Any) -> str | None:
        wrong = [each for each in principals_of(str(document)) if not is_there(each, known)]
        return plain(document) or (
            f'Invalid principal in policy: "AWS":"{escape(wrong[0])}"' if wrong else None
        )

    iam._trust_policy_not_principal_error = error  # noqa: SLF001 - there is no public way


def show_ids_of_the_deleted(iam: Any, known: Principals, account_id: Callable[[], str]) -> None:
    for kind, id_name in IDS.items():
        plain = iam._IAM_HANDLERS[f"Delete{kind}"]  # noqa: SLF001 - there is no public way

        def delete(params: Any, kind: str = kind, id_name: str = id_name, plain: Any = plain) -> Any:
            found = known.find(kind, account_id(), iam._p(params, f"{kind}Name"))  # noqa: SLF001 - there is no public way
            arn, unique_id = (found["Arn"], found[id_name]) if found else ("", "")
            answer = plain(params)
            if arn and known.find(kind, account_id(), iam._p(params, f"{kind}Name")) is None:  # noqa: SLF001 - there is no public way
                _put_id(known, arn, unique_id)
            return answer

        iam._IAM_HANDLERS[f"Delete{kind}"] = delete  # noqa: SLF001 - there is no public way


def _put_id(known: Principals, arn: str, unique_id: str) -> None:
    for role in list(known.stores["Role"]._data.values()):  # noqa: SLF001 - there is no public way
        document = str(role["AssumeRolePolicyDocument"])
        if json.dumps(arn) in document:
            role["AssumeRolePolicyDocument"] = document.replace(json.dumps(arn), json.dumps(unique_id))


def write_roles_as_xml(iam: Any) -> None:
    """Escape what a role's description and tags hold; leave the tags out of lists, as AWS does."""
    plain = iam._role_xml  # noqa: SLF001 - there is no public way

    def role_xml(name: str, boundary: bool = True) -> str:  # noqa: FBT001, FBT002 - MiniStack's own signature
        role = iam._roles[name]  # noqa: SLF001 - there is no public way
        kept = dict(role)
        role["Description"] = escape(role.get("Description") or "")
        tags = role.get("Tags") or [] if boundary else []
        role["Tags"] = [{key: escape(str(value)) for key, value in tag.items()} for tag in tags]
        try:
            return str(plain(name, boundary))
        finally:
            role |= {"Description": kept.get("Description"), "Tags": kept.get("Tags")}

    iam._role_xml = role_xml  # noqa: SLF001 - there is no public way


def trust_as_aws(known: Principals) -> None:
    """Amend how MiniStack keeps trust policies and shows roles, in this process."""
    iam = importlib.import_module("ministack.services.iam")
    responses = importlib.import_module("ministack.core.responses")
    refuse_who_is_not_there(iam, known)
    show_ids_of_the_deleted(iam, known, responses.get_account_id)
    write_roles_as_xml(iam)
