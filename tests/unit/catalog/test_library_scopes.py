"""Every scope of the library: lints clean, allows what its words say, and no more."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from brokers.aws.analyst import Analyst
from brokers.types import Decision, Severity
from portal.catalog.filling import FilledScope, fill_scope
from portal.catalog.library import LIBRARY, LibraryScope
from portal.catalog.linting import check_scope_fit, lint_scope, read_template
from portal.catalog.models import AwsAccount, ScopeTemplate
from portal.kernel.errors import InvalidError
from tests.iam_evaluator import evaluate
from tests.unit.catalog.scope_cases import ALLOWED, REFUSED, REGION, VALUES, Call

HERE = AwsAccount(name="Data", account_id="222222222222", partition="aws")
KEYS = {each.key: each for each in LIBRARY}
# What AWS's ReadOnlyAccess has of what is asked here (version of September 2026).
READ_ONLY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                *(
                    "s3:Get*",
                    "s3:List*",
                    "dynamodb:Scan",
                    "ssm:Describe*",
                    "ssm:Get*",
                    "secretsmanager:List*",
                ),
                *(
                    "cognito-identity:GetCredentialsForIdentity",
                    "cognito-identity:GetOpenIdTokenForDeveloperIdentity",
                ),
            ],
            "Resource": "*",
        }
    ],
}


def template(scope: LibraryScope) -> ScopeTemplate:
    return ScopeTemplate(
        name=scope.name,
        summary=scope.summary,
        policy=scope.policy,
        parameters=dict(scope.parameters),
        managed_policy_arns=list(scope.managed_policy_arns),
        library_key=scope.key,
    )


def filled(key: str, /, **changed: str) -> FilledScope:
    return fill_scope(template=template(KEYS[key]), values={**VALUES[key], **changed}, account=HERE)


def test_every_scope_has_its_table() -> None:
    assert set(ALLOWED) == set(REFUSED) == set(KEYS)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_it_lints_clean(key: str) -> None:
    findings = lint_scope(filled(key).policy, account=HERE, analyst=Analyst())
    assert [each for each in findings if each.severity is not Severity.NOTE] == []
    assert check_scope_fit(filled(key).policy, account=HERE, analyst=Analyst()) == findings
    reading = read_template(template(KEYS[key]), analyst=Analyst())
    assert reading.errors == reading.warnings == []
    assert reading.access
    assert reading.characters < 2_048


@pytest.mark.parametrize(
    ("key", "asked", "is_allowed"),
    [
        *((key, each, True) for key, calls in ALLOWED.items() for each in calls),
        *((key, each, False) for key, calls in REFUSED.items() for each in calls),
    ],
    ids=lambda value: f"{value.action} {value.resource}" if isinstance(value, Call) else str(value),
)
def test_it_allows_what_its_words_say_and_no_more(key: str, asked: Call, is_allowed: bool) -> None:
    policies: list[Any] = [filled(key).policy, *([READ_ONLY] if key == "read-only-all" else [])]
    assert evaluate(policies, asked.action, asked.resource, asked.context).allowed is is_allowed
    decided = Analyst().decide(
        policies, action=asked.action, resource=asked.resource, context={"s3:prefix": "", **asked.context}
    )
    assert (decided is Decision.ALLOWED) is is_allowed


HOSTILE = [
    *("*", "a*", "acme?", "a\nb", "acme\n", "${aws:username}", "{{aws_account}}", 'a"b', "", "\u0430cme"),
    *("arn:aws:s3:::*", "arn:aws-cn:s3:::acme", "arn:aws:iam::222222222222:role/x"),
    f"arn:aws:dynamodb:{REGION}:333333333333:table/orders",
    f"arn:aws:sqs:{REGION}:333333333333:orders-in",
    f"arn:aws:kms:{REGION}:333333333333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    f"arn:aws-us-gov:logs:{REGION}:222222222222:log-group:/acme/import",
    f"arn:aws:secretsmanager:{REGION}:222222222222:secret:*",
]


@pytest.mark.parametrize("key", [each.key for each in LIBRARY if each.parameters])
def test_no_hostile_value_comes_in(key: str) -> None:
    for name in KEYS[key].parameters:
        for hostile in HOSTILE:
            with pytest.raises(ValidationError) as refused:
                filled(key, **{name: hostile})
            assert name in refused.value.message_dict, hostile
    assert filled(key).policy


def test_what_aws_would_not_take_is_not_granted() -> None:
    policy = filled("sqs-send").policy
    china = AwsAccount(name="Shanghai", account_id="222222222222", partition="aws-cn")
    with pytest.raises(InvalidError, match="never mix") as refused:
        check_scope_fit(policy, account=china, analyst=Analyst(), field="scope")
    assert refused.value.field == "scope"
    assert check_scope_fit(policy, account=HERE, analyst=Analyst()) == []
