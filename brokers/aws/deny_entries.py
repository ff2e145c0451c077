"""What one denied session is, as text, and the statement that it stands in.

- `AROA…:name`, `ACCOUNT:name`: by `aws:userid`.
- `AROA…:name<TIME`, `AIDA…<TIME`: by `aws:userid`, of what AWS issued before that time. Where others give sessions
  their name (AssumeRoleWithSAML), and for an IAM user, whose long-lived keys have no TokenIssueTime and go on.
- `sub=REGION:GUID`: by the identity of a Cognito pool, whose sessions share one name; `sub=REGION:GUID<TIME`: of what
  AWS issued before that time.

Source: IAM User Guide, "IAM JSON policy elements: Variables", its table of `aws:userid`; "AWS global condition context
keys", aws:TokenIssueTime; "IAM and AWS STS condition context keys", cognito-identity.amazonaws.com:sub.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from brokers.aws.shown import shown
from brokers.errors import LimitExceeded

SID = "SallyportRevoked"
TIME = "%Y-%m-%dT%H:%M:%SZ"
# No wildcard, no policy variable: an entry can only ever name one session, or one name up to a time.
_ROLE_SESSION = r"AROA[A-Z0-9]{8,124}:[\w+=,.@-]{2,64}"
_PLAIN = re.compile(rf"(?:{_ROLE_SESSION}|\d{{12}}:[\w+=,.@-]{{2,64}})", re.ASCII)
_TIMED = re.compile(
    rf"(?P<userid>{_ROLE_SESSION}|AIDA[A-Z0-9]{{8,124}})<(?P<before>\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ)",
    re.ASCII,
)
_SUB = re.compile(
    r"sub=(?P<sub>(?P<region>[a-z]{2}(?:-[a-z]+)+-\d{1,2}):[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"(?:<(?P<before>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ))?",
    re.ASCII,
)
_USERID = "aws:userid"
_SUBS: Mapping[str, str] = {
    "cn": "cognito-identity.cn-north-1.amazonaws.com.cn:sub",
    "us-gov": "cognito-identity-us-gov.amazonaws.com:sub",
    "": "cognito-identity.amazonaws.com:sub",
}
_FORMS = (
    "ROLE-ID:SESSION-NAME or ACCOUNT:NAME, ROLE-ID:SESSION-NAME<TIME, USER-ID<TIME, or sub=REGION:GUID[<TIME]"
)


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """Which statement an entry stands in: entries of one kind share it. `before`: the time, or empty."""

    key: str = _USERID
    before: str = ""

    @property
    def sid(self) -> str:
        """Name the statement: IAM wants each to be unique in its document, of letters and digits."""
        sid = SID if self.key == _USERID else f"{SID}Sub"
        return f"{sid}Until{re.sub(r'[^0-9]', '', self.before)}" if self.before else sid

    def statement(self, values: Iterable[str]) -> Mapping[str, Any]:
        """Return the deny of these sessions."""
        condition: dict[str, Any] = {"StringEquals": {self.key: list(values)}}
        if self.before:
            condition["DateLessThan"] = {"aws:TokenIssueTime": self.before}
        return deny(self.sid, condition)

    def entry(self, value: str) -> str:
        """Return the entry that a value of the statement stands for."""
        named = value if self.key == _USERID else f"sub={value}"
        return f"{named}<{self.before}" if self.before else named


PLAIN = Kind()


def read(entry: str) -> tuple[Kind, str]:
    """Return an entry's statement and what it is called in it.

    Raises:
        LimitExceeded: it isn't one session, or the sessions of one name up to a time.
    """
    if _PLAIN.fullmatch(entry):
        return PLAIN, entry
    if timed := _TIMED.fullmatch(entry):
        return _until(timed["before"]), timed["userid"]
    if pool := _SUB.fullmatch(entry):
        kind = _of_pool(pool["region"])
        return (_until(pool["before"], kind.key) if pool["before"] else kind), pool["sub"]
    raise LimitExceeded(_USERID, shown(entry), _FORMS)


def kind_in(statement: Mapping[str, Any]) -> Kind:
    """Return which kind a statement of ours is of. KeyError, ValueError: of none."""
    condition = statement["Condition"]
    [key] = condition["StringEquals"]
    before = condition["DateLessThan"]["aws:TokenIssueTime"] if "DateLessThan" in condition else ""
    return Kind(key, before)


def deny(sid: str, condition: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a statement that denies everything where the condition holds."""
    return {"Sid": sid, "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}


@cache
def _of_pool(region: str) -> Kind:
    start = next(start for start in _SUBS if region.startswith(start))
    return Kind(_SUBS[start])


def _until(before: str, key: str = _USERID) -> Kind:
    try:
        datetime.strptime(before, TIME).replace(tzinfo=UTC)
    except ValueError:
        raise LimitExceeded(
            "aws:TokenIssueTime", shown(before), "a time in UTC, in whole seconds with a Z"
        ) from None
    return Kind(key, before)
