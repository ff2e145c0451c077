"""What a verified assertion says to AWS: the roles, the name of the session, how long, and by whom.

Source: IAM User Guide, "Configure SAML assertions for the authentication response"; AWS STS API Reference,
AssumeRoleWithSAML, for the limits.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from brokers.errors import SamlRejected
from brokers.saml.aws_places import AwsPlace
from brokers.saml.reasons import Reason
from brokers.types import SamlForAws, SamlIdentity

BASE: Final = "https://aws.amazon.com/SAML/Attributes/"
MOST_ROLES: Final = 500
_SESSION: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_SECONDS: Final = re.compile(r"[1-9][0-9]{2,4}", re.ASCII)
_SHORTEST, _LONGEST = 900, 43_200
_ARN: Final = r"arn:{}:iam::[0-9]{{12}}:{}/[\w+=,.@/-]{{1,512}}"

Words = tuple[SamlIdentity, AwsPlace]


def read(identity: SamlIdentity, place: AwsPlace) -> SamlForAws:
    """Return what `identity` says to the AWS of `place`.

    Raises:
        SamlRejected: aws_roles, aws_session_name, aws_session_duration, aws_source_identity.
    """
    for reason, complaint in CHECKS:
        if found := complaint((identity, place)):
            raise SamlRejected(reason, found)
    seconds = _values(identity, "SessionDuration")
    return SamlForAws(
        identity=identity,
        roles=tuple(pair for value in _values(identity, "Role") if (pair := _pair(value, place)) is not None),
        session_name=_values(identity, "RoleSessionName")[0],
        session_duration=timedelta(seconds=int(seconds[0])) if seconds else None,
        source_identity="".join(_values(identity, "SourceIdentity")),
    )


def _roles(words: Words) -> str | None:
    identity, place = words
    told = _values(identity, "Role")
    if not 0 < len(told) <= MOST_ROLES:
        return f"{len(told)} roles; allowed are 1 to {MOST_ROLES}"
    wrong = [value for value in told if _pair(value, place) is None]
    return f"{wrong[0][:200]!a} is no pair of a role and its provider in {place.partition}" if wrong else None


def _session_name(words: Words) -> str | None:
    told = _values(words[0], "RoleSessionName")
    return None if len(told) == 1 and _SESSION.fullmatch(told[0]) else f"RoleSessionName is {told!a}"[:200]


def _session_duration(words: Words) -> str | None:
    told = _values(words[0], "SessionDuration")
    is_fine = len(told) == 1 and _SECONDS.fullmatch(told[0]) and _SHORTEST <= int(told[0]) <= _LONGEST
    return None if not told or is_fine else f"SessionDuration is {told!a}"[:200]


def _source_identity(words: Words) -> str | None:
    told = _values(words[0], "SourceIdentity")
    is_fine = len(told) == 1 and _SESSION.fullmatch(told[0])
    return None if not told or is_fine else f"SourceIdentity is {told!a}"[:200]


def _values(identity: SamlIdentity, name: str) -> tuple[str, ...]:
    return tuple(value.strip() for value in identity.attributes.get(f"{BASE}{name}", ()))


def _pair(value: str, place: AwsPlace) -> tuple[str, str] | None:
    """Return role and provider of `value`, which AWS takes in either order."""
    parts = [part.strip() for part in value.split(",")]
    role = re.compile(_ARN.format(place.partition, "role"), re.ASCII)
    provider = re.compile(_ARN.format(place.partition, "saml-provider"), re.ASCII)
    for first, second in (parts, parts[::-1]) if len(parts) == 2 else ():  # noqa: PLR2004  # a pair
        if role.fullmatch(first) and provider.fullmatch(second):
            return first, second
    return None


# In this order. A test takes one out and the attack gets in.
CHECKS: tuple[tuple[Reason, Callable[[Words], str | None]], ...] = (
    (Reason.AWS_ROLES, _roles),
    (Reason.AWS_SESSION_NAME, _session_name),
    (Reason.AWS_SESSION_DURATION, _session_duration),
    (Reason.AWS_SOURCE_IDENTITY, _source_identity),
)
