"""Hosts and ARNs: each accepted form beside what looks like it."""

import pytest

from brokers.aws.partitions import (
    check_destination,
    check_managed_policy_arn,
    parse_role_arn,
    require_account_id,
    sign_in_origin,
)
from brokers.errors import LimitExceeded, NotPossible
from brokers.types import Partition

ROLE = "arn:aws:iam::123456789012:role/Developer"


@pytest.mark.parametrize(
    ("text", "path", "name"),
    [
        (ROLE, "/", "Developer"),
        ("arn:aws-cn:iam::123456789012:role/a/b-c/Dev+=,.@-_1", "/a/b-c/", "Dev+=,.@-_1"),
        ("arn:aws-us-gov:iam::123456789012:role/" + "r" * 64, "/", "r" * 64),
    ],
)
def test_a_role_arn_is_taken_apart_and_put_together(text: str, path: str, name: str) -> None:
    found = parse_role_arn(text)
    assert (found.partition, found.account_id, found.path, found.name) == (
        Partition(text.split(":")[1]),
        "123456789012",
        path,
        name,
    )
    assert str(found) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ROLE + "\n",
        "\n" + ROLE,
        ROLE + "*",
        ROLE.replace("Developer", "*"),
        ROLE.replace("Developer", "De?eloper"),
        ROLE.replace("Developer", "${aws:username}"),
        ROLE.replace("role/", "role/*/"),
        ROLE.replace("role/", "role//"),
        ROLE.replace("123456789012", "*"),
        ROLE.replace("123456789012", "12345678901"),
        ROLE.replace("123456789012", "12345678901٣"),
        ROLE.replace("123456789012", ""),
        ROLE.replace("arn:aws:", "arn:aws-iso:"),
        ROLE.replace("arn:aws:", "arn:*:"),
        ROLE.replace("iam", "sts"),
        ROLE.replace("iam::", "iam:us-east-1:"),
        ROLE.replace("role/", "user/"),
        "arn:aws:iam::123456789012:root",
        "arn:aws:sts::123456789012:assumed-role/Developer/me",
        ROLE.replace("Developer", "r" * 65),
        ROLE.replace("role/", f"role/{'p' * 2000}/"),
        ROLE.replace("Developer", "Dévelopér"),
        "/" * 3000,
    ],
)
def test_what_is_not_one_role_is_refused(text: str) -> None:
    with pytest.raises(LimitExceeded) as caught:
        parse_role_arn(text, field="role_arn")
    assert caught.value.field == "role_arn"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["arn:aws:iam::aws:policy/job-function/ViewOnlyAccess", "arn:aws:iam::123456789012:policy/a/b/C"]
)
def test_a_managed_policy_of_aws_or_of_the_roles_account(text: str) -> None:
    check_managed_policy_arn(text, partition=Partition.AWS, account_id="123456789012")
    check_managed_policy_arn(text, partition=Partition.AWS, account_id=None)


@pytest.mark.parametrize(
    "text",
    ["arn:aws:iam::aws:policy/*", "arn:aws:iam::aws:role/X", "arn:aws:iam::aws:policy/X\n", "x" * 3000, ""],
)
def test_what_is_not_one_managed_policy_is_refused(text: str) -> None:
    with pytest.raises(LimitExceeded, match="PolicyArns is"):
        check_managed_policy_arn(text, partition=Partition.AWS, account_id=None)


@pytest.mark.parametrize(
    ("partition", "host"),
    [
        (Partition.AWS, "console.aws.amazon.com"),
        (Partition.CHINA, "console.amazonaws.cn"),
        (Partition.US_GOV, "console.amazonaws-us-gov.com"),
    ],
)
def test_a_destination_is_on_its_own_partitions_console(partition: Partition, host: str) -> None:
    for destination in (
        f"https://{host}",
        f"https://{host}/s3/home?region=x#y",
        f"https://eu-west-1.{host}/ec2",
    ):
        check_destination(partition, destination)
        for other in set(Partition) - {partition}:
            with pytest.raises(NotPossible, match=f"A console destination of partition {other} is https://"):
                check_destination(other, destination)


@pytest.mark.parametrize(
    "destination",
    [
        "",
        "console.aws.amazon.com",
        "//console.aws.amazon.com/",
        "http://console.aws.amazon.com/",
        "javascript:alert(1)//console.aws.amazon.com",
        "https://console.aws.amazon.com.evil.example/",
        "https://evil.example/console.aws.amazon.com",
        "https://evilconsole.aws.amazon.com/",
        "https://a.b.console.aws.amazon.com/",
        "https://-.console.aws.amazon.com/",
        "https://.console.aws.amazon.com/",
        "https://CONSOLE.aws.amazon.com/",
        "https://console.aws.amazon.com:8443/",
        "https://console.aws.amazon.com:443/",
        "https://user@console.aws.amazon.com/",
        "https://console.aws.amazon.com@evil.example/",
        "https://console.aws.amazon.com\\@evil.example/",
        "https://evil.example\\.console.aws.amazon.com/",
        "https://console.aws.amazon.com./",
        "https:/\tconsole.aws.amazon.com/",
        " https://console.aws.amazon.com/",
        "https://console.aws.amazon.com/\n",
        "https://console.aws.amazon.com/é",
        "https://signin.aws.amazon.com/",
        "https://[console.aws.amazon.com/",
        "https://console.aws.amazon.com/" + "x" * 2048,
    ],
)
def test_what_a_browser_might_read_otherwise_is_refused(destination: str) -> None:
    with pytest.raises(NotPossible):
        check_destination(Partition.AWS, destination)


@pytest.mark.parametrize(
    ("partition", "region", "origin"),
    [
        (Partition.AWS, None, "https://signin.aws.amazon.com"),
        (Partition.AWS, "eu-west-1", "https://eu-west-1.signin.aws.amazon.com"),
        (Partition.CHINA, None, "https://signin.amazonaws.cn"),
        (Partition.CHINA, "cn-north-1", "https://cn-north-1.signin.amazonaws.cn"),
        (Partition.US_GOV, None, "https://signin.amazonaws-us-gov.com"),
        (Partition.US_GOV, "us-gov-west-1", "https://us-gov-west-1.signin.amazonaws-us-gov.com"),
    ],
)
def test_sign_in_origins(partition: Partition, region: str | None, origin: str) -> None:
    assert sign_in_origin(partition, region) == origin


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "evil.example/", "", "eu-west-1\n"])
def test_a_sign_in_region_is_of_the_partition(region: str) -> None:
    with pytest.raises(LimitExceeded, match="a region of partition aws"):
        sign_in_origin(Partition.AWS, region)


def test_account_ids_are_twelve_digits() -> None:
    assert require_account_id("012345678901") == "012345678901"
    for wrong in ("", "12345678901", "1234567890123", "12345678901٣", "123456789012\n"):
        with pytest.raises(LimitExceeded):
            require_account_id(wrong)
