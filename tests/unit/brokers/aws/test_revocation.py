"""The deny document: exact, deterministic, and a deny only."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from brokers.aws.revocation import (
    DenySize,
    check_entries,
    denied_by,
    deny_document,
    whole_second,
)
from brokers.errors import LimitExceeded, NotPossible

ROLE_ENTRY = "AROA1234567890ABCDEF:sp-abc"
USER_ENTRY = "123456789012:sp-abc"
SAML_ENTRY = "AROA1234567890ABCDEF:ada@example.org<2031-01-02T03:00:00Z"
SAML_NEIGHBOUR = "AROA1234567890ABCDEF:bob@example.org<2031-01-02T03:00:00Z"
LATER_ENTRY = "AROA1234567890ABCDEF:ada@example.org<2031-01-02T04:00:00Z"
USER_SESSION = "AIDA1234567890ABCDEF<2031-01-02T03:00:00Z"
GUID = "0b7e4f5a-0000-4000-8000-00000000000b"
POOL_ENTRY = f"sub=eu-west-1:{GUID}"
EARLIER_POOL_ENTRY = f"{POOL_ENTRY}<2031-01-02T03:00:00Z"
EVERY_KIND = [
    *(ROLE_ENTRY, SAML_ENTRY, SAML_NEIGHBOUR, LATER_ENTRY, USER_SESSION, POOL_ENTRY, EARLIER_POOL_ENTRY),
]
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
        # A user's own long-lived keys must go on.
        "AIDA1234567890ABCDEF",
        "AIDA1234567890ABCDEF<",
        "AIDA1234567890ABCDEF<2031-01-02",
        "AIDA1234567890ABCDEF<2031-01-02T03:04:05+00:00",
        "AIDA1234567890ABCDEF<2031-01-02T03:04:05.5Z",
        "AIDA1234567890ABCDEF<2031-01-02T03:04:05Z\n",
        "123456789012:sp-abc<2031-01-02T03:04:05Z",
        "AROA1234567890ABCDEF:*<2031-01-02T03:04:05Z",
        "AROA1234567890ABCDEF<2031-01-02T03:04:05Z",
        "sub=*",
        "sub=eu-west-1:*",
        f"sub=eu-west-1:{GUID}\n",
        f"sub=eu-west-1:{GUID.upper()}",
        f"sub=eu-west-1:{GUID}<",
        f"sub=eu-west-1:{GUID}<2031-01-02",
        f"sub=eu-west-1:{GUID}<2031-01-02T03:04:05Z\n",
        f"eu-west-1:{GUID}",
        f"sub={GUID}",
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


def statement(sid: str, condition: dict[str, Any]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}


def test_a_name_that_others_give_is_cut_up_to_a_time() -> None:
    """Two names of one time share a statement; another time has its own, as a condition's values are alternatives."""
    assert deny_document([SAML_ENTRY, LATER_ENTRY, SAML_NEIGHBOUR])["Statement"] == [
        statement(
            "SallyportRevokedUntil20310102030000",
            {
                "StringEquals": {
                    "aws:userid": [
                        "AROA1234567890ABCDEF:ada@example.org",
                        "AROA1234567890ABCDEF:bob@example.org",
                    ]
                },
                "DateLessThan": {"aws:TokenIssueTime": "2031-01-02T03:00:00Z"},
            },
        ),
        statement(
            "SallyportRevokedUntil20310102040000",
            {
                "StringEquals": {"aws:userid": ["AROA1234567890ABCDEF:ada@example.org"]},
                "DateLessThan": {"aws:TokenIssueTime": "2031-01-02T04:00:00Z"},
            },
        ),
    ]


def test_a_users_sessions_are_cut_up_to_a_time_and_its_keys_are_not() -> None:
    assert deny_document([USER_SESSION])["Statement"] == [
        statement(
            "SallyportRevokedUntil20310102030000",
            {
                "StringEquals": {"aws:userid": ["AIDA1234567890ABCDEF"]},
                "DateLessThan": {"aws:TokenIssueTime": "2031-01-02T03:00:00Z"},
            },
        )
    ]


