"""The session policy: what it consists of, alone and merged with a scope."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from brokers.aws.partitions import parse_role_arn
from brokers.aws.session_policy import end_in_policy, federation_session_policy, role_session_policy
from brokers.errors import NotPossible
from brokers.types import Partition, Scope

END = datetime(2031, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC)
ROLE = parse_role_arn("arn:aws:iam::222222222222:role/team/Developer")
READ = {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
OURS = [
    {
        "Sid": "SallyportEnd",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"DateGreaterThanEquals": {"aws:CurrentTime": "2031-01-02T03:04:05Z"}},
    },
    {"Sid": "SallyportChain", "Effect": "Deny", "Action": "sts:Assume*", "Resource": "*"},
    {
        "Sid": "SallyportOwn",
        "Effect": "Deny",
        "Action": [
            "iam:DeleteRole*",
            "iam:DetachRole*",
            "iam:PutRole*",
            "iam:UpdateAssume*",
            "iam:*PolicyVersion",
        ],
        "Resource": [
            "arn:aws:iam::222222222222:role/team/Developer",
            "arn:aws:iam::222222222222:policy/sallyport/*",
        ],
    },
]


def made(scope: Scope) -> Any:
    return json.loads(role_session_policy(scope, ends_at=END, role=ROLE))


def scope(*statements: object, **changes: object) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements), **changes}


def test_without_a_scope_everything_the_role_allows_until_the_end() -> None:
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    assert made(Scope()) == {"Version": "2012-10-17", "Statement": [allow, *OURS]}


def test_with_a_scope_its_statements_and_the_end() -> None:
    assert made(Scope(scope(READ)))["Statement"] == [READ, *OURS]
    assert made(Scope({"Version": "2012-10-17", "Statement": READ}))["Statement"] == [READ, *OURS]


def test_managed_policies_alone_are_not_swallowed_by_an_allow_of_everything() -> None:
    assert made(Scope(managed_policy_arns=("arn:aws:iam::aws:policy/ReadOnlyAccess",)))["Statement"] == OURS


def test_federation_denies_the_ways_back_in_by_the_hubs_users() -> None:
    found = json.loads(federation_session_policy(Scope(scope(READ)), ends_at=END, partition=Partition.CHINA))
    assert found["Statement"][:3] == [READ, *OURS[:2]]
    own = found["Statement"][3]
    assert own["Effect"] == "Deny"
    assert own["Resource"] == ["arn:aws-cn:iam::*:user/*", "arn:aws-cn:iam::*:policy/sallyport/*"]
    assert {"iam:*AccessKey", "iam:*PolicyVersion"} <= set(own["Action"])


def test_it_is_compact() -> None:
    text = role_session_policy(Scope(scope(READ)), ends_at=END, role=ROLE)
    assert text == json.dumps(json.loads(text), separators=(",", ":"))


@pytest.mark.parametrize(
    ("end", "written"),
    [
        (datetime(2031, 1, 1, tzinfo=UTC), "2031-01-01T00:00:00Z"),
        (datetime(2031, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC), "2031-01-01T00:00:00Z"),
        (datetime(2031, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2))), "2030-12-31T23:30:00Z"),
    ],
)
def test_the_end_is_utc_in_whole_seconds_never_later(end: datetime, written: str) -> None:
    assert end_in_policy(end) == written


def without(key: str) -> dict[str, object]:
    return {k: v for k, v in READ.items() if k != key}


REFUSED = [
    ({}, "says Version 2012-10-17"),
    (scope(READ, Version="2008-10-17"), "says Version 2012-10-17"),
    (scope(), "at least one statement"),
    (scope(READ, Statement="x"), "at least one statement"),
    (scope(READ, Extra=1), "can't have the element 'Extra'"),
    (scope("x"), "Statement 1 of the scope is an object"),
    (
        scope(READ, {**without("Sid"), "Principal": "*"}),
        "Statement 2 of the scope can't have the element 'Principal'",
    ),
    (scope({**READ, "NotPrincipal": "*"}), "can't have the element 'NotPrincipal'"),
    (scope(without("Effect")), "has the Effect Allow or Deny"),
    (scope({**READ, "Effect": "allow"}), "has the Effect Allow or Deny"),
    (scope(without("Action")), "has either Action or NotAction"),
    (scope({**READ, "NotAction": "s3:*"}), "has either Action or NotAction"),
    (scope(without("Resource")), "has either Resource or NotResource"),
    (scope({**READ, "NotResource": "*"}), "has either Resource or NotResource"),
    (scope({**READ, "Action": []}), "names at least one Action"),
    (scope({**READ, "Action": ""}), "names at least one Action"),
    (scope({**READ, "Action": {"a": 1}}), "names at least one Action"),
    (scope({**READ, "Resource": ["a", 1]}), "names at least one Resource"),
    (scope({**READ, "Condition": []}), "has an object as Condition"),
    (scope({**READ, "Sid": "with space"}), "A Sid is letters and digits"),
    (scope({**READ, "Sid": 1}), "A Sid is letters and digits"),
    (scope(READ, READ), "the same Sid"),
    (scope({**READ, "Sid": "SallyportEnd"}), "doesn't begin with Sallyport"),
    (scope({**READ, "Effect": "Deny"}), "allows something"),
]


@pytest.mark.parametrize(("policy", "why"), REFUSED)
def test_a_scope_that_is_no_session_policy_is_refused(policy: dict[str, Any], why: str) -> None:
    with pytest.raises(NotPossible, match=why):
        made(Scope(policy))


@pytest.mark.parametrize(
    "policy",
    [
        scope({"Effect": "Allow", "NotAction": ["iam:*"], "NotResource": "arn:aws:s3:::b"}),
        scope(
            READ, {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"Null": {"a": "true"}}}
        ),
        scope(READ, {**READ, "Sid": "Two"}, Id="template-1"),
    ],
)
def test_a_scope_that_is_one_is_taken_as_it_is(policy: dict[str, Any]) -> None:
    assert made(Scope(policy))["Statement"] == [*policy["Statement"], *OURS]
