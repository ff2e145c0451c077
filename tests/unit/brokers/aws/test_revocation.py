"""The deny document: exact, deterministic, and a deny only."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from brokers.aws.revocation import (
    check_entries,
    denied_by,
    deny_document,
    size_of_deny,
    whole_second,
)
from brokers.errors import LimitExceeded, NotPossible

ROLE_ENTRY = "AROA1234567890ABCDEF:sp-abc"
USER_ENTRY = "123456789012:sp-abc"
CUT = datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_one_statement_denies_exactly_the_named_sessions() -> None:
    assert deny_document([USER_ENTRY, ROLE_ENTRY]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "SallyportRevoked",
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:userid": [USER_ENTRY, ROLE_ENTRY]}},
            }
        ],
    }


def test_the_same_set_makes_the_same_document() -> None:
    assert deny_document([ROLE_ENTRY, USER_ENTRY, ROLE_ENTRY]) == deny_document({USER_ENTRY, ROLE_ENTRY})


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "*",
        "AROA1234567890ABCDEF:*",
        "AROA1234567890ABCDEF:",
        "AROA1234567890ABCDEF",
        "AROA*:sp-abc",
        "*:sp-abc",
        "AIDA1234567890ABCDEF:sp-abc",
        "AROA1234567890ABCDEF:${aws:username}",
        "AROA1234567890ABCDEF:sp-abc\n",
        "12345678901:sp-abc",
        "AROA1234567890ABCDEF:" + "a" * 65,
    ],
)
def test_an_entry_that_is_not_one_session_is_refused(entry: str) -> None:
    with pytest.raises(LimitExceeded, match="aws:userid is"):
        deny_document([ROLE_ENTRY, entry])
    with pytest.raises(LimitExceeded, match="aws:userid is"):
        check_entries([ROLE_ENTRY, entry])
    check_entries([ROLE_ENTRY, USER_ENTRY])


def test_an_empty_document_is_not_made() -> None:
    with pytest.raises(NotPossible, match="remove the document"):
        deny_document([])


def test_what_stands_in_aws_is_read_back() -> None:
    assert denied_by(deny_document([ROLE_ENTRY, USER_ENTRY])) == (frozenset({ROLE_ENTRY, USER_ENTRY}), None)


def edited(**changes: Any) -> dict[str, Any]:
    document = deny_document([ROLE_ENTRY])
    return {**document, "Statement": [{**document["Statement"][0], **changes}]}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"Statement": []},
        {"Statement": "x"},
        {"Statement": [{"Condition": None}]},
        edited(Effect="Allow"),
        edited(Action="s3:*"),
        edited(Resource=[]),
        edited(Condition={"StringLike": {"aws:userid": [ROLE_ENTRY]}}),
        edited(Condition={"StringEquals": {"aws:userid": []}}),
        edited(Condition={"StringEquals": {"aws:userid": ["*"]}}),
        edited(Condition={"StringEquals": {"aws:userid": [[]]}}),
    ],
)
def test_a_document_changed_by_hand_denies_nobody_so_it_is_put_again(document: dict[str, Any]) -> None:
    assert denied_by(document) is None


def test_a_cut_of_everybody_is_a_statement_of_its_own() -> None:
    cut = {
        "Sid": "SallyportRevokedBefore",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2031-01-02T03:04:05Z"}},
    }
    assert deny_document([], CUT)["Statement"] == [cut]
    assert deny_document([ROLE_ENTRY], CUT)["Statement"] == [*deny_document([ROLE_ENTRY])["Statement"], cut]


@pytest.mark.parametrize(
    ("at", "written"),
    [
        (CUT, CUT),
        (CUT + timedelta(microseconds=1), CUT + timedelta(seconds=1)),
        (CUT + timedelta(microseconds=999_999), CUT + timedelta(seconds=1)),
        (CUT.astimezone(timezone(timedelta(hours=5, minutes=30))), CUT),
    ],
)
def test_a_cut_is_utc_in_whole_seconds_and_misses_nothing(at: datetime, written: datetime) -> None:
    assert whole_second(at) == written
    assert denied_by(deny_document([], at)) == (frozenset(), written)


def test_a_cut_without_a_zone_is_refused() -> None:
    with pytest.raises(NotPossible, match="no time zone"):
        deny_document([], datetime(2031, 1, 2, 3, 4, 5))  # noqa: DTZ001  # what must not be taken


@pytest.mark.parametrize(
    "condition",
    [
        {"DateLessThan": {"aws:TokenIssueTime": "2031-01-02T03:04:05+00:00"}},
        {"DateLessThan": {"aws:TokenIssueTime": "2031-01-02"}},
        {"DateLessThan": {"aws:TokenIssueTime": None}},
        {"DateGreaterThan": {"aws:TokenIssueTime": "2031-01-02T03:04:05Z"}},
        {"DateLessThan": {"aws:CurrentTime": "2031-01-02T03:04:05Z"}},
    ],
)
def test_a_cut_changed_by_hand_is_none_of_ours(condition: dict[str, Any]) -> None:
    document = deny_document([ROLE_ENTRY], CUT)
    assert denied_by(document) == (frozenset({ROLE_ENTRY}), CUT)
    first, second = document["Statement"]
    assert denied_by({**document, "Statement": [first, {**second, "Condition": condition}]}) is None
    assert denied_by({**document, "Statement": [second, first]}) is None
    assert denied_by({**document, "Statement": [first, second, second]}) is None


@pytest.mark.parametrize("number", [0, 1, 2, 40])
@pytest.mark.parametrize("cut", [None, CUT])
def test_the_size_is_known_without_making_the_document(number: int, cut: datetime | None) -> None:
    entries = [f"AROA1234567890ABCDEF:sp-{'x' * n}" for n in range(number)]
    made = json.dumps(deny_document(entries, cut), separators=(",", ":")) if entries or cut else ""
    assert size_of_deny(number, sum(map(len, entries)), cut is not None) == len(made)
