"""What policies say of a call: as the tests' own evaluator says, which shares no line with it."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.aws.analyst import Analyst
from brokers.types import Decision
from tests.iam_evaluator import evaluate
from tests.servers.process import require_services

BUCKET = "arn:aws:s3:::reports"
ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{BUCKET}/*"}
DENY = {"Effect": "Deny", "Action": "*", "Resource": "*"}


def decide(
    *statements: Any, context: Mapping[str, str] | None = None, resource: str = f"{BUCKET}/a"
) -> Decision:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return Analyst().decide([document], action="s3:GetObject", resource=resource, context=context or {})


def when(**operators: Any) -> dict[str, Any]:
    return {"Condition": operators}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([ALLOW], Decision.ALLOWED),
        ([], Decision.NOT_ALLOWED),
        ([ALLOW, DENY], Decision.EXPLICIT_DENY),
        ([DENY], Decision.EXPLICIT_DENY),
        ([ALLOW | {"Action": "S3:get*"}], Decision.ALLOWED),
        ([ALLOW | {"Resource": BUCKET}], Decision.NOT_ALLOWED),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], Decision.ALLOWED),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], Decision.NOT_ALLOWED),
        ([{"Effect": "Allow", "Action": "*", "NotResource": f"{BUCKET}/*"}], Decision.NOT_ALLOWED),
        (["text", ALLOW], Decision.ALLOWED),
    ],
)
def test_a_deny_wins_else_an_allow(statements: Any, expected: Decision) -> None:
    assert decide(*statements) is expected


def test_policies_count_together() -> None:
    both = [{"Statement": ALLOW}, {"Statement": [DENY]}]
    call = {"action": "s3:GetObject", "resource": f"{BUCKET}/a", "context": {}}
    assert Analyst().decide(both[:1], **call) is Decision.ALLOWED  # type: ignore[arg-type]  # a dict of all
    assert Analyst().decide(both, **call) is Decision.EXPLICIT_DENY  # type: ignore[arg-type]  # as above


def test_what_is_not_known_lets_nobody_in_and_stops_somebody() -> None:
    for operators in ({"StringEquals": {"k": "a"}}, {"StringNotEquals": {"k": "a"}}, {"Odd": {"k": "a"}}):
        assert decide(ALLOW | when(**operators)) is Decision.NOT_ALLOWED
        assert decide(ALLOW, DENY | when(**operators)) is Decision.EXPLICIT_DENY
    odd = {"Odd": {"k": "a"}}
    assert decide(ALLOW | when(**odd), context={"k": "a"}) is Decision.NOT_ALLOWED
    assert decide(ALLOW, DENY | when(**odd), context={"k": "a"}) is Decision.EXPLICIT_DENY
    assert decide(ALLOW | when(StringEqualsIfExists={"k": "a"})) is Decision.ALLOWED
    mine = {"Resource": "arn:aws:s3:::${aws:username}/*"}
    assert decide(ALLOW | mine) is Decision.NOT_ALLOWED
    assert decide(ALLOW, DENY | mine) is Decision.EXPLICIT_DENY
    assert decide(ALLOW | mine, context={"aws:UserName": "reports"}) is Decision.ALLOWED


TIMES = [
    "2026-05-06T12:00:00Z",
    "2026-05-06T14:00:00+02:00",
    "2026-05-06T11:59:59Z",
    "1777000000",
    "2030-01-01",
]
TEXTS = ["a", "A", "ab", "a*", "arn:aws:iam::222222222222:role/x", "192.0.2.7", "true", "10"]
WANTED = ["a", "A?", "a*", "*", "arn:aws:iam::*:role/*", "arn:*:x", "192.0.2.0/24", "true", "False", "9"]
STRINGS = ["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringLike", "StringNotLike", "Bool"]
ARNS = ["ArnLike", "ArnNotEquals"]
DATES = ["DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals", "DateEquals"]


@settings(max_examples=400 if require_services() else 80, deadline=None)
@given(
    effect=st.sampled_from(["Allow", "Deny"]),
    operator=st.sampled_from([*STRINGS, *ARNS]),
    wanted=st.lists(st.sampled_from(WANTED), min_size=1, max_size=3),
    found=st.sampled_from(TEXTS),
)
def test_conditions_are_judged_as_by_another(
    effect: str, operator: str, wanted: list[str], found: str
) -> None:
    _same(effect, {operator: {"k": wanted}}, {"k": found})


@settings(max_examples=200 if require_services() else 40, deadline=None)
@given(
    effect=st.sampled_from(["Allow", "Deny"]),
    operator=st.sampled_from(DATES),
    wanted=st.sampled_from(TIMES),
    found=st.sampled_from(TIMES),
)
def test_times_are_judged_as_by_another(effect: str, operator: str, wanted: str, found: str) -> None:
    _same(effect, {operator: {"aws:CurrentTime": wanted}}, {"aws:currenttime": found})


@settings(max_examples=300 if require_services() else 60, deadline=None)
@given(
    action=st.sampled_from(["s3:GetObject", "s3:get*", "*", "s3:Put*", "s3:G?tObject"]),
    resource=st.text(alphabet="ab/*?", max_size=6),
    inverted=st.booleans(),
)
def test_names_are_judged_as_by_another(action: str, resource: str, inverted: bool) -> None:
    arn = f"arn:aws:s3:::{resource}"
    allow = {"Effect": "Allow", "Action": action, ("NotResource" if inverted else "Resource"): arn}
    document = {"Version": "2012-10-17", "Statement": [allow]}
    asked = "arn:aws:s3:::ab/a"
    expected = evaluate([document], "s3:GetObject", asked, {}).allowed
    found = Analyst().decide([document], action="s3:GetObject", resource=asked, context={})
    assert (found is Decision.ALLOWED) is expected


def _same(effect: str, condition: Any, context: Mapping[str, str]) -> None:
    statements = [ALLOW, ALLOW | {"Effect": "Deny", "Condition": condition}]
    if effect == "Allow":
        statements = [ALLOW | {"Condition": condition}]
    document = {"Version": "2012-10-17", "Statement": statements}
    expected = evaluate([document], "s3:GetObject", f"{BUCKET}/a", context).why
    words = {"allowed": "allowed", "explicit_deny": "explicit_deny", "implicit_deny": "not_allowed"}
    assert decide(*statements, context=context) == words[expected]


def test_numbers_and_addresses() -> None:
    assert decide(ALLOW | when(NumericLessThan={"k": "10"}), context={"k": "9"}) is Decision.ALLOWED
    assert decide(ALLOW | when(NumericLessThan={"k": "10"}), context={"k": "x"}) is Decision.NOT_ALLOWED
    assert (
        decide(ALLOW | when(IpAddress={"k": "192.0.2.0/24"}), context={"k": "192.0.2.7"}) is Decision.ALLOWED
    )
    assert (
        decide(ALLOW | when(NotIpAddress={"k": "192.0.2.0/24"}), context={"k": "192.0.2.7"})
        is Decision.NOT_ALLOWED
    )
    assert decide(ALLOW | when(Null={"k": True})) is Decision.ALLOWED
    assert decide(ALLOW | when(Null={"k": "true"}), context={"k": "a"}) is Decision.NOT_ALLOWED
