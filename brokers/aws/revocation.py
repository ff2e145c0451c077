"""The deny document that ends live sessions: one statement, keyed to `aws:userid`, made whole each time.

`aws:userid` is exact per session (`AROA…:session name`, `account:federated name`) and needs nothing in the
trust policy. Source: IAM User Guide, "Revoke IAM role temporary security credentials"; "IAM JSON policy
elements: Variables", its table of `aws:userid`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from brokers.aws.session_policy import VERSION
from brokers.aws.shown import shown
from brokers.errors import LimitExceeded, NotPossible

SID = "SallyportRevoked"
# No wildcard, no policy variable: an entry can only ever name one session.
_USERID = re.compile(r"(?:AROA[A-Z0-9]{8,124}|\d{12}):[\w+=,.@-]{2,64}", re.ASCII)


def deny_document(userids: Iterable[str]) -> Mapping[str, Any]:
    """Return the document that denies everything to these sessions; the same for the same set.

    Raises:
        LimitExceeded: an entry that isn't one session's `aws:userid`.
        NotPossible: no entry (take the document away instead: IAM refuses an empty list).
    """
    listed = sorted(set(userids))
    if not listed:
        raise NotPossible("A deny document names at least one session; with none, remove the document.")
    for userid in listed:
        if _USERID.fullmatch(userid) is None:
            raise LimitExceeded("aws:userid", shown(userid), "ROLE-ID:SESSION-NAME or ACCOUNT:NAME")
    statement = {
        "Sid": SID,
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:userid": listed}},
    }
    return {"Version": VERSION, "Statement": [statement]}


def denied_userids(document: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the sessions that a document which stands in AWS denies; none where it isn't one of ours.

    A document that was changed by hand counts as denying nobody, so that it is put again.
    """
    if document is None:
        return frozenset()
    try:
        found = frozenset(document["Statement"][0]["Condition"]["StringEquals"]["aws:userid"])
        return found if document == deny_document(found) else frozenset()
    except (KeyError, IndexError, TypeError, LimitExceeded, NotPossible):
        return frozenset()


def require_deny_only(document: Mapping[str, Any]) -> None:
    """Raise NotPossible unless each statement is a Deny: what ends sessions must never give access."""
    statements = document.get("Statement")
    if (
        not isinstance(statements, list)
        or not statements
        or any(not isinstance(s, Mapping) or s.get("Effect") != "Deny" for s in statements)
    ):
        raise NotPossible("The portal's revocation document consists of Deny statements only.")
