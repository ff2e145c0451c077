"""The evaluator of the tests themselves, against what AWS documents: each case with its neighbour."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.iam_conditions import conditions_met, matches_pattern
from tests.iam_evaluator import Caller, Role, Unjudged, decide, document_of, evaluate, may_assume

AT = datetime(2026, 5, 6, 12, 0, tzinfo=UTC)
HERE, THERE = "222222222222", "444444444444"
ROLE_ARN = f"arn:aws:iam::{HERE}:role/sallyport/partners/acme/sp-1"
READER = Caller(f"arn:aws:iam::{THERE}:user/reader", "AIDAREADER")
BUCKET = "arn:aws:s3:::reports"


def policy(*statements: Mapping[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": list(statements)}


def allow(action: Any = "s3:GetObject", resource: Any = f"{BUCKET}/*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return allow(action, resource, **more) | {"Effect": "Deny"}


def trust(principal: Any = f"arn:aws:iam::{THERE}:root", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole", **more}


def role(*identity: Any, trusts: Any = None, boundary: Any = None) -> Role:
    return Role(ROLE_ARN, "AROAROLE", trusts or policy(trust()), tuple(identity), boundary)


def why(found: Role, action: str = "s3:GetObject", resource: str = f"{BUCKET}/a", **more: Any) -> str:
    session = found.session("work", issued_at=AT, policies=more.pop("policies", None))
    verdict = decide(session, action, resource, at=more.pop("at", AT), context=more.pop("context", None))
    return f"{verdict.why} {verdict.by}".strip()


@pytest.mark.parametrize(
    ("identity", "boundary", "policies", "expected"),
    [
        ([policy(allow())], None, None, "allowed"),
        ([], None, None, "implicit_deny identity"),
        ([policy(allow()), policy(deny())], None, None, "explicit_deny identity"),
        ([policy(deny(), allow())], None, None, "explicit_deny identity"),
        ([policy(allow())], policy(allow("s3:*", "*")), None, "allowed"),
        ([policy(allow())], policy(allow("ec2:*", "*")), None, "implicit_deny boundary"),
        ([policy(allow())], policy(allow("*", "*"), deny("s3:*")), None, "explicit_deny boundary"),
        ([], policy(allow("*", "*")), None, "implicit_deny identity"),
        ([policy(allow())], None, [policy(allow("s3:*", "*"))], "allowed"),
        ([policy(allow())], None, [], "implicit_deny session"),
        ([policy(allow())], None, [policy(allow("s3:PutObject", "*"))], "implicit_deny session"),
        ([policy(allow())], None, [policy(), policy(allow())], "allowed"),
        ([policy(allow())], None, [policy(allow()), policy(deny())], "explicit_deny session"),
        ([policy(allow())], policy(), [policy(deny())], "explicit_deny session"),
    ],
)
def test_every_kind_must_allow_and_none_deny(
    identity: Any, boundary: Any, policies: Any, expected: str
) -> None:
    assert why(role(*identity, boundary=boundary), policies=policies) == expected


@pytest.mark.parametrize(
    ("statement", "action", "resource", "applies"),
    [
        (allow("S3:getobject"), "s3:GetObject", f"{BUCKET}/a", True),
        (allow("s3:Get*"), "s3:GetObject", f"{BUCKET}/a", True),
        (allow("s3:Get?bject"), "s3:GetObject", f"{BUCKET}/a", True),
        (allow("s3:Get"), "s3:GetObject", f"{BUCKET}/a", False),
        (allow(["ec2:*", "s3:*"]), "s3:GetObject", f"{BUCKET}/a", True),
        (allow(resource=BUCKET), "s3:GetObject", f"{BUCKET}/a", False),
        (allow(resource=f"{BUCKET}/?"), "s3:GetObject", f"{BUCKET}/ab", False),
        (allow(resource=f"{BUCKET}/A"), "s3:GetObject", f"{BUCKET}/a", False),
        (allow(resource=[BUCKET, f"{BUCKET}/a"]), "s3:GetObject", f"{BUCKET}/a", True),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, "s3:GetObject", BUCKET, True),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, "iam:GetUser", "*", False),
        ({"Effect": "Allow", "Action": "s3:*", "NotResource": f"{BUCKET}/*"}, "s3:GetObject", BUCKET, True),
        (
            {"Effect": "Allow", "Action": "s3:*", "NotResource": f"{BUCKET}/*"},
            "s3:GetObject",
            f"{BUCKET}/a",
            False,
        ),
    ],
)
def test_actions_and_resources(statement: Any, action: str, resource: str, applies: bool) -> None:
    assert evaluate([policy(statement)], action, resource, {}).allowed is applies
    assert evaluate([{**policy(), "Statement": statement}], action, resource, {}).allowed is applies


EARLIER, LATER = "2026-05-06T11:59:59Z", "2026-05-06T12:00:01Z"
NOW = "2026-05-06T12:00:00Z"


@pytest.mark.parametrize(
    ("block", "met"),
    [
        ({"StringEquals": {"k": "a"}}, True),
        ({"StringEquals": {"K": ["b", "a"]}}, True),
        ({"StringEquals": {"k": "A"}}, False),
        ({"StringEquals": {"none": "a"}}, False),
        ({"StringEqualsIfExists": {"none": "a"}}, True),
        ({"StringEqualsIfExists": {"k": "b"}}, False),
        ({"StringEqualsIgnoreCase": {"k": "A"}}, True),
        ({"StringNotEquals": {"k": "b"}}, True),
        ({"StringNotEquals": {"k": ["b", "a"]}}, False),
        ({"StringNotEquals": {"none": "b"}}, True),
        ({"StringNotEqualsIgnoreCase": {"k": "A"}}, False),
        ({"StringLike": {"path": "team/*"}}, True),
        ({"StringLike": {"path": "team"}}, False),
        ({"StringNotLike": {"path": "team/*"}}, False),
        ({"StringEquals": {"k": "a"}, "StringLike": {"path": "other/*"}}, False),
        ({"StringEquals": {"k": "a", "path": "x"}}, False),
        ({"Null": {"none": "true"}}, True),
        ({"Null": {"k": "true"}}, False),
        ({"Null": {"k": False}}, True),
        ({"Bool": {"tls": "true"}}, True),
        ({"Bool": {"tls": "false"}}, False),
        ({"BoolIfExists": {"none": "false"}}, True),
        ({"DateLessThan": {"now": LATER}}, True),
        ({"DateLessThan": {"now": NOW}}, False),
        ({"DateLessThanEquals": {"now": NOW}}, True),
        ({"DateGreaterThan": {"now": EARLIER}}, True),
        ({"DateGreaterThan": {"now": NOW}}, False),
        ({"DateGreaterThanEquals": {"now": NOW}}, True),
        ({"DateGreaterThanEquals": {"now": LATER}}, False),
        ({"DateEquals": {"now": NOW}}, True),
        ({"DateNotEquals": {"now": NOW}}, False),
        ({"DateLessThan": {"now": str(int(AT.timestamp()) + 1)}}, True),
        ({"DateLessThan": {"now": "2026-05-06T14:00:01+02:00"}}, True),
        ({"NumericLessThanEquals": {"max": "10"}}, True),
        ({"NumericLessThan": {"max": "10"}}, False),
        ({"NumericNotEquals": {"max": "10"}}, False),
        ({"IpAddress": {"ip": "192.0.2.0/24"}}, True),
        ({"NotIpAddress": {"ip": ["192.0.2.0/24"]}}, False),
        ({"NotIpAddress": {"ip": "198.51.100.0/24"}}, True),
        ({"ArnLike": {"arn": f"arn:aws:iam::{HERE}:role/*"}}, True),
        ({"ArnLike": {"arn": f"arn:aws:*:{HERE}:role/*"}}, False),  # a star doesn't reach over a colon
        ({"StringLike": {"arn": f"arn:aws:*:{HERE}:role/*"}}, True),
        ({"ArnEquals": {"arn": f"arn:aws:iam::{HERE}:role/x"}}, True),
        ({"ArnNotEquals": {"arn": f"arn:aws:iam::{HERE}:role/x"}}, False),
        ({"ArnNotLike": {"none": "arn:*:*:*:*:*"}}, True),
        ({"ArnLike": {"arn": "arn:aws:iam::${account}:role/x"}}, True),
        ({"ForAnyValue:StringEquals": {"many": ["x", "c"]}}, True),
        ({"ForAnyValue:StringEquals": {"many": ["x"]}}, False),
        ({"ForAnyValue:StringEquals": {"none": ["x"]}}, False),
        ({"ForAllValues:StringEquals": {"many": ["b", "c", "d"]}}, True),
        ({"ForAllValues:StringEquals": {"many": ["b"]}}, False),
        ({"ForAllValues:StringEquals": {"none": ["b"]}}, True),
        ({"ForAllValues:StringLike": {"many": ["?"]}}, True),
        ({"ForAnyValue:StringNotEquals": {"many": ["b"]}}, True),
        ({"ForAnyValue:StringNotEquals": {"many": ["b", "c"]}}, False),
        ({"StringEquals": {"owner": "${aws:username}"}}, True),
        ({"StringEquals": {"owner": "${none}"}}, False),
        ({"StringEquals": {"owner": "${none, 'ada'}"}}, True),
        ({"StringNotEquals": {"owner": "${none}"}}, True),
        ({"StringLike": {"star": "${*}"}}, True),
        ({"StringLike": {"k": "${*}"}}, False),
        ({}, True),
    ],
)
def test_conditions(block: Any, met: bool) -> None:
    context = {
        "k": "a",
        "path": "team/x",
        "tls": True,
        "now": AT,
        "max": 10,
        "ip": "192.0.2.7",
        "arn": f"arn:aws:iam::{HERE}:role/x",
        "many": ["b", "c"],
        "owner": "ada",
        "aws:username": "ada",
        "star": "*",
        "account": HERE,
        "none": None,
    }
    assert conditions_met(block, context) is met


@pytest.mark.parametrize(
    "block", [{"StringAlike": {"k": "a"}}, {"ForSome:StringEquals": {"k": "a"}}, {"StringEquals": {"m": "a"}}]
)
def test_what_aws_does_not_define_has_no_verdict(block: Any) -> None:
    with pytest.raises(Unjudged):
        conditions_met(block, {"k": "a", "m": ["a", "b"]})
    assert conditions_met({"StringEquals": {"k": "a"}}, {"k": "a", "m": ["a", "b"]})


def test_a_variable_is_literal_and_only_in_the_new_version() -> None:
    mine = allow(resource="arn:aws:s3:::home/${aws:username}/*")
    for name, allowed in (("ada", True), ("*", False)):
        context = {"aws:username": name}
        assert evaluate([policy(mine)], "s3:GetObject", "arn:aws:s3:::home/ada/x", context).allowed is allowed
    old = policy(mine, version="2008-10-17")
    assert not evaluate([old], "s3:GetObject", "arn:aws:s3:::home/ada/x", {"aws:username": "ada"})
    assert not evaluate([policy(mine)], "s3:GetObject", "arn:aws:s3:::home//x", {})
    assert matches_pattern("a${$}b", "a$b", context={})


def test_trust_names_an_account_a_user_a_role_or_nobody() -> None:
    other = Caller(f"arn:aws:iam::{THERE}:role/ci", "AROACI", "build")
    stranger = Caller("arn:aws:iam::555555555555:user/reader", "AIDASTRANGER")
    cases: list[tuple[Any, tuple[bool, bool, bool]]] = [
        (f"arn:aws:iam::{THERE}:root", (True, True, False)),
        (THERE, (True, True, False)),
        (READER.arn, (True, False, False)),
        (other.arn, (False, True, False)),
        (other.session_arn, (False, True, False)),
        ("AIDAREADER", (True, False, False)),
        ("AIDAGONE", (False, False, False)),
        ("*", (True, True, True)),
        ([READER.arn, stranger.arn], (True, False, True)),
        (f"arn:aws-cn:iam::{THERE}:root", (False, False, False)),
    ]
    for principal, expected in cases:
        found = role(trusts=policy(trust(principal)))
        assert tuple(bool(may_assume(found, who, at=AT)) for who in (READER, other, stranger)) == expected
    service = policy({**trust(), "Principal": {"Service": "ec2.amazonaws.com"}})
    assert may_assume(role(trusts=service), READER, at=AT).by == "trust"
    everybody = policy({**trust(), "Principal": "*"})
    assert may_assume(role(trusts=everybody), stranger, at=AT)


def test_the_external_id_and_the_window_of_a_trust_policy() -> None:
    opens, ends = AT, AT + timedelta(hours=1)
    trusts = policy(
        trust(
            Condition={
                "StringEquals": {"sts:ExternalId": "theirs"},
                "DateGreaterThanEquals": {"aws:CurrentTime": opens.isoformat()},
                "DateLessThan": {"aws:CurrentTime": ends.isoformat()},
            }
        )
    )
    found = role(trusts=quote(json.dumps(trusts)))
    found = Role(found.arn, found.unique_id, document_of(found.trust), (), None)
    second = timedelta(seconds=1)
    for external_id, at, allowed in [
        ("theirs", opens, True),
        ("theirs", ends - second, True),
        ("theirs", opens - second, False),
        ("theirs", ends, False),
        ("others", opens, False),
        (None, opens, False),
        ("Theirs", opens, False),
    ]:
        assert may_assume(found, READER, external_id=external_id, at=at).allowed is allowed
    assert not may_assume(found, READER, external_id="theirs", at=opens, action="sts:TagSession")


def test_the_callers_own_account_must_allow_it_too() -> None:
    asks = policy(allow("sts:AssumeRole", ROLE_ARN))
    for policies, expected in [
        ([asks], "allowed"),
        ([], "implicit_deny"),
        ([asks, policy(deny())], "explicit_deny"),
    ]:
        caller = Caller(READER.arn, READER.unique_id, policies=policies)
        assert may_assume(role(), caller, at=AT).why == expected
    own = Caller(f"arn:aws:iam::{HERE}:user/ben", "AIDABEN", policies=[])
    assert may_assume(role(trusts=policy(trust(own.arn))), own, at=AT)
    assert not may_assume(role(trusts=policy(trust(HERE))), own, at=AT)
    denied = Caller(own.arn, own.unique_id, policies=[policy(deny())])
    assert may_assume(role(trusts=policy(trust(own.arn))), denied, at=AT).why == "explicit_deny"


def test_not_principal_spares_who_is_named_in_every_form() -> None:
    def but(*names: str) -> Role:
        denied = {"Effect": "Deny", "NotPrincipal": {"AWS": list(names)}, "Action": "sts:AssumeRole"}
        return role(trusts=policy(trust(), denied))

    root = f"arn:aws:iam::{THERE}:root"
    assert may_assume(but(root, READER.arn), READER, at=AT)
    assert may_assume(but(READER.arn), READER, at=AT).why == "explicit_deny"
    assert may_assume(but(root), READER, at=AT).why == "explicit_deny"
    with pytest.raises(Unjudged):
        may_assume(role(trusts=policy({**trust(), "NotPrincipal": {"AWS": root}})), READER, at=AT)


def test_a_session_is_known_by_what_it_is() -> None:
    cut = deny(Condition={"StringLike": {"aws:userid": "AROAROLE:work"}})
    old = deny(Condition={"DateLessThan": {"aws:TokenIssueTime": (AT + timedelta(minutes=1)).isoformat()}})
    found = role(policy(allow(), cut))
    assert why(found) == "explicit_deny identity"
    other = found.session("other", issued_at=AT)
    assert decide(other, "s3:GetObject", f"{BUCKET}/a", at=AT)
    found = role(policy(allow(), old))
    assert why(found) == "explicit_deny identity"
    later = found.session("work", issued_at=AT + timedelta(minutes=2))
    assert decide(later, "s3:GetObject", f"{BUCKET}/a", at=AT + timedelta(minutes=2))


@pytest.mark.parametrize(
    "broken",
    [
        {"Effect": "Maybe", "Action": "*", "Resource": "*"},
        {"Effect": "Allow", "Resource": "*"},
        {"Effect": "Allow", "Action": "*", "NotAction": "*", "Resource": "*"},
        {"Effect": "Allow", "Action": "*"},
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"},
    ],
)
def test_a_broken_statement_has_no_verdict(broken: Any) -> None:
    with pytest.raises(Unjudged):
        evaluate([policy(broken)], "s3:GetObject", BUCKET, {})
    assert evaluate([policy(allow("*", "*"))], "s3:GetObject", BUCKET, {})
    with pytest.raises(Unjudged):
        document_of(7)


def test_a_trust_policy_names_no_resource() -> None:
    with pytest.raises(Unjudged):
        may_assume(role(trusts=policy(trust(Resource="*"))), READER, at=AT)
