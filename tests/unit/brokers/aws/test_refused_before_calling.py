"""Every limit of an STS call that the broker makes: at the limit it goes out, one over it is never sent."""

from datetime import timedelta
from typing import Any

import pytest

from brokers.aws.partitions import parse_role_arn
from brokers.aws.session_names import TAG_GRANT
from brokers.aws.session_policy import federation_session_policy, role_session_policy
from brokers.errors import LimitExceeded, NotPossible
from brokers.types import Partition, Scope
from tests.unit.brokers.aws.fakes import (
    ACCOUNT,
    END,
    NOW,
    ROLE_ARN,
    RecordingSts,
    broker,
    role_call,
    token_call,
)

SECOND = timedelta(seconds=1)
UUID = "0b7e4f5a-0000-4000-8000-000000000001"


def managed(count: int, *, length: int = 40) -> tuple[str, ...]:
    stem = f"arn:aws:iam::{ACCOUNT}:policy/"
    return tuple(f"{stem}{n:0{length - len(stem)}d}" for n in range(count))


def filling(size: int, arns: tuple[str, ...] = (), *, federation: bool = False) -> Scope:
    """Return a scope whose session policy, with `arns`, is exactly `size` characters."""

    def scope_of(padding: int) -> Scope:
        statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "x" * padding}
        return Scope({"Version": "2012-10-17", "Statement": [statement]}, arns)

    if federation:
        made = federation_session_policy(scope_of(1), ends_at=END, partition=Partition.AWS)
    else:
        made = role_session_policy(scope_of(1), ends_at=END, role=parse_role_arn(ROLE_ARN))
    return scope_of(1 + size - len(made) - sum(map(len, arns)))


