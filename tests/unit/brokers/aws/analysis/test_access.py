"""What a policy lets somebody do, as it is told before anybody says yes."""

from typing import Any

from brokers.aws.analyst import Analyst
from brokers.types import ServiceAccess

ALLOW = {"Effect": "Allow", "Resource": "*"}


def access(*statements: Any) -> list[ServiceAccess]:
    return list(Analyst().access({"Version": "2012-10-17", "Statement": list(statements)}))


def test_a_row_for_each_service_of_a_statement() -> None:
    arn = "arn:aws:s3:::reports/*"
    rows = access(
        {"Effect": "Allow", "Action": ["s3:GetObject", "S3:putobject", "sqs:SendMessage"], "Resource": arn}
    )
    assert rows == [
        ServiceAccess("s3", "Amazon S3", {"Read": ("GetObject",), "Write": ("PutObject",)}, (arn,)),
        ServiceAccess("sqs", "Amazon SQS", {"Write": ("SendMessage",)}, (arn,)),
    ]


def test_wildcards_are_written_out_and_many_are_counted() -> None:
    (row,) = access(ALLOW | {"Action": "sqs:*"})
    assert set(row.levels) == {"Read", "Write", "Tagging", "Permissions"}
    assert row.levels["Tagging"] == ("TagQueue", "UntagQueue")
    (many,) = access(ALLOW | {"Action": "ec2:*"})
    assert len(many.levels["Write"]) == 13
    assert many.levels["Write"][-1].endswith(" more")


def test_everything_and_all_but_are_said_as_such() -> None:
    (row,) = access(ALLOW | {"Action": "*"}, ALLOW | {"Effect": "Deny", "Action": "iam:*"})
    assert (row.service, row.levels, row.conditions) == ("*", {"Everything": ("*",)}, ("never iam:*",))
    (row,) = access({"Effect": "Allow", "NotAction": ["iam:*"], "NotResource": "arn:aws:s3:::a"})
    assert row.levels == {"Everything but": ("iam:*",)}
    assert row.resources == ("all but arn:aws:s3:::a",)


def test_what_is_denied_is_not_told_as_allowed() -> None:
    deny = {"Effect": "Deny", "Action": "sqs:*Queue", "Resource": "*"}
    (row,) = access(ALLOW | {"Action": ["sqs:DeleteQueue", "sqs:SendMessage"]}, deny)
    assert row.levels == {"Write": ("SendMessage",)}
    assert access(ALLOW | {"Action": "sqs:DeleteQueue"}, deny) == []
    partly = deny | {"Resource": "arn:aws:sqs:eu-central-1:222222222222:in"}
    when = deny | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    (row,) = access(ALLOW | {"Action": "sqs:DeleteQueue"}, partly, when)
    assert row.conditions == (
        "never sqs:*Queue on arn:aws:sqs:eu-central-1:222222222222:in",
        "never sqs:*Queue when aws:SecureTransport is false",
    )
    assert access(ALLOW | {"Action": "s3:GetObject"}, partly)[0].conditions == ()
    but = {"Effect": "Deny", "NotAction": "s3:*", "NotResource": "arn:aws:s3:::a"}
    assert access(ALLOW | {"Action": "s3:GetObject"}, but)[0].conditions == (
        "never all but s3:* on all but arn:aws:s3:::a",
    )


def test_conditions_are_told_in_words() -> None:
    condition = {
        "StringLike": {"s3:prefix": ["a/*", "b/*"]},
        "StringEqualsIfExists": {"aws:ResourceAccount": "222222222222"},
        "Null": {"aws:TokenIssueTime": "true"},
        "ForAllValues:StringEquals": {"aws:TagKeys": "a"},
        "NumericLessThan": {"s3:max-keys": "10"},
    }
    (row,) = access(ALLOW | {"Action": "s3:ListBucket", "Condition": condition})
    assert row.conditions == (
        "only when s3:prefix fits a/* or b/*",
        "only when aws:ResourceAccount is 222222222222, where AWS tells it",
        "only when aws:TokenIssueTime is not told",
        "only when each of aws:TagKeys is a",
        "only when s3:max-keys NumericLessThan 10",
    )


def test_what_the_table_lacks_is_told_as_unknown() -> None:
    rows = access(ALLOW | {"Action": ["s3:Newest", "newest:Do"]})
    assert [(row.name, row.levels) for row in rows] == [
        ("Amazon S3", {"Unknown": ("Newest",)}),
        ("newest", {"Unknown": ("Do",)}),
    ]
