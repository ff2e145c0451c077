"""Which entry covers which: what is left of a set denies what the whole set denied, no session more and none less."""

from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.aws.deny_entries import TIME
from brokers.aws.revocation import deny_document
from brokers.types import merged, not_covered
from tests.iam_evaluator import evaluate

START = datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)
ADA, BEN = "AROA1234567890ABCDEF:ada@example.org", "AROA1234567890ABCDEF:ben@example.org"
ADA_THERE = "AROA1234567890ABCDEG:ada@example.org"
USER, OTHER_USER = "AIDA1234567890ABCDEF", "AIDA1234567890ABCDEG"
GUID = "0b7e4f5a-0000-4000-8000-00000000000b"
POOL, POOL_THERE, POOL_BEN = f"sub=eu-west-1:{GUID}", f"sub=us-east-1:{GUID}", f"sub=eu-west-1:{GUID[:-1]}c"
SESSIONS = [ADA, BEN, ADA_THERE]
EVERYBODY = [*SESSIONS, USER, OTHER_USER, POOL, POOL_THERE, POOL_BEN]
TIMES = [f"{START + timedelta(minutes=minute):{TIME}}" for minute in range(4)]
TIMED = st.builds(lambda name, before: f"{name}<{before}", st.sampled_from(EVERYBODY), st.sampled_from(TIMES))
ENTRIES = st.frozensets(TIMED | st.sampled_from([*SESSIONS, POOL, POOL_THERE]), max_size=12)
quick = settings(max_examples=60, deadline=None)


def is_denied(entries: frozenset[str], name: str, issued_at: datetime | None) -> bool:
    """Judge a request of somebody's session by the document of these entries. No time: a user's own key."""
    if not entries:
        return False
    pool = name.removeprefix("sub=") if name.startswith("sub=") else None
    context = {
        "aws:userid": "AROA1234567890ABCDEF:CognitoIdentityCredentials" if pool else name,
        "cognito-identity.amazonaws.com:sub": pool,
        "aws:TokenIssueTime": issued_at,
    }
    verdict = evaluate([deny_document(entries)], "s3:GetObject", "arn:aws:s3:::a/b", context)
    return verdict.why == "explicit_deny"


REQUESTS = [
    (name, issued_at)
    for name in EVERYBODY
    for issued_at in [None, *(START + timedelta(minutes=minute, seconds=-1) for minute in range(5))]
]


@cache
def denied(entries: frozenset[str]) -> frozenset[tuple[str, datetime | None]]:
    return frozenset(request for request in REQUESTS if is_denied(entries, *request))


@quick
@given(ENTRIES)
def test_the_latest_of_each_name_deny_what_all_denied_together(entries: frozenset[str]) -> None:
    left = merged(entries)
    assert denied(left) == denied(entries)
    assert left <= entries
    assert len({entry.partition("<")[0] for entry in left}) == len(left)
    assert not not_covered(entries, left)


@quick
@given(ENTRIES, ENTRIES)
def test_what_is_covered_is_denied_and_what_is_not_is_let_in(
    entries: frozenset[str], standing: frozenset[str]
) -> None:
    there, missing = denied(standing), not_covered(entries, standing)
    for entry in entries:
        assert (entry in missing) is bool(denied(frozenset({entry})) - there)


@pytest.mark.parametrize("neighbour", [BEN, ADA_THERE, USER, POOL])
def test_a_later_time_takes_the_place_of_its_own_name_alone(neighbour: str) -> None:
    early, late = (f"{ADA}<{before}" for before in TIMES[:2])
    assert merged([early, late, f"{neighbour}<{TIMES[0]}"]) == {late, f"{neighbour}<{TIMES[0]}"}
    assert not_covered([early, f"{neighbour}<{TIMES[0]}"], [late]) == {f"{neighbour}<{TIMES[0]}"}
    assert not_covered([late], [early]) == {late}
    assert merged([]) == not_covered([], [late]) == frozenset()


def test_another_region_is_another_name() -> None:
    entries = {f"{POOL}<{TIMES[0]}", f"{POOL_THERE}<{TIMES[1]}"}
    assert merged(entries) == entries
    assert merged([*entries, POOL]) == {POOL, f"{POOL_THERE}<{TIMES[1]}"}
