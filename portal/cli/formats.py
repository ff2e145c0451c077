"""Credentials as the texts that shells and AWS's programs read. Nothing in them ends a quote or a line."""

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Final

from portal.cli.api import Credentials
from portal.cli.grants import Grant
from portal.cli.texts import aws_time


def environment(credentials: Credentials) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "AWS_CREDENTIAL_EXPIRATION": aws_time(credentials.expires_at),
    }


def stand_in(grant: Grant) -> dict[str, str]:
    """Return what leads AWS's programs to the stand-in where a portal has one in AWS's place; else nothing."""
    if not grant.endpoint_url:
        return {}
    place = {"AWS_ENDPOINT_URL": grant.endpoint_url, "AWS_REGION": grant.region}
    return {name: value for name, value in place.items() if value}


def process_form(credentials: Credentials) -> str:
    """Return what a `credential_process` prints: version 1 of the SDKs' form."""
    told = {
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": aws_time(credentials.expires_at),
    }
    return json.dumps(told) + "\n"


def json_form(credentials: Credentials, grant: Grant) -> str:
    told = {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": aws_time(credentials.expires_at),
        "Grant": grant.id,
        "GrantEndsAt": aws_time(grant.ends_at),
    }
    return json.dumps(told, indent=2) + "\n"


def shell_lines(values: Mapping[str, str]) -> str:
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())


def powershell_lines(values: Mapping[str, str]) -> str:
    """Within single quotes PowerShell expands nothing; it takes typographic quotes for straight ones."""
    doubled = {
        name: "".join(letter * 2 if letter in "'\u2018\u2019\u201a\u201b" else letter for letter in value)
        for name, value in values.items()
    }
    return "".join(f"$Env:{name} = '{value}'\n" for name, value in doubled.items())


def fish_lines(values: Mapping[str, str]) -> str:
    """Within single quotes fish knows a backslash before a quote and before itself."""
    quoted = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in values.items()}
    return "".join(f"set -gx {name} '{value}'\n" for name, value in quoted.items())


LINES: Final[Mapping[str, Callable[[Mapping[str, str]], str]]] = {
    "env": shell_lines,
    "powershell": powershell_lines,
    "fish": fish_lines,
}
FORMATS: Final = (*LINES, "json", "process")


def formatted(kind: str, credentials: Credentials, grant: Grant) -> str:
    if kind in LINES:
        return LINES[kind](environment(credentials) | stand_in(grant))
    return process_form(credentials) if kind == "process" else json_form(credentials, grant)
