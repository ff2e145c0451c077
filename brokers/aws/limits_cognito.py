"""Limits of Amazon Cognito identity pools' calls, from botocore's service model."""

import re
from collections.abc import Mapping
from datetime import timedelta

from brokers.aws import checks
from brokers.aws.service_model import limit_of

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SERVICE = "cognito-identity"
_OPERATION = "GetOpenIdTokenForDeveloperIdentity"


def logins(value: Mapping[str, str]) -> None:
    """Logins: at most 10; provider names 1 to 128, tokens 1 to 50,000 characters (secrets: never shown)."""
    checks.count("Logins", len(value), limit_of(_SERVICE, _OPERATION, "Logins").maximum or 0, "logins")
    for provider, token in value.items():
        checks.text("Logins.Key", provider, limit_of(_SERVICE, _OPERATION, "Logins.key"))
        checks.text("Logins.Value", token, limit_of(_SERVICE, _OPERATION, "Logins.value"), secret=True)


def developer_user(provider: str, user: str) -> None:
    r"""A developer provider's name: 1 to 128 of `[\w._/-]`; what it calls somebody: 1 to 1,024 characters."""
    checks.text("Logins.Key", provider, limit_of(_SERVICE, _OPERATION, "Logins.key"))
    checks.text(
        "Logins.Value", user, limit_of(_SERVICE, "LookupDeveloperIdentity", "DeveloperUserIdentifier")
    )


def is_identity_of(identity: str, pool: str) -> bool:
    """Say whether an identity's id reads as one of the pool's region: REGION:GUID."""
    region = pool.partition(":")[0]
    return identity.partition(":")[0] == region and _GUID.fullmatch(identity.partition(":")[2]) is not None


def principal_tags(value: Mapping[str, str]) -> None:
    """PrincipalTags: at most 50; keys 1 to 128, values 1 to 256 characters."""
    checks.count(
        "PrincipalTags", len(value), limit_of(_SERVICE, _OPERATION, "PrincipalTags").maximum or 0, "tags"
    )
    for key, text in value.items():
        checks.text("PrincipalTags.Key", key, limit_of(_SERVICE, _OPERATION, "PrincipalTags.key"))
        checks.text("PrincipalTags.Value", text, limit_of(_SERVICE, _OPERATION, "PrincipalTags.value"))


def token_duration(value: timedelta) -> int:
    """Return TokenDuration: 1 to 86,400 s."""
    limit = limit_of(_SERVICE, _OPERATION, "TokenDuration")
    return checks.seconds("TokenDuration", value, minimum=limit.minimum or 1, maximum=limit.maximum or 0)