# field, what fits, what doesn't, what the error says of the value, what it says of the limit
ROLE_LIMITS: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    (
        "RoleSessionName",
        {"session_name": "ab"},
        {"session_name": "a"},
        "'a'",
        r"2 to 64 characters of [\w+=,.@-]",
    ),
    (
        "RoleSessionName",
        {"session_name": "a" * 64},
        {"session_name": "a" * 65},
        f"'{'a' * 40}'… (65 characters)",
        r"2 to 64 characters of [\w+=,.@-]",
    ),
    (
        "RoleSessionName",
        {"session_name": "Az0_+=,.@-"},
        {"session_name": "a b"},
        "'a b'",
        r"2 to 64 characters of [\w+=,.@-]",
    ),
    (
        "RoleSessionName",
        {"session_name": "ab"},
        {"session_name": "ab\n"},
        r"'ab\n'",
        r"2 to 64 characters of [\w+=,.@-]",
    ),
    (
        "RoleSessionName",
        {"session_name": "ae"},
        {"session_name": "aé"},
        r"'a\xe9'",
        r"2 to 64 characters of [\w+=,.@-]",
    ),
    (
        "SourceIdentity",
        {"source_identity": "ab"},
        {"source_identity": "a"},
        "'a'",
        r"2 to 64 characters of [\w+=,.@-]",
    ),
    (
        "SourceIdentity",
        {"source_identity": "a" * 64},
        {"source_identity": "a" * 65},
        f"'{'a' * 40}'… (65 characters)",
        r"2 to 64 characters of [\w+=,.@-]",
    ),
    (
        "ExternalId",
        {"external_id": "ab"},
        {"external_id": "a"},
        "'a'",
        r"2 to 1,224 characters of [\w+=,.@:\/-]",
    ),
    (
        "ExternalId",
        {"external_id": "a:/" * 408},
        {"external_id": "a:/" * 408 + "a"},
        f"'{('a:/' * 14)[:40]}'… (1225 characters)",
        r"2 to 1,224 characters of [\w+=,.@:\/-]",
    ),
    (
        "ExternalId",
        {"external_id": "a:/"},
        {"external_id": "a;b"},
        "'a;b'",
        r"2 to 1,224 characters of [\w+=,.@:\/-]",
    ),
    ("DurationSeconds", {"duration": 900 * SECOND}, {"duration": 899 * SECOND}, "899 s", "900 to 43,200 s"),
    (
        "DurationSeconds",
        {"duration": 43_200 * SECOND},
        {"duration": 43_201 * SECOND},
        "43,201 s",
        "900 to 43,200 s",
    ),
    (
        "DurationSeconds",
        {"duration": 7_200 * SECOND, "max_session": 7_200 * SECOND},
        {"duration": 7_201 * SECOND, "max_session": 7_200 * SECOND},
        "7,201 s",
        "900 to 7,200 s",
    ),
    (
        "MaxSessionDuration",
        {"max_session": 3_600 * SECOND},
        {"max_session": 3_599 * SECOND},
        "3,599 s",
        "3,600 to 43,200 s",
    ),
    (
        "MaxSessionDuration",
        {"max_session": 43_200 * SECOND},
        {"max_session": 43_201 * SECOND},
        "43,201 s",
        "3,600 to 43,200 s",
    ),
    (
        "Policy",
        {"scope": filling(2_048)},
        {"scope": filling(2_049)},
        "2,049 characters",
        "at most 2,048 characters",
    ),
    (
        "Policy",
        {"scope": filling(2_048, managed(10))},
        {"scope": filling(2_049, managed(10))},
        "2,049 characters",
        "at most 2,048 characters",
    ),
    (
        "PolicyArns",
        {"scope": Scope(managed_policy_arns=managed(10))},
        {"scope": Scope(managed_policy_arns=managed(11))},
        "11 managed policies",
        "at most 10 managed policies",
    ),
    (
        "DurationSeconds",
        {"ends_at": NOW + 3_540 * SECOND},
        {"ends_at": NOW + 3_539 * SECOND},
        "3,600 s",
        "up to the grant's end at 2031-05-06T08:07:08Z",
    ),
    (
        "DurationSeconds",
        {"ends_at": NOW + SECOND, "duration": 900 * SECOND},
        {"ends_at": NOW + SECOND, "duration": 901 * SECOND},
        "901 s",
        "up to the grant's end at 2031-05-06T07:08:10Z",
    ),
    (
        "Tags",
        {"tags": {TAG_GRANT: UUID}},
        {"tags": {"Owner": UUID}},
        "'Owner'",
        "the keys SallyportGrant, SallyportPartner, SallyportPerson",
    ),
]
TOKEN_LIMITS: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("Name", {"name": "ab"}, {"name": "a"}, "'a'", r"2 to 32 characters of [\w+=,.@-]"),
    ("Name", {"name": "a" * 32}, {"name": "a" * 33}, f"'{'a' * 33}'", r"2 to 32 characters of [\w+=,.@-]"),
    ("Name", {"name": "a-b"}, {"name": "a/b"}, "'a/b'", r"2 to 32 characters of [\w+=,.@-]"),
    ("DurationSeconds", {"duration": 900 * SECOND}, {"duration": 899 * SECOND}, "899 s", "900 to 129,600 s"),
    (
        "DurationSeconds",
        {"duration": 129_600 * SECOND},
        {"duration": 129_601 * SECOND},
        "129,601 s",
        "900 to 129,600 s",
    ),
    (
        "Policy",
        {"scope": filling(2_048, federation=True)},
        {"scope": filling(2_049, federation=True)},
        "2,049 characters",
        "at most 2,048 characters",
    ),
    (
        "PolicyArns",
        {"scope": Scope(managed_policy_arns=managed(10))},
        {"scope": Scope(managed_policy_arns=managed(11))},
        "11 managed policies",
        "at most 10 managed policies",
    ),
    (
        "DurationSeconds",
        {"ends_at": NOW + 3_540 * SECOND},
        {"ends_at": NOW + 3_539 * SECOND},
        "3,600 s",
        "up to the grant's end at 2031-05-06T08:07:08Z",
    ),
]


@pytest.mark.parametrize(("field", "fits", "over", "value", "limit"), ROLE_LIMITS)
def test_assume_role(field: str, fits: dict[str, Any], over: dict[str, Any], value: str, limit: str) -> None:
    sts = RecordingSts()
    broker(sts).assume_role(role_call(**fits))
    assert len(sts.calls) == 1
    with pytest.raises(LimitExceeded) as caught:
        broker().assume_role(role_call(**over))
    assert (caught.value.field, caught.value.value, caught.value.limit) == (field, value, limit)
    assert str(caught.value) == f"{field} is {value}; allowed is {limit}"


