"""Whether one statement reaches no further than another. Sound, not complete: what isn't sure counts as further.

So a change is called narrower only where it surely is; all else is an alarm, and somebody looks.
"""

import re
from collections.abc import Iterable
from functools import cache

from brokers.aws.policy_form import Statement, Words
from brokers.aws.wild_text import pattern_of

_BEFORE = ("DateLessThan", "DateLessThanEquals")
_AFTER = ("DateGreaterThan", "DateGreaterThanEquals")
# UTC in whole seconds, as the portal writes it: of one length, so that their order is that of time.
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)


def within_any(narrow: Statement, broad: Iterable[Statement]) -> bool:
    """Say whether `narrow` surely reaches no further than one of `broad`."""
    return any(within(narrow, each) for each in broad)


def within(narrow: Statement, broad: Statement) -> bool:
    """Say whether `narrow` surely reaches no further than `broad`: whom, what, on what, and when."""
    return (
        _who(narrow, broad)
        and _reach(narrow, broad, "Action")
        and _reach(narrow, broad, "Resource")
        and all(_as_strict(narrow, *condition) for condition in broad.conditions)
    )


def _who(narrow: Statement, broad: Statement) -> bool:
    if narrow.of("NotPrincipal") is not None or broad.of("NotPrincipal") is not None:
        return narrow.of("NotPrincipal") == broad.of("NotPrincipal")
    return (narrow.of("Principal") or frozenset()) <= (broad.of("Principal") or frozenset())


def _reach(narrow: Statement, broad: Statement, element: str) -> bool:
    ours, theirs = narrow.of(element), broad.of(element)
    if ours is not None and theirs is not None:
        return all(any(_matches(each, pattern) for pattern in theirs) for each in ours)
    ours_not, theirs_not = narrow.of(f"Not{element}"), broad.of(f"Not{element}")
    if ours_not is not None and theirs_not is not None:
        return theirs_not <= ours_not
    # A trust policy has no resource; one of the two forms on each side is never sure.
    return (ours, ours_not) == (theirs, theirs_not)


def _as_strict(narrow: Statement, operator: str, key: str, values: Words) -> bool:
    return any(
        found_operator == operator and found_key == key and _no_looser(operator, found, values)
        for found_operator, found_key, found in narrow.conditions
    )


def _no_looser(operator: str, found: Words, wanted: Words) -> bool:
    if found == wanted:
        return True
    # A list of none is met by nothing: neither the first nor the last of it can be told.
    times = bool(found and wanted) and all(_TIME.fullmatch(word) for word in found | wanted)
    if operator in _BEFORE and times:
        return max(found) <= max(wanted)
    if operator in _AFTER and times:
        return min(found) >= min(wanted)
    # Values are alternatives: fewer let less through, of what must not be, more.
    return found >= wanted if "Not" in operator else found <= wanted


def _matches(narrow: str, broad: str) -> bool:
    if "${" in broad or ("${" in narrow and "?" in broad):
        # A policy variable stands for any text, and `${*}` for a star itself.
        return narrow == broad
    return _pattern(broad).fullmatch(narrow) is not None


@cache
def _pattern(broad: str) -> re.Pattern[str]:
    # A `?` stands for one character, never for a `*` in the narrower pattern.
    return re.compile(pattern_of(broad, one="[^*]"), re.DOTALL)
