"""Says what AWS would say of a call, by its documented evaluation logic, from policies as IAM returns them.

Independent on purpose: it knows nothing of how the portal writes policies, and imports nothing of it. Tests read a
role back from IAM (`read_role`) and ask `may_assume` and `decide`.

    role = read_role(iam, "sp-0123")
    assert may_assume(role, partner_user, external_id=theirs, at=now)
    assert not may_assume(role, partner_user, external_id=None, at=now)
    session = role.session("work", issued_at=now)
    assert decide(session, "s3:GetObject", "arn:aws:s3:::reports/a", at=now).allowed

Source: IAM User Guide, "Policy evaluation logic" (within one account, and cross-account for AssumeRole), "IAM JSON
policy elements reference". Not here: service and resource control policies, resource policies other than trust
policies, VPC endpoint policies. A statement that can't be judged raises Unjudged.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from tests.iam_conditions import Context, Unjudged, conditions_met, listed, matches_pattern

__all__ = [
    "Caller",
    "Role",
    "Session",
    "Unjudged",
    "Verdict",
    "decide",
    "evaluate",
    "may_assume",
    "read_role",
]
Document = Mapping[str, Any]
EVERYTHING: Document = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`why`: allowed, explicit_deny or implicit_deny. `by`: the kind of policy that refused. `sid`: its statement's."""

    why: str
    by: str = ""
    sid: str = ""

    @property
    def allowed(self) -> bool:
        return self.why == "allowed"

    def __bool__(self) -> bool:
        return self.allowed


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for a role. `arn`: of the user or the role (not of a session). `policies`: None: its account lets it."""

    arn: str
    unique_id: str = ""
    session_name: str = ""
    policies: Sequence[Any] | None = None
    context: Context = field(default_factory=dict)

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    @property
    def session_arn(self) -> str:
        if not self.session_name:
            return self.arn
        name = self.arn.rpartition("/")[2]
        return f"arn:{self.arn.split(':')[1]}:sts::{self.account}:assumed-role/{name}/{self.session_name}"


@dataclass(frozen=True, slots=True)
class Session:
    """Credentials of a role, and all the policies that bound what they may do."""

    arn: str
    role_id: str
    name: str
    issued_at: datetime
    identity: tuple[Document, ...]
    boundary: Document | None
    session: tuple[Document, ...] | None = None
    context: Context = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Role:
    """A role as IAM shows it: `identity` holds its inline and attached policies' documents."""

    arn: str
    unique_id: str
    trust: Document
    identity: tuple[Document, ...]
    boundary: Document | None

    def session(
        self,
        name: str,
        *,
        issued_at: datetime,
        policies: Sequence[Any] | None = None,
        context: Context | None = None,
    ) -> Session:
        """Return a session of it. `policies`: session policies, inline and managed; None: there are none."""
        bound = None if policies is None else tuple(document_of(each) for each in policies)
        return Session(
            self.arn, self.unique_id, name, issued_at, self.identity, self.boundary, bound, context or {}
        )


