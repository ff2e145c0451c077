"""Credentials as texts that survive being pasted."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from brokers.types import Credentials


@dataclass(frozen=True, slots=True)
class Snippet:
    """Credentials in one format, ready to paste."""

    key: str
    label: str
    where: str
    text: str = field(repr=False)


def snippets(
    credentials: Credentials, *, profile: str, region: str = "", endpoint_url: str = ""
) -> tuple[Snippet, ...]:
    """Return the four ready-made texts, in the order of the tabs."""
    place = {"region": region, "endpoint_url": endpoint_url}
    shells = "Paste it into the terminal where you work."
    return (
        Snippet("bash", "bash, zsh", shells, bash_exports(credentials, **place)),
        Snippet("powershell", "PowerShell", shells, powershell_exports(credentials, **place)),
        Snippet(
            "profile",
            "Profile",
            f"Add it to ~/.aws/credentials, then use --profile {profile}.",
            profile_section(credentials, profile=profile, **place),
        ),
        Snippet("json", "JSON", "The form that credential_process speaks.", process_json(credentials)),
    )


def bash_exports(credentials: Credentials, *, region: str = "", endpoint_url: str = "") -> str:
    """Return `export` lines for bash and zsh, each value in single quotes."""
    given = _environment(credentials, region, endpoint_url)
    quoted = {name: value.replace("'", "'\\''") for name, value in given.items()}
    return "".join(f"export {name}='{value}'\n" for name, value in quoted.items())


def powershell_exports(credentials: Credentials, *, region: str = "", endpoint_url: str = "") -> str:
    """Return `$Env:` assignments, each value in single quotes, in which PowerShell expands nothing."""
    given = _environment(credentials, region, endpoint_url)
    # PowerShell takes typographic quotes for straight ones.
    quoted = {name: re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", value) for name, value in given.items()}
    return "".join(f"$Env:{name} = '{value}'\n" for name, value in quoted.items())


def profile_section(
    credentials: Credentials, *, profile: str, region: str = "", endpoint_url: str = ""
) -> str:
    """Return a section for ~/.aws/credentials. The file knows no quoting and needs none: one line each."""
    if not re.fullmatch(r"[\w.@+-]+", profile):
        raise ValueError(f"profile name {profile!r}: letters, digits and . @ + - _ are allowed")
    given = {
        "aws_access_key_id": credentials.access_key_id,
        "aws_secret_access_key": credentials.secret_access_key,
        "aws_session_token": credentials.session_token,
        "region": region,
        "endpoint_url": endpoint_url,
    }
    lines = (f"{name} = {_one_line(value)}\n" for name, value in given.items() if value)
    return f"[{profile}]\n" + "".join(lines)


def process_json(credentials: Credentials) -> str:
    """Return what a `credential_process` prints: the SDKs' format, version 1."""
    told = {
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": _utc(credentials.expires_at),
    }
    return json.dumps(told, indent=2) + "\n"


def _environment(credentials: Credentials, region: str, endpoint_url: str) -> dict[str, str]:
    given = {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "AWS_CREDENTIAL_EXPIRATION": _utc(credentials.expires_at),
        "AWS_REGION": region,
        "AWS_ENDPOINT_URL": endpoint_url,
    }
    return {name: _one_line(value) for name, value in given.items() if value}


def _one_line(value: str) -> str:
    """Refuse what could end a line or steer a terminal: it would run as a command when pasted."""
    if not value.isprintable():
        raise ValueError("a credential with a control character can't be shown for pasting")
    return value


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
