"""What a scope's parameters take: each refusal names the parameter, and has its accepted neighbour."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from portal.catalog.filling import FilledScope, fill_scope, parameter_fields, read_values
from portal.catalog.kinds import KINDS
from portal.catalog.models import AwsAccount, ScopeTemplate
from portal.catalog.scopes import validate_parameters, validate_placeholders

HERE = AwsAccount(name="Data", account_id="222222222222", partition="aws")
CHINA = AwsAccount(name="Shanghai", account_id="222222222222", partition="aws-cn")
REGION = "eu-central-1"
KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
HOSTILE = (
    *("*", "a*", "?", "${aws:username}", "{{aws_account}}", "a\nb", "abc\n", "a\x00b", 'a"b', "a\\b", "a b"),
    *("", None, 7, ["abc"], "\u0430bc", "abc\u200b", "arn:aws:*:::*", "../*", "x" * 600),
)
# Name, its ARN, and what the policy gets.
GOOD = [
    ("bucket_name", "acme.reports-1", "arn:aws:s3:::acme.reports-1"),
    ("table_name", "Orders_1.x", f"arn:aws:dynamodb:{REGION}:222222222222:table/Orders_1.x"),
    ("queue_name", "in.fifo", f"arn:aws:sqs:{REGION}:222222222222:in.fifo"),
    ("log_group", "/acme/import#1", f"arn:aws:logs:{REGION}:222222222222:log-group:/acme/import#1"),
    ("log_group", "/acme/import", f"arn:aws:logs:{REGION}:222222222222:log-group:/acme/import:*"),
    ("repository_name", "acme/importer", f"arn:aws:ecr:{REGION}:222222222222:repository/acme/importer"),
    ("secret", "acme/db", f"arn:aws:secretsmanager:{REGION}:222222222222:secret:acme/db-A1b2C3"),
    ("kms_key", KEY, f"arn:aws:kms:{REGION}:222222222222:key/{KEY}"),
    ("workgroup", "acme", f"arn:aws:athena:{REGION}:222222222222:workgroup/acme"),
    ("database_name", "reports", f"arn:aws:glue:{REGION}:222222222222:database/reports"),
]
REGIONAL = [case for case in GOOD if case[0] != "bucket_name"]


def read(kind: str, value: Any, account: AwsAccount = HERE, region: str | None = REGION) -> str:
    regions = {} if region is None else {"region": "region"}
    values = {"p": value} if region is None else {"p": value, "region": region}
    return read_values({"p": kind, **regions}, values, account)["p"]


def refused(kind: str, value: Any, **more: Any) -> str:
    with pytest.raises(ValidationError) as problem:
        read(kind, value, **more)
    assert set(problem.value.message_dict) == {"p"}
    (message,) = problem.value.message_dict["p"]
    assert message.startswith("p ")
    return str(message)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("value", HOSTILE)
def test_nothing_comes_in_that_widens(kind: str, value: Any) -> None:
    if value in ["a*", "?"]:
        assert "Wildcards" in refused(kind, value)
    refused(kind, value, region=None)
    parameters = {"p": kind}
    assert read_values(parameters, {"p": KINDS[kind].example}, HERE)["p"] == KINDS[kind].example


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a${aws:userid}", r"Policy variables"),
        ("a\nb", "Line breaks"),
        ("a?", "Wildcards"),
        ("Upper", "3 to 63 small letters"),
    ],
)
def test_a_refusal_says_why_and_what_is_allowed(value: str, words: str) -> None:
    message = refused("bucket_name", value)
    assert words in message
    assert "must be an S3 bucket name" in message


@pytest.mark.parametrize(("kind", "name", "arn"), GOOD)
def test_a_name_or_its_arn(kind: str, name: str, arn: str) -> None:
    assert read(kind, name) == name
    assert read(kind, arn) == name


@pytest.mark.parametrize(("kind", "name", "arn"), GOOD)
def test_no_arn_of_elsewhere(kind: str, name: str, arn: str) -> None:
    assert "partition aws-cn" in refused(kind, arn.replace("arn:aws:", "arn:aws-cn:"))
    assert "must be" in refused(kind, arn.replace(arn.split(":")[2], "iam", 1))
    assert "must be" in refused(kind, f"{arn}*")
    assert "must be" in refused(kind, f"{arn}\n")
    assert read(kind, arn) == name


@pytest.mark.parametrize(("kind", "name", "arn"), REGIONAL)
def test_no_arn_of_another_account_or_region(kind: str, name: str, arn: str) -> None:
    other = arn.replace("222222222222", "333333333333")
    assert "is an ARN of account 333333333333; it must be of 222222222222" in refused(kind, other)
    assert "(none)" in refused(kind, arn.replace("222222222222", ""))
    assert "is an ARN of region eu-west-1" in refused(kind, arn.replace(REGION, "eu-west-1"))
    assert "give the name" in refused(kind, arn, region=None)
    assert read(kind, arn) == name


def test_a_buckets_arn_has_no_account() -> None:
    assert "neither" not in refused("bucket_name", "arn:aws:s3:::a*")
    assert "a region or an account" in refused("bucket_name", "arn:aws:s3::222222222222:acme")
    assert "must be" in refused("bucket_name", "arn:aws:s3:::acme/secret")
    assert "must be" in refused("bucket_name", "arn:aws:s3")
    assert read("bucket_name", "arn:aws-cn:s3:::acme", CHINA, "cn-north-1") == "acme"


def test_a_folder_has_no_outer_slashes() -> None:
    assert read("folder", "/exchange/acme/") == "exchange/acme"
    refused("folder", "///")


@pytest.mark.parametrize(
    ("account", "region", "other"), [(HERE, "us-east-1", "cn-north-1"), (CHINA, "cn-north-1", "us-east-1")]
)
def test_a_region_is_of_the_accounts_partition(account: AwsAccount, region: str, other: str) -> None:
    with pytest.raises(ValidationError, match=f"region must be a region of partition {account.partition}"):
        read_values({"region": "region"}, {"region": other}, account)
    assert read_values({"region": "region"}, {"region": region}, account) == {"region": region}


def test_every_fault_is_named_at_once() -> None:
    parameters = {"bucket": "bucket_name", "region": "region"}
    with pytest.raises(ValidationError) as problem:
        read_values(parameters, {"bucket": "*", "more": "x"}, HERE)
    assert set(problem.value.message_dict) == {"bucket", "region", "more"}


def template(**changed: Any) -> ScopeTemplate:
    resource = "arn:{{aws_partition}}:sqs:{{region}}:{{aws_account}}:{{queue}}"
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": resource}
    return ScopeTemplate(
        **{
            "name": "Send",
            "summary": "Send to {{queue}} in {{aws_account}}",
            "policy": {"Version": "2012-10-17", "Statement": [statement]},
            "parameters": {"queue": "queue_name", "region": "region"},
            "managed_policy_arns": ["arn:{{aws_partition}}:iam::{{aws_account}}:policy/Send"],
            **changed,
        }
    )


def test_the_account_fills_what_is_its_own() -> None:
    values = {"queue": "in", "region": "cn-north-1"}
    filled = fill_scope(template=template(), values=values, account=CHINA)
    assert filled == FilledScope(
        policy={
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sqs:SendMessage",
                    "Resource": "arn:aws-cn:sqs:cn-north-1:222222222222:in",
                }
            ],
        },
        managed_policy_arns=("arn:aws-cn:iam::222222222222:policy/Send",),
        summary="Send to in in 222222222222",
    )
    with pytest.raises(ValidationError, match="no kind"):
        fill_scope(template=template(parameters={"queue": "queue_name"}), values=values, account=CHINA)


def test_the_accounts_names_are_nobody_elses() -> None:
    with pytest.raises(ValidationError, match="filled from the account"):
        validate_parameters({"aws_account": "region"})
    validate_parameters({"aws_accounts": "region"})
    validate_placeholders("{{aws_account}}{{aws_partition}}", "", {})
    with pytest.raises(ValidationError, match="aws_region"):
        validate_placeholders("{{aws_region}}", "", {})


def test_how_a_form_asks() -> None:
    asked = parameter_fields(template())
    assert [(each.name, each.label, each.kind) for each in asked] == [
        ("queue", "Queue", "queue_name"),
        ("region", "Region", "region"),
    ]
    assert asked[0].help_text.startswith("An SQS queue's name")
    assert asked[0].help_text.endswith("or its ARN.")
