"""The deny document: exact, deterministic, and a deny only."""

from typing import Any

import pytest

from brokers.aws.revocation import denied_userids, deny_document, require_deny_only
from brokers.errors import LimitExceeded, NotPossible

ROLE_ENTRY = "AROA1234567890ABCDEF:sp-abc"
USER_ENTRY = "123456789012:sp-abc"


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


def test_an_empty_document_is_not_made() -> None:
    with pytest.raises(NotPossible, match="remove the document"):
        deny_document([])


def test_what_stands_in_aws_is_read_back() -> None:
    assert denied_userids(deny_document([ROLE_ENTRY, USER_ENTRY])) == {ROLE_ENTRY, USER_ENTRY}
    assert denied_userids(None) == frozenset()


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
    assert denied_userids(document) == frozenset()


@pytest.mark.parametrize(
    "document", [{}, {"Statement": []}, {"Statement": {}}, {"Statement": ["x"]}, edited(Effect="Allow")]
)
def test_what_is_not_a_deny_is_never_written(document: dict[str, Any]) -> None:
    require_deny_only(deny_document([ROLE_ENTRY]))
    with pytest.raises(NotPossible, match="Deny statements only"):
        require_deny_only(document)
