"""Typed readers of the environment: `SALLYPORT_NAME`, or for secrets `SALLYPORT_NAME_FILE`.

They fail loudly: a value that can't be read stops the start with a sentence that names the variable, what it
was and what is allowed. A secret's value is never part of that sentence.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ImproperlyConfigured

from brokers.addresses import AllowedPlaces

PREFIX = "SALLYPORT_"
TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}
PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
ROLE_OR_USER = r"(?:role|user)/(?:[A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64}"
_ORIGIN = re.compile(r"https?://[a-z0-9.-]{1,253}(?::[1-9][0-9]{0,4})?")
URL_FORM = "http(s)://host[:port][/path]"


def text(name: str, default: str = "") -> str:
    return os.environ.get(PREFIX + name, default).strip()


def flag(name: str, *, default: bool = False) -> bool:
    raw = text(name, "1" if default else "0").lower()
    if raw in TRUE:
        return True
    if raw in FALSE:
        return False
    raise ImproperlyConfigured(
        f"{PREFIX}{name} is {raw!r}; allowed are {sorted(TRUE)} and {sorted(FALSE - {''})}"
    )


def number(name: str, default: int, *, low: int, high: int) -> int:
    raw = text(name, str(default))
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{PREFIX}{name} is {raw!r}; allowed is a whole number") from None
    if not low <= value <= high:
        raise ImproperlyConfigured(f"{PREFIX}{name} is {value}; allowed is {low} to {high}")
    return value


def one_of(name: str, default: str, *, allowed: Sequence[str]) -> str:
    """Read a word in any case, and return it as it stands in `allowed`."""
    raw = text(name, default) or default
    for word in allowed:
        if raw.lower() == word.lower():
            return word
    raise ImproperlyConfigured(f"{PREFIX}{name} is {raw!r}; allowed are {', '.join(allowed)}")


def words(name: str) -> list[str]:
    """Read a comma-separated list; blanks around the parts are dropped, as are empty parts."""
    return [part.strip() for part in text(name).split(",") if part.strip()]


def places(name: str) -> AllowedPlaces:
    """Read a comma-separated list of host names and networks (CIDR)."""
    try:
        return AllowedPlaces.read(words(name))
    except ValueError as problem:
        raise ImproperlyConfigured(f"{PREFIX}{name}: {problem}") from None


def origins(name: str) -> list[str]:
    """Read a comma-separated list of web origins, as browsers write them: https, or http on this machine.

    No path, no trailing slash, no default port, lower case: they are compared letter by letter.
    """
    found = words(name)
    for raw in found:
        parts: SplitResult = urlsplit(raw)
        is_safe = parts.scheme == "https" or (
            parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1"}
        )
        default = f":{ {'https': 443, 'http': 80}.get(parts.scheme) }"
        if not is_safe or not _ORIGIN.fullmatch(raw) or raw.endswith(default):
            raise ImproperlyConfigured(
                f"{PREFIX}{name} has {raw!r}; allowed is https://host[:port], as a browser's Origin header has it"
            )
    return found


def url(name: str, default: str = "") -> str:
    raw = text(name, default)
    if not raw:
        return ""
    if "@" in raw:
        raise ImproperlyConfigured(
            f"{PREFIX}{name} names a user; allowed is {URL_FORM}"
        )  # and no password is shown
    if not _is_web_address(raw):
        raise ImproperlyConfigured(f"{PREFIX}{name} is {raw!r}; allowed is {URL_FORM}")
    return raw.rstrip("/")


def principal(name: str, *, region: str) -> str:
    """Read the ARN of an IAM role or user, path and all, in the partition that a region is in. Empty where unset."""
    raw = text(name)
    partition = next((each for start, each in PARTITIONS.items() if region.startswith(start)), "aws")
    if raw and not re.fullmatch(rf"arn:{partition}:iam::[0-9]{{12}}:{ROLE_OR_USER}", raw):
        raise ImproperlyConfigured(
            f"{PREFIX}{name} is {raw!r}; allowed is the ARN of a role or user, "
            f"arn:{partition}:iam::ACCOUNT:role/PATH/NAME, without wildcards"
        )
    return raw


def _is_web_address(raw: str) -> bool:
    try:
        parts: SplitResult = urlsplit(raw)
        has_host = bool(parts.hostname) and parts.port != 0  # a port that is none raises
    except ValueError:
        return False
    return has_host and parts.scheme in {"http", "https"} and not parts.query and not parts.fragment


def secret(name: str, default: str = "") -> str:
    """Read `NAME`, or the contents of the file that `NAME_FILE` names; both at once is an error."""
    direct, path = text(name), text(f"{name}_FILE")
    if direct and path:
        raise ImproperlyConfigured(f"Both {PREFIX}{name} and {PREFIX}{name}_FILE are set; set one of them")
    if not path:
        return direct or default
    try:
        value = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise ImproperlyConfigured(f"{PREFIX}{name}_FILE can't be read: {type(problem).__name__}") from None
    if not value:
        raise ImproperlyConfigured(f"{PREFIX}{name}_FILE names an empty file")
    return value
