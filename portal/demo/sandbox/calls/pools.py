"""Cognito identity pools as MiniStack keeps them: who is in one, and which role somebody gets.

An identity's id is made of the pool, the login's provider and the person's subject there, so the same person has the
same id after a restart too. MiniStack's own would be random, and its logins were never verified.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.demo.sandbox.calls.inside import Inside
from portal.demo.sandbox.calls.issuers import COGNITO, Token, verify
from portal.demo.sandbox.refusals import Refused

NAMES = uuid.UUID("5b1d3f0a-5a0c-4c52-9a37-3a0b8a2f7a11")
# What verify() refuses with, in the words of this service.
WORDS = {
    "ExpiredTokenException": "Invalid login token. Token expired",
    "IDPCommunicationError": "Invalid login token. Can't retrieve the keys of the provider",
}


def not_authorized(message: str) -> Refused:
    return Refused("NotAuthorizedException", message)


@dataclass(frozen=True)
class Pool:
    """A pool with the account and region that it is in."""

    account: str
    region: str
    pool_id: str
    data: dict[str, Any]

    @property
    def arn(self) -> str:
        return f"arn:aws:cognito-identity:{self.region}:{self.account}:identitypool/{self.pool_id}"

    @property
    def identities(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.data["_identities"]
        return found

    def identity(self, login: str, subject: str) -> str:
        """Return the identity that holds this login; a new one is made when there is none."""
        for identity_id, known in self.identities.items():
            if (known.get("Logins") or {}).get(login) == subject:
                return identity_id
        identity_id = f"{self.region}:{uuid.uuid5(NAMES, f'{self.pool_id} {login} {subject}')}"
        return self.add(identity_id, {login: subject})

    def add(self, identity_id: str, logins: dict[str, str]) -> str:
        self.identities[identity_id] = {
            "IdentityId": identity_id, "Logins": logins, "CreationDate": 0, "LastModifiedDate": 0
        }  # fmt: skip
        return identity_id

    def guest(self) -> str:
        if not self.data.get("AllowUnauthenticatedIdentities"):
            raise not_authorized("Unauthenticated access is not supported for this identity pool.")
        return self.add(f"{self.region}:{uuid.uuid4()}", {})


def pool_of(inside: Inside, pool_id: str) -> Pool:
    """Return the pool, whosever it is: its users sign nothing."""
    stores: dict[tuple[str, str, str], dict[str, Any]] = inside.cognito._identity_pools._data  # noqa: SLF001
    for (account, region, known), data in stores.items():
        if known == pool_id:
            return Pool(account, region, known, data)
    raise Refused("ResourceNotFoundException", f"IdentityPool '{pool_id}' not found.")


def pool_with(inside: Inside, identity_id: str) -> Pool:
    stores: dict[tuple[str, str, str], dict[str, Any]] = inside.cognito._identity_pools._data  # noqa: SLF001
    for (account, region, pool_id), data in stores.items():
        if identity_id in data["_identities"]:
            return Pool(account, region, pool_id, data)
    raise Refused("ResourceNotFoundException", f"Identity '{identity_id}' not found.")


async def logins(inside: Inside, pool: Pool, given: Mapping[str, Any]) -> dict[str, Token]:
    """Return the verified tokens by provider: each issued by whom it is said to be from, for this pool's clients."""
    return {name: await _login(inside, pool, name, str(token)) for name, token in given.items()}


async def _login(inside: Inside, pool: Pool, name: str, text: str) -> Token:
    known = {arn.split("oidc-provider/", 1)[-1] for arn in pool.data.get("OpenIdConnectProviderARNs") or []}
    if pool.data.get("DeveloperProviderName"):
        known.add(COGNITO)
    if name not in known:
        raise not_authorized("Token is not from a supported provider of this identity pool.")
    try:
        token = await verify(inside, text, pool.account)
    except Refused as refused:
        raise not_authorized(WORDS.get(refused.code, f"Invalid login token. {refused.message}")) from None
    if token.host != name:
        raise not_authorized("Invalid login token. Issuer doesn't match providerName")
    if name == COGNITO and token.audience != pool.pool_id:
        raise not_authorized("Invalid login token. Token is not from this identity pool.")
    return token


def answers_for(pool: Pool, identity_id: str, tokens: Mapping[str, Token]) -> None:
    """Check that these logins are the identity's; link those that it had not.

    Raises:
        Refused: it has logins and none of them was given, or another's was.
    """
    held: dict[str, str] = pool.identities[identity_id].setdefault("Logins", {})
    if not tokens:
        if held:
            raise not_authorized(f"Access to Identity '{identity_id}' is forbidden.")
        return
    for name, token in tokens.items():
        # The subject of the pool's own token is the identity itself.
        wanted = identity_id if name == COGNITO else held.get(name, token.subject)
        if token.subject != wanted:
            raise not_authorized(
                "Logins don't match. Please include at least one valid login for this identity or identity pool."
            )
    if held and COGNITO not in tokens and not set(held) & set(tokens):
        raise not_authorized(
            "Logins don't match. Please include at least one valid login for this identity or identity pool."
        )
    held.update({name: token.subject for name, token in tokens.items() if name != COGNITO})


def roles_for(pool: Pool, tokens: Mapping[str, Token]) -> tuple[str, set[str]]:
    """Return the role that the pool gives, and all that may be asked for (developer guide, "role-based access")."""
    fixed = str(pool.data.get("_roles", {}).get("authenticated" if tokens else "unauthenticated", ""))
    mappings: dict[str, Any] = pool.data.get("_role_mappings") or {}
    for name, token in tokens.items():
        mapping = mappings.get(name) or mappings.get(f"arn:aws:iam::{pool.account}:oidc-provider/{name}")
        if not mapping:
            continue
        found = _mapped(mapping, token.claims)
        if found:
            preferred = str(token.claims.get("cognito:preferred_role") or found[0])
            return preferred, {preferred, *found}
        if mapping.get("AmbiguousRoleResolution") == "Deny":
            raise not_authorized("Token does not contain a role that the identity pool maps.")
    return fixed, {fixed} - {""}


def _mapped(mapping: Mapping[str, Any], claims: Mapping[str, Any]) -> list[str]:
    if mapping.get("Type") == "Token":
        return [str(each) for each in claims.get("cognito:roles") or []]
    rules = mapping.get("RulesConfiguration", {}).get("Rules", [])
    return [str(rule["RoleARN"]) for rule in rules if _fits(rule, claims)][:1]


def _fits(rule: Mapping[str, str], claims: Mapping[str, Any]) -> bool:
    found = claims.get(rule["Claim"])
    values = [str(each) for each in (found if isinstance(found, list) else [found]) if each is not None]
    match rule["MatchType"]:
        case "Equals":
            return rule["Value"] in values
        case "Contains":
            return any(rule["Value"] in value for value in values)
        case "StartsWith":
            return any(value.startswith(rule["Value"]) for value in values)
        case "NotEqual":
            return bool(values) and rule["Value"] not in values
    return False
