"""What somebody pasted beside an error: the command that they ran, a profile or a piece of code. Pure.

Only what says plainly what was sent counts. A command or a profile without an ExternalId says that none was.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

MOST = 20_000
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+")
_COMMAND = re.compile(r"\bsts\s+assume-role\b")
_PROFILE = re.compile(r"(?m)^[ \t]*role_arn[ \t]*=")
_CODE = re.compile(r"\bassume_role\(|\bAssumeRoleCommand\(|\bRoleArn\b")
# --external-id X, external_id = X, ExternalId="X", "ExternalId": "X"
_EXTERNAL_ID = re.compile(
    r"(?i)(?:--external-id[\s=]+|external_?id['\"]?\s{0,3}[=:]\s{0,3})(['\"]?)([\w+=,.@:/{}-]{2,200})\1"
)
_DURATION = re.compile(
    r"(?i)(?:--duration-seconds[\s=]+|duration_?seconds['\"]?\s{0,3}[=:]\s{0,3})([0-9]{1,6})\b"
)
_TAGS = re.compile(r"\bassume-role\b[^\n]{0,4000}\s--tags\b|\bTags\s{0,3}[=:]\s{0,3}\[")
_SOURCE_IDENTITY = re.compile(r"--source-identity\b|\bSourceIdentity\b\s{0,3}[=:]")


@dataclass(frozen=True, slots=True)
class Pasted:
    """`external_id`: empty where they send none, None where nothing says so."""

    role_arn: str = ""
    external_id: str | None = None
    duration: timedelta | None = None
    sends_tags: bool = False
    sends_source_identity: bool = False


def read_pasted(text: str) -> Pasted:
    """Return what a pasted text says of the call. Lines that end in a backslash belong together."""
    joined = re.sub(r"\\\r?\n[ \t]*", " ", text[:MOST])
    role, found, seconds = _ROLE.search(joined), _EXTERNAL_ID.search(joined), _DURATION.search(joined)
    shows_the_call = any(each.search(joined) for each in (_COMMAND, _PROFILE, _CODE))
    return Pasted(
        role_arn=role[0].rstrip(".,") if role else "",
        external_id=found[2] if found else "" if shows_the_call else None,
        duration=timedelta(seconds=int(seconds[1])) if seconds else None,
        sends_tags=_TAGS.search(joined) is not None,
        sends_source_identity=_SOURCE_IDENTITY.search(joined) is not None,
    )
