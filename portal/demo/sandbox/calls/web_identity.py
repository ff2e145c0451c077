"""sts:AssumeRoleWithWebIdentity: an ID token of an IAM OIDC provider, or of a Cognito identity pool (basic flow)."""

from typing import Any

from portal.demo.sandbox.calls.answers import sts_answer
from portal.demo.sandbox.calls.inside import Answer, Inside, Parameters
from portal.demo.sandbox.calls.issuers import COGNITO, Token, verify
from portal.demo.sandbox.calls.sessions import DEFAULT_SECONDS, Order, Vouched, make, must_trust, session_of
from portal.demo.sandbox.refusals import Refused

ACTION = "AssumeRoleWithWebIdentity"
# STS User Guide, "Passing session tags using AssumeRoleWithWebIdentity".
TAGS = "https://aws.amazon.com/tags"


async def assume(inside: Inside, parameters: Parameters) -> Answer:
    arn, name = inside.given(parameters, "RoleArn"), inside.given(parameters, "RoleSessionName")
    account = account_of(arn)
    token = await verify(inside, inside.given(parameters, "WebIdentityToken"), account)
    provider = token.host if token.host == COGNITO else f"arn:aws:iam::{account}:oidc-provider/{token.host}"
    who = Vouched(provider, condition_keys(token), tags_of(token))
    role = must_trust(inside, arn, ACTION, who)
    policies, wrong = inside.sts._session_policies(parameters, account)  # noqa: SLF001
    if wrong:
        return wrong  # type: ignore[no-any-return] # MiniStack's own answer
    session_arn, user_id = session_of(role, name)
    seconds = int(inside.given(parameters, "DurationSeconds") or DEFAULT_SECONDS)
    made = make(
        inside,
        Order(
            session_arn, user_id, account, seconds,
            policies=policies if any(policies.values()) else None,
            tags=who.tags, keys={**who.keys, "aws:FederatedProvider": provider},
        ),
    )  # fmt: skip
    more = {
        "SubjectFromWebIdentityToken": token.subject,
        "AssumedRoleUser": {"AssumedRoleId": user_id, "Arn": session_arn},
        "PackedPolicySize": 0,
        "Provider": token.host if token.host == COGNITO else token.claims["iss"],
        "Audience": token.audience,
    }
    return sts_answer(inside, ACTION, made, more)


def account_of(role_arn: str) -> str:
    parts = role_arn.split(":")
    if len(parts) != 6 or parts[2] != "iam" or not parts[5].startswith("role/"):  # noqa: PLR2004 - of an ARN
        raise Refused("ValidationError", f"{role_arn} is invalid")
    return parts[4]


def condition_keys(token: Token) -> dict[str, Any]:
    keys = {f"{token.host}:aud": token.audience, f"{token.host}:sub": token.subject}
    return keys | ({f"{token.host}:amr": token.claims["amr"]} if "amr" in token.claims else {})


def tags_of(token: Token) -> dict[str, str]:
    """Return the session tags in the token; AWS takes one value each."""
    found = token.claims.get(TAGS)
    tags = found.get("principal_tags", {}) if isinstance(found, dict) else {}
    try:
        return {str(key): str(value if isinstance(value, str) else value[0]) for key, value in tags.items()}
    except (AttributeError, IndexError, TypeError):
        raise Refused("InvalidIdentityToken", "The session tags in the token are malformed") from None
