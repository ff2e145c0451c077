"""Which entry of a deny covers which: of one name, a later time covers all that an earlier one does.

An entry is a name, or `NAME<TIME`: what AWS issued under that name before that time (`brokers.aws.deny_entries`). A
name is the whole text before the `<`: the role's or user's id with the session's name, or a pool's region with its
identity. Nothing is covered by an entry of another name.
"""

from collections.abc import Iterable, Mapping

# A name without a time is denied whenever it was issued. Times are of one form, in UTC, so that they compare as text.
_EVER = "ever"


def merged(entries: Iterable[str]) -> frozenset[str]:
    """Return the fewest entries that deny what all of these deny together: one for each name."""
    return frozenset(
        name if before == _EVER else f"{name}<{before}" for name, before in _latest(entries).items()
    )


def not_covered(entries: Iterable[str], standing: Iterable[str]) -> frozenset[str]:
    """Return those of `entries` that deny more than `standing` denies."""
    latest = _latest(standing)
    return frozenset(
        entry for entry in entries for name, before in [_parts(entry)] if latest.get(name, "") < before
    )


def _latest(entries: Iterable[str]) -> Mapping[str, str]:
    latest: dict[str, str] = {}
    for name, before in map(_parts, entries):
        latest[name] = max(before, latest.get(name, ""))
    return latest


def _parts(entry: str) -> tuple[str, str]:
    name, _, before = entry.partition("<")
    return name, before or _EVER
