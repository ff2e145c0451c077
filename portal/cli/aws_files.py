"""AWS's own files in the home directory: our profiles between two markers, and everything else left as it is."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from portal.cli.errors import CliError
from portal.cli.texts import plain

HEADER: Final = re.compile(r"\s*\[\s*([^\]]+?)\s*\]")
KEY: Final = re.compile(r"([A-Za-z][\w-]*)\s*[=:]")
PROFILE: Final = re.compile(r"[A-Za-z0-9_.@+-]{1,128}")
# What makes AWS's programs take credentials from a profile, before they look at a container's endpoint.
CREDENTIAL_KEYS: Final = (
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "role_arn",
    "source_profile",
    "credential_source",
    "credential_process",
    "web_identity_token_file",
    "login_session",
    "sso_",
)


def config_path(environ: Mapping[str, str]) -> Path:
    given = environ.get("AWS_CONFIG_FILE", "")
    return Path(given).expanduser() if given else Path.home() / ".aws" / "config"


def credentials_path(environ: Mapping[str, str]) -> Path:
    given = environ.get("AWS_SHARED_CREDENTIALS_FILE", "")
    return Path(given).expanduser() if given else Path.home() / ".aws" / "credentials"


def markers(portal: str) -> tuple[str, str]:
    return (
        f"# >>> sallyport {portal}: made by `sallyport configure`, which replaces all up to the end mark >>>",
        f"# <<< sallyport {portal} <<<",
    )


def profile(name: str, values: Mapping[str, str]) -> str:
    """Return one profile's lines. Raises CliError for a name that AWS's files can't hold."""
    if not PROFILE.fullmatch(name):
        raise CliError(
            f"{plain(name)!r} is no name for a profile: letters, digits and . _ @ + - are allowed."
        )
    return f"[profile {name}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())


def with_block(text: str, portal: str, profiles: Mapping[str, str]) -> str:
    """Return the file with these profiles of a portal in place of those that it had.

    Raises:
        CliError: the markers are damaged, or somebody's own profile has one of the names.
    """
    before, after = _around(text, portal)
    theirs = set(_profiles(before + "\n" + after))
    if taken := sorted(theirs & set(profiles)):
        raise CliError(
            f"The profile {plain(taken[0])} is there already, and not made here: give --prefix for another name."
        )
    if not profiles:
        return _without_gap(before, after) if before + after != text else text
    begin, end = markers(portal)
    newline = "\r\n" if "\r\n" in text else "\n"
    block = begin + "\n" + "\n".join(profiles.values()) + end + "\n"
    gap = "" if not before or before.endswith(("\n\n", "\r\n\r\n")) else "\n"
    gap = gap if before.endswith("\n") or not before else "\n\n"
    return before + (gap + block).replace("\n", newline) + after


def has_default(text: str) -> bool:
    """Whether a credentials file has a profile that is taken when none is named."""
    return "default" in _profiles(text)


def without_default_credentials(text: str) -> str | None:
    """Return a config file whose default profile names no credentials, None where that is so already."""
    kept, dropping, dropped, inside = [], False, False, False
    for line in text.splitlines(keepends=True):
        if found := HEADER.match(line):
            inside, dropping = _name(found[1]) == "default", False
        elif inside and (key := KEY.match(line)):
            dropping = key[1].lower().startswith(CREDENTIAL_KEYS)
        elif not line.startswith((" ", "\t")):  # what is indented belongs to the key before
            dropping = False
        dropped |= dropping
        if not dropping:
            kept.append(line)
    return "".join(kept) if dropped else None


def backup_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.before-sallyport")


def real_path(path: Path) -> Path:
    """Return the file itself: some people's is a link into a folder that they keep elsewhere."""
    return Path(os.path.realpath(path))


def _around(text: str, portal: str) -> tuple[str, str]:
    """Return what stands before and after the portal's block; everything before where there is none."""
    begin, end = markers(portal)
    lines = text.splitlines(keepends=True)
    begins = [number for number, line in enumerate(lines) if line.strip() == begin]
    ends = [number for number, line in enumerate(lines) if line.strip() == end]
    if not begins and not ends:
        return text, ""
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        raise CliError(
            f"The marks of sallyport for {portal} don't fit together: put them right, or remove them."
        )
    return "".join(lines[: begins[0]]), "".join(lines[ends[0] + 1 :])


def _without_gap(before: str, after: str) -> str:
    """Return the file without the empty line that was made with the block."""
    if not after and before.endswith(("\n\n", "\r\n\r\n")):
        before = before.removesuffix("\r\n") if before.endswith("\r\n") else before.removesuffix("\n")
    return before + after


def _profiles(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if found := HEADER.match(line):
            yield _name(found[1])


def _name(header: str) -> str:
    """Return a profile's name from a section's: `profile x`, `profile "x"`, or bare, as in the credentials file."""
    words = header.split(None, 1)
    name = words[1] if len(words) > 1 and words[0] == "profile" else header
    return name.strip().strip("\"'")
