"""Bugs to plant in the real operations, each with the words by which the machine must find it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from portal.access.lifecycle import SessionState
from portal.access.models import AwsSession, Grant
from portal.access.operations.credentials import issue_session
from portal.access.operations.cutting import apply_revocations
from portal.access.operations.cutting.wanted_denies import Wanted, wanted_denies
from portal.access.operations.grants import end_grants, end_idle_grants, extend_grant, may_use
from portal.access.operations.running import sweep_grants


@dataclass(frozen=True)
class Bug:
    plant: Callable[[], AbstractContextManager[object]]
    found_by: str


def _no_second_look(*_: object) -> None:
    """Issuing asks once, before AWS is called, and not again before it hands out."""


def _issued_before(document: Any, aws: Any, now: datetime) -> Wanted:
    """A cut by TokenIssueTime, as AWS's own console makes it."""
    wanted = wanted_denies(document, aws, now)
    return replace(wanted, issued_before=now) if wanted.rows else wanted


def _all_of_the_role(document: Any, aws: Any, now: datetime) -> Wanted:
    """The entries of all who ever worked on the principal."""
    wanted = wanted_denies(document, aws, now)
    everybody = AwsSession.objects.filter(grant__role__name=document.name).exclude(userid="")
    return replace(wanted, kept=frozenset(everybody.values_list("userid", flat=True)))


def _an_hour_early(document: Any, aws: Any, now: datetime) -> Wanted:
    return wanted_denies(document, aws, now + timedelta(hours=1))


def _whole_grant(self: Grant, at: datetime) -> datetime:
    del at
    return self.ends_at


def _whatever(person_id: object, *, at: datetime) -> datetime:
    """Ask nobody who vouches."""
    del person_id
    return at + timedelta(days=400)


def _due_an_hour_ago(now: datetime) -> Any:
    return Grant.objects.filter(ended_at=None, ends_at__lte=now - timedelta(hours=1)).order_by("ends_at")


_real_statement = end_idle_grants._statement


def _bare_statement(columns: Any, recording: str) -> str:
    """Forget to ask what lives."""
    return _real_statement(columns, recording).replace("s.expires_at > %s", "s.expires_at > %s AND FALSE")


def _patch(place: object, name: str, instead: object) -> Callable[[], AbstractContextManager[object]]:
    return lambda: patch.object(place, name, instead)


# The three that the machine must find however short it runs.
ALWAYS: Mapping[str, Bug] = {
    "issue after cut-off": Bug(
        _patch(issue_session, "_closed_meanwhile", _no_second_look), "handed out after"
    ),
    "stale extension": Bug(_patch(extend_grant, "_check_living", _no_second_look), "was extended"),
    "neighbour cut off": Bug(
        _patch(apply_revocations, "wanted_denies", _all_of_the_role), "a neighbour|denies others"
    ),
}
MORE: Mapping[str, Bug] = {
    "everybody cut off": Bug(_patch(apply_revocations, "wanted_denies", _issued_before), "everybody"),
    "cleaned early": Bug(
        _patch(apply_revocations, "wanted_denies", _an_hour_early), "cleaned while|AWS allows it|still wait"
    ),
    "answers that were lost forgotten": Bug(
        _patch(end_grants, "MAY_LIVE", frozenset({SessionState.GOT})), "nobody is at it|AWS allows it"
    ),
    "bulk end without its revocations": Bug(
        _patch(
            end_idle_grants,
            "_statement",
            _bare_statement,
        ),
        "nobody is at it",
    ),
    "old sign-in forgotten": Bug(_patch(may_use, "check_vouched", _whatever), "outlives what the provider"),
    "window forgotten": Bug(_patch(Grant, "usable_until", _whole_grant), "when its grant is closed"),
    "extension without audit": Bug(_patch(extend_grant, "_record", lambda *_: None), "against the trail"),
    "sweep that leaves the last": Bug(
        _patch(sweep_grants, "due_to_end", _due_an_hour_ago), "living past its end"
    ),
}