def read_role(iam: Any, name: str) -> Role:
    """Read a role and all its policies back from IAM, through a boto3 client."""
    role = iam.get_role(RoleName=name)["Role"]
    inline = [
        document_of(iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"])
        for each in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    attached = [
        _managed(iam, each["PolicyArn"])
        for each in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    ]
    boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return Role(
        arn=role["Arn"],
        unique_id=role["RoleId"],
        trust=document_of(role["AssumeRolePolicyDocument"]),
        identity=(*inline, *attached),
        boundary=_managed(iam, boundary) if boundary else None,
    )


def _managed(iam: Any, arn: str) -> Document:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    return document_of(found["Document"])


def document_of(value: Any) -> Document:
    """Return a policy document from what an API gave: an object, JSON, or JSON encoded for a URL."""
    found = value
    if isinstance(value, str):
        found = json.loads(value if value.lstrip().startswith("{") else unquote(value))
    if not isinstance(found, Mapping):
        raise Unjudged(f"{found!r} is no policy document.")
    return found


def may_assume(  # facts of one call
    role: Role,
    caller: Caller,
    *,
    at: datetime,
    external_id: str | None = None,
    action: str = "sts:AssumeRole",
    session_name: str = "work",
    context: Context | None = None,
) -> Verdict:
    """Say whether AWS lets `caller` have the role: its trust policy must, and what the caller's own account says.

    A trust policy that names a principal of the role's own account exactly is enough by itself; one that names an
    account leaves it to that account, and another account's principal always needs both.
    """
    asked: dict[str, Any] = {
        **_time(at),
        "aws:PrincipalArn": caller.arn,
        "aws:PrincipalAccount": caller.account,
        "aws:PrincipalType": "User" if ":user/" in caller.arn else "AssumedRole",
        "aws:userid": f"{caller.unique_id}:{caller.session_name}"
        if caller.session_name
        else caller.unique_id,
        "sts:RoleSessionName": session_name,
        **caller.context,
        **(context or {}),
    }
    if external_id is not None:
        asked["sts:ExternalId"] = external_id
    trusted = evaluate([role.trust], action, None, asked, by="trust", caller=caller)
    if not trusted:
        return trusted
    own = EVERYTHING if caller.policies is None else None
    policies = [own] if own else [document_of(each) for each in caller.policies or ()]
    theirs = evaluate(policies, action, role.arn, asked, by="caller")
    same_account = caller.account == role.arn.split(":")[4]
    if theirs.why == "implicit_deny" and same_account and _names_exactly(role.trust, caller):
        return trusted
    return theirs


def decide(
    session: Session, action: str, resource: str, *, at: datetime, context: Context | None = None
) -> Verdict:
    """Say whether a session may do it: no explicit deny anywhere, and an allow in every kind of policy that is set."""
    asked: dict[str, Any] = {
        **_time(at),
        "aws:PrincipalArn": session.arn,
        "aws:PrincipalAccount": session.arn.split(":")[4],
        "aws:PrincipalType": "AssumedRole",
        "aws:userid": f"{session.role_id}:{session.name}",
        "aws:TokenIssueTime": session.issued_at,
        "aws:SecureTransport": True,
        **session.context,
        **(context or {}),
    }
    kinds: dict[str, tuple[Document, ...]] = {"identity": session.identity}
    if session.boundary is not None:
        kinds["boundary"] = (session.boundary,)
    if session.session is not None:
        kinds["session"] = session.session
    verdicts = [evaluate(docs, action, resource, asked, by=kind) for kind, docs in kinds.items()]
    for why in ("explicit_deny", "implicit_deny"):
        for verdict in verdicts:
            if verdict.why == why:
                return verdict
    return Verdict("allowed")


def evaluate(  # facts of one call
    policies: Sequence[Any],
    action: str,
    resource: str | None,
    context: Context,
    *,
    by: str = "identity",
    caller: Caller | None = None,
) -> Verdict:
    """Judge one kind of policies, which count together. `resource` None: a trust policy, which names none."""
    allowed = False
    for document in map(document_of, policies):
        variables = document.get("Version") == "2012-10-17"
        for statement in listed(document.get("Statement", [])):
            if not _applies(statement, action, resource, context, caller, variables=variables):
                continue
            if statement["Effect"] == "Deny":
                return Verdict("explicit_deny", by, statement.get("Sid", ""))
            allowed = True
    return Verdict("allowed") if allowed else Verdict("implicit_deny", by)


def _applies(  # facts of one statement and one call
    statement: Mapping[str, Any],
    action: str,
    resource: str | None,
    context: Context,
    caller: Caller | None,
    *,
    variables: bool,
) -> bool:
    if statement.get("Effect") not in {"Allow", "Deny"}:
        raise Unjudged(f"Effect is {statement.get('Effect')!r}.")
    return (
        _principal_applies(statement, caller)
        and _action_applies(statement, action)
        and _resource_applies(statement, resource, context, variables=variables)
        and conditions_met(statement.get("Condition", {}), context, variables=variables)
    )


def _action_applies(statement: Mapping[str, Any], action: str) -> bool:
    inverted = "NotAction" in statement
    if inverted == ("Action" in statement):
        raise Unjudged("A statement has either Action or NotAction.")
    patterns = listed(statement["NotAction" if inverted else "Action"])
    named = any(
        matches_pattern(each, action, context={}, ignore_case=True, variables=False) for each in patterns
    )
    return named != inverted


def _resource_applies(
    statement: Mapping[str, Any], resource: str | None, context: Context, *, variables: bool
) -> bool:
    if resource is None:
        if "Resource" in statement or "NotResource" in statement:
            raise Unjudged("A trust policy has no Resource.")
        return True
    inverted = "NotResource" in statement
    if inverted == ("Resource" in statement):
        raise Unjudged("A statement has either Resource or NotResource.")
    patterns = listed(statement["NotResource" if inverted else "Resource"])
    named = any(matches_pattern(each, resource, context=context, variables=variables) for each in patterns)
    return named != inverted


def _principal_applies(statement: Mapping[str, Any], caller: Caller | None) -> bool:
    if caller is None:
        if "Principal" in statement or "NotPrincipal" in statement:
            raise Unjudged("An identity policy has no Principal.")
        return True
    if "NotPrincipal" in statement:
        if statement["Effect"] == "Allow":
            raise Unjudged("NotPrincipal with Allow lets in everybody else.")
        # Left out is only who is named in every form: the account, the user or role, and the session.
        named = set(_aws_principals(statement["NotPrincipal"]))
        account = {f"arn:{caller.arn.split(':')[1]}:iam::{caller.account}:root", caller.account} & named
        return not (account and {caller.arn, caller.session_arn} <= named)
    return any(_is_named(each, caller) for each in _aws_principals(statement["Principal"]))


def _aws_principals(element: Any) -> list[str]:
    """Return the AWS principals; services and identity providers are never the caller here."""
    return ["*"] if element == "*" else [str(each) for each in listed(element.get("AWS", []))]


def _is_named(principal: str, caller: Caller) -> bool:
    partition = caller.arn.split(":")[1]
    account = {f"arn:{partition}:iam::{caller.account}:root", caller.account}
    # IAM shows the unique id in place of the ARN once the user or role that was named is gone: it names nobody new.
    names = {"*", caller.arn, caller.session_arn, *account}
    return principal in names or (bool(caller.unique_id) and principal == caller.unique_id)


def _names_exactly(trust: Document, caller: Caller) -> bool:
    """Whether the role's own account names this principal itself, so that its own policies needn't allow it."""
    exact = {caller.arn, caller.session_arn}
    return any(
        statement["Effect"] == "Allow" and exact & set(_aws_principals(statement.get("Principal", {})))
        for statement in listed(trust["Statement"])
    )


def _time(at: datetime) -> dict[str, Any]:
    return {"aws:CurrentTime": at.astimezone(UTC), "aws:EpochTime": int(at.timestamp())}
