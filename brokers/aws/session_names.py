"""Names that tie an AWS session to the portal's own records, there and back (CloudTrail shows them).

Made from UUIDs alone, never from what somebody typed, and one to one: two grants never share a session name,
so a deny on one `aws:userid` cuts exactly one grant.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from uuid import UUID

from brokers.aws.shown import shown
from brokers.errors import LimitExceeded

_GRANT = "sp-"
_PERSON = "sp-person-"
_ENCODED = 26  # base32 of 16 bytes, without its padding

# The portal's own neighbour, and the source identity of all its probes. It reads as no grant's name and no person's, so
# that no deny ever names it.
CANARY = "sp-canary"

TAG_GRANT = "SallyportGrant"
TAG_PERSON = "SallyportPerson"
TAG_PARTNER = "SallyportPartner"

_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ALLOWED_TAGS: Mapping[str, tuple[re.Pattern[str], str]] = {
    TAG_GRANT: (re.compile(_UUID), "a lower-case UUID"),
    TAG_PERSON: (re.compile(_UUID), "a lower-case UUID"),
    TAG_PARTNER: (re.compile(r"[a-z0-9][a-z0-9-]{0,63}"), "1 to 64 of a-z, 0-9 and -"),
}


def session_name(grant_id: UUID) -> str:
    """Return the grant's session name: 29 characters, legal as RoleSessionName and as federation Name."""
    return _GRANT + encoded(grant_id)


def grant_of(name: str) -> UUID | None:
    """Return the grant that a session name was made from; None when it is none of ours."""
    return decoded(name, _GRANT)


def source_identity(person_id: UUID) -> str:
    """Return the person's SourceIdentity: 36 characters."""
    return _PERSON + encoded(person_id)


def person_of(identity: str) -> UUID | None:
    """Return the person that a source identity was made from; None when it is none of ours."""
    return decoded(identity, _PERSON)


def check_tags(tags: Mapping[str, str]) -> None:
    """Let only the portal's own session tags through, each with the kind of value that is its own.

    Raises:
        LimitExceeded: another key, or a value of another kind.
    """
    for key, value in tags.items():
        allowed = ALLOWED_TAGS.get(key)
        if allowed is None:
            raise LimitExceeded("Tags", shown(key), f"the keys {', '.join(sorted(ALLOWED_TAGS))}")
        pattern, words = allowed
        if pattern.fullmatch(value) is None:
            raise LimitExceeded(f"Tags[{key}]", shown(value), words)


def encoded(value: UUID) -> str:
    """Return the 26 characters of a UUID that all names are made of."""
    return base64.b32encode(value.bytes).decode("ascii").rstrip("=").lower()


def decoded(name: str, prefix: str) -> UUID | None:
    """Return the UUID that a name was made of; None where it was not made with this prefix."""
    rest = name.removeprefix(prefix)
    if not name.startswith(prefix) or len(rest) != _ENCODED or rest != rest.lower():
        return None
    try:
        found = UUID(bytes=base64.b32decode(rest.upper() + "======"))
    except (binascii.Error, ValueError):
        return None
    # 26 characters carry 130 bits: only the spelling that `encoded` gives is the name of a grant.
    return found if encoded(found) == rest else None
