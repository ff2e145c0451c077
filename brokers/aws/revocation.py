"""The deny that ends live sessions: one statement for each kind of entry, made whole each time.

`aws:userid` is exact per session (`AROA…:session name`, `account:federated name`) and needs nothing in the
trust policy; where it is not, other keys stand in (`brokers.aws.deny_entries`). Beside them stands, when an operator
cuts everybody, a statement on `aws:TokenIssueTime` alone.
Source: IAM User Guide, "Revoke IAM role temporary security credentials"; "IAM JSON policy elements:
Variables", its table of `aws:userid`; "AWS global condition context keys", aws:TokenIssueTime.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from brokers.aws.deny_entries import PLAIN, SID, TIME, Kind, deny, kind_in, read
from brokers.aws.session_policy import VERSION
from brokers.errors import LimitExceeded, NotPossible

SID_BEFORE = f"{SID}Before"


def check_entries(userids: Iterable[str]) -> None:
    """Raise LimitExceeded at the first entry that isn't one session, or one name's up to a time."""
    for userid in userids:
        read(userid)


def deny_document(userids: Iterable[str], issued_before: datetime | None = None) -> Mapping[str, Any]:
    """Return the document that denies everything to these sessions; the same for the same set.

    `issued_before`: and to every session that AWS issued before then, rounded up to a whole second.

    Raises:
        LimitExceeded: an entry that isn't of the grammar.
        NotPossible: nothing to deny (take the document away instead: IAM refuses an empty list); a time
            without a zone.
    """
    values: dict[Kind, set[str]] = defaultdict(set)
    for kind, value in map(read, userids):
        values[kind].add(value)
    statements = [kind.statement(sorted(values[kind])) for kind in sorted(values, key=_place)]
    if issued_before is not None:
        statements.append(
            deny(
                SID_BEFORE,
                {"DateLessThan": {"aws:TokenIssueTime": whole_second(issued_before).strftime(TIME)}},
            )
        )
    if not statements:
        raise NotPossible("A deny document names at least one session; with none, remove the document.")
    return {"Version": VERSION, "Statement": statements}


def whole_second(at: datetime) -> datetime:
    """Return `at` in UTC, rounded up to a whole second: nothing that was issued before is missed."""
    if at.tzinfo is None:
        raise NotPossible("The time of the cut has no time zone, so AWS couldn't be told when it is.")
    utc = at.astimezone(UTC)
    return utc if not utc.microsecond else utc.replace(microsecond=0) + timedelta(seconds=1)


def denied_by(document: Mapping[str, Any]) -> tuple[frozenset[str], datetime | None] | None:
    """Return what a document of ours denies: entries and `issued_before`. None: it isn't one of ours.

    A document that was changed by hand isn't, so that it is put again.
    """
    try:
        entries: set[str] = set()
        before = None
        for found in document["Statement"]:
            if found["Sid"] == SID_BEFORE:
                text = found["Condition"]["DateLessThan"]["aws:TokenIssueTime"]
                before = datetime.strptime(text, TIME).replace(tzinfo=UTC)
            else:
                kind = kind_in(found)
                entries.update(map(kind.entry, found["Condition"]["StringEquals"][kind.key]))
        return (frozenset(entries), before) if document == deny_document(entries, before) else None
    except (KeyError, TypeError, ValueError, LimitExceeded, NotPossible):
        return None


def _place(kind: Kind) -> tuple[bool, Kind]:
    # What was written before there were other kinds must read the same: plain ones come first.
    return kind != PLAIN, kind


def _bare(document: Mapping[str, Any]) -> int:
    return len(json.dumps(document, separators=(",", ":")))


_FRAME = _bare({"Version": VERSION, "Statement": []})
_CUT = _bare(deny(SID_BEFORE, {"DateLessThan": {"aws:TokenIssueTime": "2026-01-01T00:00:00Z"}}))


class DenySize:
    """The size of a document as IAM counts it while entries are added: that of `deny_document`, without making it."""

    def __init__(self, entries: Iterable[str] = (), *, cut: bool = False) -> None:
        self._kinds: set[Kind] = set()
        # Two statements have a comma between them.
        self._characters = _CUT + 1 if cut else 0
        for entry in entries:
            self.add(entry)

    def add(self, entry: str) -> None:
        """Count an entry that isn't in yet. LimitExceeded where it isn't of the grammar."""
        self._characters += self._more(entry)
        self._kinds.add(read(entry)[0])

    def with_one_more(self, entry: str) -> int:
        """Return what the size would be."""
        return _FRAME + self._characters + self._more(entry) - 1

    @property
    def size(self) -> int:
        """Characters; 0 where nothing is denied."""
        return _FRAME + self._characters - 1 if self._characters else 0

    def _more(self, entry: str) -> int:
        kind, value = read(entry)
        # In quotes, with a comma before it or after the statement's list.
        return len(value) + 3 if kind in self._kinds else _bare(kind.statement([value])) + 1
