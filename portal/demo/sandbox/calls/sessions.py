"""Making a session that MiniStack's evaluator knows, and asking whether a role trusts a provider."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from portal.demo.sandbox.calls.inside import Inside
from portal.demo.sandbox.refusals import Refused

DEFAULT_SECONDS = 3600
# Tests of expiry have all sessions end after so many seconds, whatever was asked for.
SHORTEST = int(os.environ.get("SANDBOX_SESSION_SECONDS", "0"))

Keys = Mapping[str, Any]


@dataclass(frozen=True)
class Order:
    """A session to make. `keys`: condition keys of its own; `more`: what MiniStack keeps beside them."""

    arn: str
    user_id: str
    account_id: str
    seconds: float
    kind: str = "AssumedRole"
    policies: Mapping[str, Any] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    keys: Keys = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Vouched:
    """Who is asked to be let in: by whom, with which condition keys and session tags."""

    provider: str
    keys: Keys
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    access_key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires_at: float

    @property
    def expiration(self) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.expires_at))


def lasting(seconds: float) -> float:
    """Return how long a session of so many seconds really lasts."""
    return min(seconds, SHORTEST) if SHORTEST else seconds


def make(inside: Inside, order: Order) -> Made:
    iam = inside.iam
    made = Made(
        access_key_id=iam._gen_session_access_key(),  # noqa: SLF001
        secret=iam._gen_secret(),  # noqa: SLF001
        token=iam._gen_session_token(),  # noqa: SLF001
        expires_at=time.time() + lasting(order.seconds),
    )
    inside.sts.register_session(
        made.access_key_id,
        {
            "Arn": order.arn,
            "UserId": order.user_id,
            "SecretAccessKey": made.secret,
            "SessionToken": made.token,
            "Expiration": made.expires_at,
            "AccountId": order.account_id,
            "PrincipalType": order.kind,
            "SessionTags": [{"Key": key, "Value": value} for key, value in order.tags.items()],
            "SessionPolicies": order.policies,
            "Keys": {key.lower(): value for key, value in order.keys.items()},
            **order.more,
        },
    )
    return made


def session_of(role: Mapping[str, Any], name: str) -> tuple[str, str]:
    """Return the ARN and the user id of a role's session."""
    account, role_name = role["Arn"].split(":")[4], role["Arn"].rsplit("/", 1)[-1]
    return f"arn:aws:sts::{account}:assumed-role/{role_name}/{name}", f"{role['RoleId']}:{name}"


def trusts(inside: Inside, role: Mapping[str, Any], action: str, who: Vouched) -> bool:
    """Whether the role's trust policy lets the provider do `action`. Denies win; `*` names no provider."""
    evaluator = inside.evaluator
    context = evaluator.EvalContext(
        principal_arn=who.provider,
        principal_type="Federated",
        principal_account=role["Arn"].split(":")[4],
        action=action,
        resource_arn=role["Arn"],
        region=inside.responses.get_region(),
        service_context={key.lower(): value for key, value in who.keys.items()},
        request_tags=dict(who.tags),
        tag_keys=list(who.tags),
    )
    document = role["AssumeRolePolicyDocument"]
    statements = (json.loads(document) if isinstance(document, str) else document).get("Statement", [])
    allowed = False
    for statement in [statements] if isinstance(statements, dict) else statements:
        principal = statement.get("Principal")
        named = principal.get("Federated", []) if isinstance(principal, dict) else []
        actions, others = listed(statement.get("Action")), listed(statement.get("NotAction"))
        if (
            who.provider in listed(named)
            and (actions or others)
            and evaluator._action_matches(action, actions, others)  # noqa: SLF001
            and evaluator._conditions_met(statement.get("Condition", {}), context)  # noqa: SLF001
        ):
            if statement["Effect"] == "Deny":
                return False
            allowed = True
    return allowed


def listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def must_trust(inside: Inside, arn: str, action: str, who: Vouched) -> dict[str, Any]:
    """Return the role, which trusts the provider for `action` (and its tags, and a source identity); else refuse."""
    role = inside.role(arn)
    actions = [f"sts:{action}"]
    if who.tags:
        actions.append("sts:TagSession")
    if who.keys.get("sts:SourceIdentity"):
        actions.append("sts:SetSourceIdentity")
    for each in actions:
        if role is None or not trusts(inside, role, each, who):
            raise Refused("AccessDenied", f"Not authorized to perform {each}", 403)
    if role is None:  # for the type checker: refused above
        raise Refused("AccessDenied", "Not authorized", 403)
    return role


def know_keys_of_sessions(inside: Inside) -> None:
    """Have the evaluator know the condition keys that a session was made with."""
    plain = inside.evaluator._principal_keys  # noqa: SLF001

    def principal_keys(credential: Any) -> dict[str, Any]:
        session = inside.sts._sessions.get(credential.access_key_id) or {}  # noqa: SLF001
        return {**plain(credential), **session.get("Keys", {})}

    inside.evaluator._principal_keys = principal_keys  # noqa: SLF001
    inside.sts._principal_keys = principal_keys  # noqa: SLF001
