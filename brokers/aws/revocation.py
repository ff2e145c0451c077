"""The deny that ends live sessions: one statement keyed to `aws:userid`, made whole each time.

`aws:userid` is exact per session (`AROA…:session name`, `account:federated name`) and needs nothing in the
trust policy. Beside it stands, when an operator cuts everybody, a second statement on `aws:TokenIssueTime`.
Source: IAM User Guide, "Revoke IAM role temporary security credentials"; "IAM JSON policy elements:
Variables", its table of `aws:userid`; "AWS global condition context keys", aws:TokenIssueTime.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from brokers.aws.session_policy import VERSION
from brokers.aws.shown import shown
from brokers.errors import LimitExceeded, NotPossible

SID = "SallyportRevoked"
SID_BEFORE = "SallyportRevokedBefore"
# No wildcard, no policy variable: an entry can only ever name one session.
_USERID = re.compile(r"(?:AROA[A-Z0-9]{8,124}|\d{12}):[\w+=,.@-]{2,64}", re.ASCII)
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def check_entries(userids: Iterable[str]) -> None:
    """Raise LimitExceeded at the first entry that isn't exactly one session's `aws:userid`."""
    for userid in userids:
        if _USERID.fullmatch(userid) is None:
            raise LimitExceeded("aws:userid", shown(userid), "ROLE-ID:SESSION-NAME or ACCOUNT:NAME")


def deny_document(userids: Iterable[str], issued_before: datetime | None = None) -> Mapping[str, Any]:
    """Return the document that denies everything to these sessions; the same for the same set.

    `issued_before`: and to every session that AWS issued before then, rounded up to a whole second.

    Raises:
        LimitExceeded: an entry that isn't one session's `aws:userid`.
        NotPossible: nothing to deny (take the document away instead: IAM refuses an empty list); a time
            without a zone.
    """
    listed = sorted(set(userids))
    check_entries(listed)
    statements = []
    if listed:
        statements.append(_deny(SID, {"StringEquals": {"aws:userid": listed}}))
    if issued_before is not None:
        statements.append(
            _deny(
                SID_BEFORE,
                {"DateLessThan": {"aws:TokenIssueTime": whole_second(issued_before).strftime(_TIME)}},
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
        conditions = {found["Sid"]: found["Condition"] for found in document["Statement"]}
        entries = frozenset(conditions[SID]["StringEquals"]["aws:userid"] if SID in conditions else ())
        before = None
        if SID_BEFORE in conditions:
            text = conditions[SID_BEFORE]["DateLessThan"]["aws:TokenIssueTime"]
            before = datetime.strptime(text, _TIME).replace(tzinfo=UTC)
        return (entries, before) if document == deny_document(entries, before) else None
    except (KeyError, TypeError, ValueError, LimitExceeded, NotPossible):
        return None


def _deny(sid: str, condition: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"Sid": sid, "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}


def _bare(document: Mapping[str, Any]) -> int:
    return len(json.dumps(document, separators=(",", ":")))


_FRAME = _bare({"Version": VERSION, "Statement": []})
_LIST = _bare(_deny(SID, {"StringEquals": {"aws:userid": []}}))
_CUT = _bare(_deny(SID_BEFORE, {"DateLessThan": {"aws:TokenIssueTime": "2026-01-01T00:00:00Z"}}))


def size_of_deny(entries: int, characters: int, cut: bool) -> int:  # noqa: FBT001  # the third fact, not a switch
    """Return the size of the document for so many entries of so many `characters` in all, as IAM counts it.

    The same as that of `deny_document`, without making it; 0 where it would deny nothing.
    """
    listed = _LIST + characters + 3 * entries - 1 if entries else 0  # each in quotes, commas between
    both = 1 if entries and cut else 0
    return _FRAME + listed + (_CUT if cut else 0) + both if entries or cut else 0
