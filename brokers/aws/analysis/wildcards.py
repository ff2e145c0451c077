"""IAM's wildcards: `*` is any number of characters, `?` is one.

Source: IAM User Guide, "IAM JSON policy elements: Action", "Resource".
"""

import re
from functools import lru_cache

from brokers.aws.wild_text import pattern_of

_VARIABLE = re.compile(r"\$\{[^}]*\}")
_MANY, _MANY_BUT_SLASH = "*", "%"


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Say whether the whole text fits the pattern."""
    return _compiled(pattern, ignore_case).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:  # noqa: FBT001  # a key of the cache
    return re.compile(pattern_of(pattern), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def is_wild(text: str) -> bool:
    return "*" in text or "?" in text


@lru_cache(maxsize=4096)
def overlap(resource: str, kind: str) -> bool:
    """Say whether a policy's resource may mean one of a kind, both with wildcards; their six parts by themselves.

    In `kind`, `%` is any number of characters but no slash. A policy variable may stand for anything.
    """
    parts = _VARIABLE.sub("*", resource).split(":", 5)
    if len(parts) < 6:  # noqa: PLR2004  # an ARN's
        return _overlap(resource, kind)
    return all(_overlap(one, other) for one, other in zip(parts, kind.split(":", 5), strict=True))


def _overlap(one: str, other: str) -> bool:
    reached = {0}
    for letter in one:
        reached = _step(_closed(reached, other), letter, other)
        if not reached:
            return False
    return len(other) in _closed(reached, other)


def _closed(at: set[int], other: str) -> set[int]:
    """Add the places behind stars that stand for nothing."""
    found = set(at)
    for place in sorted(at):
        after = place
        while after < len(other) and other[after] in {_MANY, _MANY_BUT_SLASH}:
            after += 1
            found.add(after)
    return found


def _step(at: set[int], letter: str, other: str) -> set[int]:
    """Where `other` may be read up to, once `letter` (a wildcard, or itself) was read from each of these places."""
    if letter == "*":
        # Anything: from the first place on, each place behind can be reached.
        return set(range(min(at), len(other) + 1)) if at else set()
    reached = set()
    for place in at:
        if place == len(other):
            continue
        wanted = other[place]
        if wanted == _MANY or (wanted == _MANY_BUT_SLASH and letter != "/"):
            reached.add(place)
        elif wanted not in {_MANY, _MANY_BUT_SLASH} and ("?" in {letter, wanted} or letter == wanted):
            reached.add(place + 1)
    return reached
