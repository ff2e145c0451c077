"""Tokens that stand in a file, which whoever writes it renews. An admin says which file, and sees none of it.

So no other file of this machine's is sent to anybody, holds up who asks, or is told apart from one that isn't there.
"""

import os
import re
import stat
from typing import Final

from brokers.errors import NotPossible

# AWS STS API Reference, AssumeRoleWithWebIdentity.
_LONGEST: Final = 20_000
# RFC 7519: three parts in base64url. No file with settings, a key or a password is of that form.
_TOKEN: Final = re.compile(rb"\s*([\w-]+\.[\w-]+\.[\w-]+)\s*", re.ASCII)


def read_token(path: str) -> str:
    """Return the JSON Web Token that is all that stands in a plain file.

    Raises:
        NotPossible: whatever else it is, or is not: one answer for all.
    """
    try:
        found = _TOKEN.fullmatch(_content(path))
    except (OSError, ValueError):
        found = None
    if found is None or len(found[1]) > _LONGEST:
        raise NotPossible(f"The hub's token file {path} can't be read, or is no token.")
    return found[1].decode("ascii")


def _content(path: str) -> bytes:
    # A pipe without a writer would hold the opening up for good.
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(number, "rb") as opened:
        is_plain = stat.S_ISREG(os.fstat(number).st_mode)
        return opened.read(2 * _LONGEST) if is_plain else b""