@pytest.mark.parametrize(("field", "fits", "over", "value", "limit"), TOKEN_LIMITS)
def test_get_federation_token(
    field: str, fits: dict[str, Any], over: dict[str, Any], value: str, limit: str
) -> None:
    sts = RecordingSts()
    broker(sts).get_federation_token(token_call(**fits))
    assert len(sts.calls) == 1
    with pytest.raises(LimitExceeded) as caught:
        broker().get_federation_token(token_call(**over))
    assert (caught.value.field, caught.value.value, caught.value.limit) == (field, value, limit)


def test_an_hour_at_most_when_roles_are_chained() -> None:
    sts = RecordingSts()
    broker(sts, temporary=True).assume_role(role_call(duration=3_600 * SECOND))
    assert sts.calls[0]["DurationSeconds"] == 3_600
    with pytest.raises(LimitExceeded) as caught:
        broker(temporary=True).assume_role(role_call(duration=3_601 * SECOND))
    assert str(caught.value) == "DurationSeconds is 3,601 s; allowed is 900 to 3,600 s when roles are chained"
    unchained = RecordingSts()
    broker(unchained).assume_role(role_call(duration=3_601 * SECOND))
    with pytest.raises(LimitExceeded, match=r"allowed is 900 to 3,600 s$"):
        broker(temporary=True).assume_role(role_call(duration=3_601 * SECOND, max_session=3_600 * SECOND))


def test_federation_is_not_possible_on_temporary_hub_credentials() -> None:
    with pytest.raises(NotPossible, match="long-lived access key"):
        broker(temporary=True).get_federation_token(token_call())
    broker(RecordingSts()).get_federation_token(token_call())


@pytest.mark.parametrize("late", [timedelta(0), -SECOND])
def test_no_session_of_a_grant_that_is_over(late: timedelta) -> None:
    with pytest.raises(NotPossible, match="The grant ended at 2031-05-06T07:08:0"):
        broker().assume_role(role_call(ends_at=NOW + late))
    with pytest.raises(NotPossible, match="The grant ended at 2031-05-06T07:08:0"):
        broker().get_federation_token(token_call(ends_at=NOW + late))


def test_an_end_without_a_time_zone_is_refused() -> None:
    with pytest.raises(NotPossible, match="no time zone"):
        broker().assume_role(role_call(ends_at=END.replace(tzinfo=None)))


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_partitions_never_mix(partition: str) -> None:
    elsewhere = ROLE_ARN.replace("arn:aws:", f"arn:{partition}:")
    with pytest.raises(NotPossible, match=f"The role is in partition {partition}, not aws"):
        broker().assume_role(role_call(role_arn=elsewhere))
    with pytest.raises(NotPossible, match=f"The federated user is in partition {partition}"):
        broker().get_federation_token(token_call(partition=Partition(partition)))
    foreign = Scope(managed_policy_arns=(f"arn:{partition}:iam::aws:policy/ReadOnlyAccess",))
    with pytest.raises(NotPossible, match=f"The managed policy is in partition {partition}"):
        broker().assume_role(role_call(scope=foreign))


def test_managed_policies_come_from_the_roles_account_or_from_aws() -> None:
    sts = RecordingSts()
    own = (f"arn:aws:iam::{ACCOUNT}:policy/path/Own", "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess")
    broker(sts).assume_role(role_call(scope=Scope(managed_policy_arns=own)))
    assert sts.calls[0]["PolicyArns"] == [{"arn": own[0]}, {"arn": own[1]}]
    other = Scope(managed_policy_arns=("arn:aws:iam::333333333333:policy/Other",))
    with pytest.raises(NotPossible, match="in account 333333333333"):
        broker().assume_role(role_call(scope=other))


def test_a_fraction_of_a_second_is_dropped() -> None:
    sts = RecordingSts()
    broker(sts).assume_role(role_call(duration=timedelta(seconds=900.9)))
    assert sts.calls[0]["DurationSeconds"] == 900
