"""How roles in AWS differ from what they should be, line by line. Plain values for templates/partners."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from portal.web.presenters.labels import AccountLabel, Badge
from portal.web.presenters.partners import Listing
from portal.web.presenters.words import Moment

LINES_AROUND = 3
MOST_LINES = 400


@dataclass(frozen=True, slots=True)
class DiffLine:
    """`kind`: `found` (in AWS alone), `wanted` (missing there), `same` or `gap`; `sign`, `says`: the same in words."""

    kind: str
    sign: str
    says: str
    text: str


_LINES = {
    "+ ": ("found", "+", "Only in AWS: "),
    "- ": ("wanted", "−", "Missing in AWS: "),  # noqa: RUF001  # a minus sign, as people write it
    "  ": ("same", "", ""),
}
_GAP = DiffLine("gap", "", "", "…")


@dataclass(frozen=True, slots=True)
class DriftRow:
    """One way in which one role differs."""

    id: str
    part: str
    why: str
    badge: Badge
    state: Badge
    is_wide: bool
    lines: tuple[DiffLine, ...]
    found: Moment
    seen: Moment
    decided: str
    may_repair: bool
    may_accept: bool
    repair_words: str


@dataclass(frozen=True, slots=True)
class DriftingRole:
    """All differences of one role. `partner` and `grant_id` empty: nobody knows whose it is."""

    name: str
    account: AccountLabel
    partner: str
    partner_slug: str
    grant_id: str
    rows: tuple[DriftRow, ...]


@dataclass(frozen=True, slots=True)
class WatchedRow:
    """An account of ours whose roles for partners are looked at. `looked`: since when each one was."""

    id: str
    account: AccountLabel
    roles: int
    looked: Moment | None


@dataclass(frozen=True, slots=True)
class DriftPage:
    """`fingerprint` changes when this does, not when time passes."""

    roles: tuple[DriftingRole, ...]
    listing: Listing
    watched: tuple[WatchedRow, ...]
    says: str
    may_open: bool
    fingerprint: str


def diff_lines(wanted: Any, found: Any) -> tuple[DiffLine, ...]:
    """Return both as JSON, line by line; of what is alike only the lines around a difference."""
    lines = list(_compared(_text(wanted), _text(found)))
    near = {
        at + step
        for at, line in enumerate(lines)
        if line.kind != "same"
        for step in range(-LINES_AROUND, LINES_AROUND + 1)
    }
    shown: list[DiffLine] = []
    for at, line in enumerate(lines):
        if at in near:
            shown.append(line)
        elif not shown or shown[-1] is not _GAP:
            shown.append(_GAP)
    return tuple(shown[:MOST_LINES])


def _compared(wanted: list[str], found: list[str]) -> Iterator[DiffLine]:
    for line in difflib.ndiff(wanted, found):
        if line[:2] in _LINES:
            kind, sign, says = _LINES[line[:2]]
            yield DiffLine(kind, sign, says, line[2:])


def _text(value: Any) -> list[str]:
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [value]
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).splitlines()
