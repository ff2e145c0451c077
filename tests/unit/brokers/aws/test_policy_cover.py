"""Whatever is called 'no further' really is: judged call by call by the tests' own evaluator of policies."""

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.aws.policy_cover import within
from brokers.aws.policy_form import Statement, statements_of
from brokers.types import Partition
from tests import iam_evaluator
from tests.servers.process import require_services

VERSION = "2012-10-17"
ACTIONS = ("s3:GetObject", "S3:getobject", "s3:Get*", "s3:?etObject", "s3:*", "*", "s3:PutObject", "iam:*")
RESOURCES = ("arn:aws:s3:::a/x", "arn:aws:s3:::a/*", "arn:aws:s3:::?/x", "*", "arn:aws:s3:::b/*")
DATES = ("2031-01-01T00:00:00Z", "2031-02-01T00:00:00Z", "2031-03-01T00:00:00Z")
TEXTS = ("red", "blue", "re*", "*")
CONDITIONS = st.one_of(
    st.tuples(
        st.sampled_from(("DateLessThan", "DateGreaterThanEquals", "DateLessThanEquals", "DateGreaterThan")),
        st.sampled_from(("aws:CurrentTime", "AWS:currenttime")),
        st.lists(st.sampled_from(DATES), min_size=1, max_size=2),
    ),
    st.tuples(
        st.sampled_from(
            ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIfExists")
        ),
        st.sampled_from(("aws:PrincipalTag/colour", "aws:userid")),
        st.lists(st.sampled_from(TEXTS), min_size=1, max_size=2),
    ),
)


def either(element: str, values: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    words = st.lists(st.sampled_from(values), min_size=1, max_size=2)
    return st.one_of(words.map(lambda w: {element: w}), words.map(lambda w: {f"Not{element}": w}))


@st.composite
def statement(draw: st.DrawFn) -> dict[str, Any]:
    made = {"Effect": "Allow", **draw(either("Action", ACTIONS)), **draw(either("Resource", RESOURCES))}
    for operator, key, values in draw(st.lists(CONDITIONS, min_size=1, max_size=2)):
        made.setdefault("Condition", {}).setdefault(operator, {})[key] = values
    return made


CALLS = [
    (action, resource, context)
    for action, resource, time, colour in product(
        ("s3:GetObject", "s3:PutObject", "s3:SetObject", "iam:GetRole"),
        ("arn:aws:s3:::a/x", "arn:aws:s3:::a/y", "arn:aws:s3:::b/x", "arn:aws:s3:::c/z"),
        (datetime(2031, month, day, tzinfo=UTC) for month, day in ((1, 1), (1, 15), (2, 1), (3, 2))),
        ("red", "blue", None),
    )
    for context in [
        {
            "aws:CurrentTime": time,
            "aws:userid": "red",
            **({"aws:PrincipalTag/colour": colour} if colour else {}),
        }
    ]
]


def read(found: dict[str, Any]) -> Statement:
    return next(iter(statements_of({"Version": VERSION, "Statement": found}, Partition.AWS)))


def allowed(found: dict[str, Any]) -> set[int]:
    policy = {"Version": VERSION, "Statement": [found]}
    return {
        number
        for number, (action, resource, context) in enumerate(CALLS)
        if iam_evaluator.evaluate([policy], action, resource, context)
    }


@st.composite
def pair(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return two statements; often the same but for the values of conditions, since two at random are seldom within."""
    narrow, broad = draw(statement()), draw(statement())
    if draw(st.integers(0, 3)) == 0:
        return narrow, broad
    conditions = {
        operator: {
            key: draw(
                st.lists(st.sampled_from(DATES if "Date" in operator else TEXTS), min_size=1, max_size=2)
            )
            for key in tests
        }
        for operator, tests in broad.get("Condition", {}).items()
    }
    return {**broad, "Condition": conditions}, broad


@settings(max_examples=600 if require_services() else 100, deadline=None)
@given(pair())
def test_what_is_within_allows_nothing_that_the_other_does_not(
    both: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    narrow, broad = both
    if within(read(narrow), read(broad)):
        assert allowed(narrow) <= allowed(broad)


@pytest.mark.parametrize(
    ("narrow", "broad", "is_within"),
    [
        ("arn:aws:s3:::a/x", "arn:aws:s3:::a/?", True),
        ("arn:aws:s3:::a/*", "arn:aws:s3:::a/?", False),
        ("arn:aws:s3:::a/??", "arn:aws:s3:::a/*", True),
        ("arn:aws:s3:::a/${aws:username}", "arn:aws:s3:::a/*", True),
        ("arn:aws:s3:::a/${aws:username}", "arn:aws:s3:::a/${aws:username}", True),
        ("arn:aws:s3:::a/${aws:username}", "arn:aws:s3:::a/???????????????", False),
        ("arn:aws:s3:::a/${aws:username}", "arn:aws:s3:::a/${*}", False),
        ("arn:aws:s3:::a/x", "arn:aws:s3:::A/x", False),
        ("arn:aws:s3:::a.b", "arn:aws:s3:::a?b", True),
        ("arn:aws:s3:::axb", "arn:aws:s3:::a.b", False),
    ],
)
def test_patterns_within_patterns(narrow: str, broad: str, is_within: bool) -> None:
    allow = {"Effect": "Allow", "Action": "s3:GetObject"}
    found = within(read({**allow, "Resource": narrow}), read({**allow, "Resource": broad}))
    assert found is is_within
