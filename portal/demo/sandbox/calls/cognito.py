"""cognito-identity: GetId, GetCredentialsForIdentity (enhanced flow), GetOpenIdToken, and developer identities."""

import time
from collections.abc import Mapping
from typing import Any

from portal.demo.sandbox.calls.inside import Answer, Inside
from portal.demo.sandbox.calls.issuers import COGNITO
from portal.demo.sandbox.calls.pools import (
    Pool,
    answers_for,
    logins,
    not_authorized,
    pool_of,
    pool_with,
    roles_for,
)
from portal.demo.sandbox.calls.sessions import Order, Vouched, make, session_of, trusts
from portal.demo.sandbox.calls.web_identity import TAGS
from portal.demo.sandbox.refusals import Refused

SESSION = "CognitoIdentityCredentials"
SECONDS = 3600  # always
TOKEN_SECONDS = 600
DEVELOPER_TOKEN_SECONDS = 900
WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"

Given = Mapping[str, Any]


async def get_id(inside: Inside, given: Given) -> Answer:
    pool = pool_of(inside, str(given["IdentityPoolId"]))
    tokens = await logins(inside, pool, given.get("Logins") or {})
    if not tokens:
        return _answer(inside, {"IdentityId": pool.guest()})
    if COGNITO in tokens:
        identity_id = tokens[COGNITO].subject
    else:
        name, token = next(iter(tokens.items()))
        identity_id = pool.identity(name, token.subject)
    _known(pool, identity_id)
    answers_for(pool, identity_id, tokens)
    return _answer(inside, {"IdentityId": identity_id})


def _known(pool: Pool, identity_id: str) -> None:
    if identity_id not in pool.identities:
        raise Refused("ResourceNotFoundException", f"Identity '{identity_id}' not found.")


async def get_credentials_for_identity(inside: Inside, given: Given) -> Answer:
    identity_id = str(given["IdentityId"])
    pool = pool_with(inside, identity_id)
    tokens = await logins(inside, pool, given.get("Logins") or {})
    answers_for(pool, identity_id, tokens)
    if not tokens and not pool.data.get("AllowUnauthenticatedIdentities"):
        raise not_authorized("Unauthenticated access is not supported for this identity pool.")
    arn, allowed = roles_for(pool, tokens)
    wanted = str(given.get("CustomRoleArn") or arn)
    if given.get("CustomRoleArn") and wanted not in allowed:
        raise not_authorized("The role is not one that the token or the identity pool's role mapping gives.")
    keys = {
        f"{COGNITO}:aud": pool.pool_id,
        f"{COGNITO}:sub": identity_id,
        f"{COGNITO}:amr": ["authenticated", *tokens] if tokens else ["unauthenticated"],
    }
    role = inside.role(wanted)
    if role is None or not trusts(inside, role, WEB_IDENTITY, Vouched(COGNITO, keys)):
        message = "Invalid identity pool configuration. Check assigned IAM roles for this pool."
        raise Refused("InvalidIdentityPoolConfigurationException", message)
    session_arn, user_id = session_of(role, SESSION)
    account = role["Arn"].split(":")[4]
    made = make(
        inside, Order(session_arn, user_id, account, SECONDS, keys={**keys, "aws:FederatedProvider": COGNITO})
    )
    credentials = {
        "AccessKeyId": made.access_key_id,
        "SecretKey": made.secret,
        "SessionToken": made.token,
        "Expiration": int(made.expires_at),
    }
    return _answer(inside, {"IdentityId": identity_id, "Credentials": credentials})


async def get_open_id_token(inside: Inside, given: Given) -> Answer:
    identity_id = str(given["IdentityId"])
    pool = pool_with(inside, identity_id)
    tokens = await logins(inside, pool, given.get("Logins") or {})
    answers_for(pool, identity_id, tokens)
    if not pool.data.get("AllowClassicFlow"):
        message = "Basic (classic) flow is not enabled, please use enhanced flow."
        raise Refused("InvalidParameterException", message)
    amr = ["authenticated", *tokens] if tokens else ["unauthenticated"]
    token = _sign(inside, pool, identity_id, TOKEN_SECONDS, {"amr": amr})
    return _answer(inside, {"IdentityId": identity_id, "Token": token})


async def get_open_id_token_for_developer_identity(inside: Inside, given: Given) -> Answer:
    """Answer who signed for it: MiniStack has judged the signature and cognito-identity:GetOpenIdToken…Identity."""
    pool = pool_of(inside, str(given["IdentityPoolId"]))
    if pool.account != inside.responses.get_account_id():
        raise Refused("ResourceNotFoundException", f"IdentityPool '{pool.pool_id}' not found.")
    provider, named = str(pool.data.get("DeveloperProviderName") or ""), dict(given.get("Logins") or {})
    user = named.pop(provider, None) if provider else None
    if not user:
        message = "Please provide a valid developer provider: the pool's, in Logins"
        raise Refused("InvalidParameterException", message)
    others = await logins(inside, pool, named)
    identity_id = str(given.get("IdentityId") or "") or pool.identity(provider, str(user))
    _known(pool, identity_id)
    held = pool.identities[identity_id].setdefault("Logins", {})
    if held.get(provider, user) != user or pool.identity(provider, str(user)) != identity_id:
        raise Refused("DeveloperUserAlreadyRegisteredException", "The developer user is another identity's.")
    held.update({provider: user, **{name: token.subject for name, token in others.items()}})
    amr = ["authenticated", provider, f"{provider}:{pool.region}:{pool.pool_id}:{user}", *others]
    claims: dict[str, Any] = {"amr": amr}
    if given.get("PrincipalTags"):
        tags = {str(key): [str(value)] for key, value in given["PrincipalTags"].items()}
        claims[TAGS] = {"principal_tags": tags, "transitive_tag_keys": []}
    seconds = int(given.get("TokenDuration") or DEVELOPER_TOKEN_SECONDS)
    token = _sign(inside, pool, identity_id, seconds, claims)
    return _answer(inside, {"IdentityId": identity_id, "Token": token})


def _sign(inside: Inside, pool: Pool, identity_id: str, seconds: int, more: Mapping[str, Any]) -> str:
    now = int(time.time())
    claims = {
        "sub": identity_id,
        "aud": pool.pool_id,
        "iss": f"https://{COGNITO}",
        f"https://{COGNITO}/identity-pool-arn": pool.arn,
        "iat": now,
        "exp": now + seconds,
        **more,
    }
    return str(inside.cognito._signed_jwt(claims))  # noqa: SLF001


def _answer(inside: Inside, content: Mapping[str, Any]) -> Answer:
    answer: Answer = inside.responses.json_response(content)
    return answer


CALLS = {
    "GetId": get_id,
    "GetCredentialsForIdentity": get_credentials_for_identity,
    "GetOpenIdToken": get_open_id_token,
    "GetOpenIdTokenForDeveloperIdentity": get_open_id_token_for_developer_identity,
}