@pytest.mark.parametrize(
    ("region", "key"),
    [
        ("eu-west-1", "cognito-identity.amazonaws.com:sub"),
        ("ap-southeast-2", "cognito-identity.amazonaws.com:sub"),
        ("us-gov-west-1", "cognito-identity-us-gov.amazonaws.com:sub"),
        ("cn-north-1", "cognito-identity.cn-north-1.amazonaws.com.cn:sub"),
    ],
)
def test_a_pools_sessions_are_cut_by_their_identity(region: str, key: str) -> None:
    assert deny_document([f"sub={region}:{GUID}"])["Statement"] == [
        statement("SallyportRevokedSub", {"StringEquals": {key: [f"{region}:{GUID}"]}})
    ]


def test_a_pools_sessions_are_cut_up_to_a_time_beside_a_users_of_the_same() -> None:
    document = deny_document([EARLIER_POOL_ENTRY, USER_SESSION])
    assert document["Statement"][0] == statement(
        "SallyportRevokedUntil20310102030000",
        {
            "StringEquals": {"aws:userid": ["AIDA1234567890ABCDEF"]},
            "DateLessThan": {"aws:TokenIssueTime": "2031-01-02T03:00:00Z"},
        },
    )
    assert document["Statement"][1] == statement(
        "SallyportRevokedSubUntil20310102030000",
        {
            "StringEquals": {"cognito-identity.amazonaws.com:sub": [f"eu-west-1:{GUID}"]},
            "DateLessThan": {"aws:TokenIssueTime": "2031-01-02T03:00:00Z"},
        },
    )


def test_a_time_that_does_not_exist_is_refused() -> None:
    with pytest.raises(LimitExceeded, match="aws:TokenIssueTime is"):
        check_entries(["AIDA1234567890ABCDEF<2031-02-30T03:04:05Z"])


def test_every_kind_stands_in_one_document_and_is_read_back() -> None:
    document = deny_document(EVERY_KIND, CUT)
    sids = [each["Sid"] for each in document["Statement"]]
    assert sids[0] == "SallyportRevoked"
    assert sids[-1] == "SallyportRevokedBefore"
    assert len(set(sids)) == len(sids) == 6
    assert all(sid.isalnum() for sid in sids)
    assert denied_by(document) == (frozenset(EVERY_KIND), CUT)


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:userid": ["AIDA1234567890ABCDEF"]}},
        {"StringLike": {"aws:userid": ["AIDA1234567890ABCDEF"]}},
        {
            "StringEquals": {"aws:userid": ["AIDA1234567890ABCDEF"]},
            "DateLessThan": {"aws:TokenIssueTime": "2031-01-02T03:00:01Z"},
        },
        {
            "StringEquals": {"aws:userid": ["AIDA1234567890ABCDEF"], "aws:username": ["x"]},
            "DateLessThan": {"aws:TokenIssueTime": "2031-01-02T03:00:00Z"},
        },
        {"StringEquals": {"cognito-identity.amazonaws.com:aud": [f"eu-west-1:{GUID}"]}},
    ],
)
def test_another_kind_changed_by_hand_is_none_of_ours(condition: dict[str, Any]) -> None:
    [found] = deny_document([USER_SESSION])["Statement"]
    changed = {"Version": "2012-10-17", "Statement": [{**found, "Condition": condition}]}
    assert denied_by(changed) is None


@pytest.mark.parametrize("number", [0, 1, 2, 40])
@pytest.mark.parametrize("cut", [None, CUT])
@pytest.mark.parametrize("others", [[], EVERY_KIND[1:]], ids=["plain", "every kind"])
def test_the_size_is_known_without_making_the_document(
    number: int, cut: datetime | None, others: list[str]
) -> None:
    entries = [f"AROA1234567890ABCDEF:sp-{'x' * n}" for n in range(number)] + others
    made = json.dumps(deny_document(entries, cut), separators=(",", ":")) if entries or cut else ""
    assert DenySize(entries, cut=cut is not None).size == len(made)
    growing = DenySize(cut=cut is not None)
    for position, entry in enumerate(entries, start=1):
        foreseen = growing.with_one_more(entry)
        growing.add(entry)
        made = json.dumps(deny_document(entries[:position], cut), separators=(",", ":"))
        assert foreseen == growing.size == len(made)
