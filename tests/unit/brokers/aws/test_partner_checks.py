"""What a partner's role may never be, and its neighbour that may."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from brokers.aws.checks import iam_size
from brokers.aws.partner_checks import check_spec, plain_description
from brokers.aws.partner_names import role_name, tag_of, twin_name
from brokers.aws.role_policies import RolePolicies
from brokers.aws.session_names import grant_of
from brokers.errors import LimitExceeded, NotPossible
from brokers.types import AcceptedExternalId, AccountPlace, Partition, PartnerRoleSpec
from tests.unit.brokers.aws.partner_specs import (
    ACCOUNT,
    CURRENT,
    END,
    GRANT,
    NAME,
    OLD,
    PLACE,
    ROOT,
    SCOPE,
    START,
    THEIRS,
    spec,
)


def scope_of(length: int) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "x" * length}],
    }


@pytest.mark.parametrize(
    "principal",
    [
        ROOT,
        f"arn:aws:iam::{THEIRS}:role/ci",
        f"arn:aws:iam::{THEIRS}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Dev_0123456789abcdef",
        f"arn:aws:iam::{THEIRS}:user/team/ann@acme.example",
    ],
)
def test_an_account_or_one_role_or_user_of_it_may_come_in(principal: str) -> None:
    check_spec(spec(principal_arn=principal))


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        THEIRS,
        f"arn:aws:iam::{THEIRS}:*",
        f"arn:aws:iam::{THEIRS}:role/*",
        f"arn:aws:iam::{THEIRS}:role/ci?",
        f"arn:aws:iam::{THEIRS}:role/ci\n",
        f"arn:aws:iam::{THEIRS}:role/bücher",
        f"arn:aws:iam::{THEIRS}:user/bücher/ann",
        f"{ROOT}\n",
        f" {ROOT}",
        f"arn:aws:iam::{THEIRS}:root/x",
        "arn:aws:iam::*:root",
        "arn:aws:iam::33333333333:root",
        "arn:aws:iam::３３３３３３３３３３３３:root",  # noqa: RUF001  # digits that AWS doesn't know
        f"arn:aws:iam::{THEIRS}:group/all",
        f"arn:aws:sts::{THEIRS}:assumed-role/ci/job",
        f"arn:aws:sts::{THEIRS}:federated-user/ann",
        f"arn:aws:iam::{THEIRS}:role/{'x' * 65}",
        f"arn:aws:iam::{THEIRS}:role/{'p/' * 250}{'x' * 64}",
        f"arn:aws:iam::{THEIRS}:user/${{aws:username}}",
        "arn:*:iam::333333333333:root",
        "",
    ],
)
def test_nothing_wider_or_other_may(principal: str) -> None:
    with pytest.raises(LimitExceeded) as caught:
        check_spec(spec(principal_arn=principal))
    assert caught.value.field == "Principal"


@pytest.mark.parametrize(
    ("principal", "why"),
    [
        (f"arn:aws-cn:iam::{THEIRS}:root", "partition"),
        (f"arn:aws:iam::{ACCOUNT}:root", "from another"),
        (f"arn:aws:iam::{ACCOUNT}:role/ci", "from another"),
    ],
)
def test_nobody_of_another_partition_or_of_our_own_account_may(principal: str, why: str) -> None:
    with pytest.raises(NotPossible, match=why):
        check_spec(spec(principal_arn=principal))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"path": "/sallyport/partners/"}, "Path"),
        ({"path": "/sallyport/partners/acme/x/"}, "Path"),
        ({"path": "/sallyport/partners/*/"}, "Path"),
        ({"path": "/sallyport/"}, "Path"),
        ({"path": "/"}, "Path"),
        ({"name": "Developer"}, "RoleName"),
        ({"name": twin_name(GRANT)}, "RoleName"),
        ({"name": "x" * 65}, "RoleName"),
        ({"max_session": timedelta(minutes=59)}, "MaxSessionDuration"),
        ({"max_session": timedelta(hours=12, seconds=1)}, "MaxSessionDuration"),
        ({"external_ids": (AcceptedExternalId("x"),)}, "ExternalId"),
        ({"external_ids": (AcceptedExternalId("a b"),)}, "ExternalId"),
        ({"external_ids": (AcceptedExternalId("${aws:username}"),)}, "ExternalId"),
        ({"external_ids": (AcceptedExternalId("abc*"),)}, "ExternalId"),
        ({"managed_policy_arns": ("arn:aws:iam::aws:policy/*",)}, "PolicyArns"),
        ({"tags": {"aws:x": "y"}}, "Tags.Key"),
        ({"tags": {"AWS:x": "y"}}, "Tags.Key"),
        ({"tags": {"Why": "a\nb"}}, "Tags.Value"),
        ({"tags": {"Why": "x" * 257}}, "Tags.Value"),
        ({"tags": {"x" * 129: ""}}, "Tags.Key"),
        ({"tags": {f"t{number}": "" for number in range(50)}}, "Tags"),
        (
            {"managed_policy_arns": tuple(f"arn:aws:iam::aws:policy/P{n}" for n in range(11))},
            "Managed policies of a role",
        ),
    ],
)
def test_iams_limits_are_kept_before_any_call(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(LimitExceeded) as caught:
        check_spec(spec(**changes))
    assert caught.value.field == field


@pytest.mark.parametrize(
    "changes",
    [
        {"max_session": timedelta(hours=12)},
        {"tags": {f"t{number}": "x" * 256 for number in range(49)}},
        {"managed_policy_arns": tuple(f"arn:aws:iam::aws:policy/P{n}" for n in range(10))},
        {"policy": None, "managed_policy_arns": ("arn:aws:iam::aws:policy/ReadOnlyAccess",)},
        {"tags": {"SallyportGrant": str(GRANT)}},
        {"external_ids": (AcceptedExternalId(CURRENT), AcceptedExternalId(OLD, END - timedelta(days=1)))},
    ],
)
def test_up_to_the_limit_all_is_well(changes: dict[str, Any]) -> None:
    check_spec(spec(**changes))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"place": AccountPlace(Partition.AWS, ACCOUNT, "")}, "connect it first"),
        ({"place": AccountPlace(Partition.AWS, THEIRS, PLACE.via_role_arn)}, "in account"),
        (
            {"place": AccountPlace(Partition.CHINA, ACCOUNT, PLACE.via_role_arn)},
            "The provisioner role.*partition",
        ),
        ({"ends_at": START}, "window is empty"),
        ({"starts_at": END + timedelta(seconds=1)}, "window is empty"),
        ({"ends_at": START + timedelta(milliseconds=900)}, "window is empty"),
        ({"starts_at": datetime(2031, 1, 1)}, "time zone"),  # noqa: DTZ001  # that is the point
        ({"ends_at": datetime(2032, 1, 1)}, "time zone"),  # noqa: DTZ001  # as above
        ({"external_ids": ()}, "at least one ExternalId"),
        ({"external_ids": (AcceptedExternalId(OLD, START),)}, "at least one ExternalId"),
        ({"external_ids": (AcceptedExternalId(CURRENT), AcceptedExternalId(CURRENT, END))}, "once"),
        ({"policy": None}, "has a scope"),
        ({"policy": {"Version": "2008-10-17", "Statement": SCOPE["Statement"]}}, "Version"),
        ({"managed_policy_arns": ("arn:aws:iam::333333333333:policy/Theirs",)}, "account"),
        ({"managed_policy_arns": ("arn:aws-cn:iam::aws:policy/P",)}, "partition"),
        ({"managed_policy_arns": ("arn:aws:iam::aws:policy/P",) * 2}, "once"),
        ({"tags": {"SallyportGrant": str(uuid4())}}, "another grant"),
        ({"tags": {"why": "a", "Why": "b"}}, "upper and lower"),
    ],
)
def test_what_would_never_be_right_is_refused_in_words(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(NotPossible, match=why):
        check_spec(spec(**changes))


def test_the_inline_policy_leaves_room_for_the_deny_that_closes_the_role() -> None:
    bare = check_spec(spec(policy=scope_of(1))).inline - 1
    full = check_spec(spec(policy=scope_of(10_240 - bare)))
    assert (full.inline, full.inline_limit) == (10_240, 10_240)
    closing = iam_size(json.dumps(RolePolicies().permissions(spec(policy=scope_of(10_240 - bare)))))
    assert closing < 10_240 - 100
    with pytest.raises(LimitExceeded, match="Inline policy"):
        check_spec(spec(policy=scope_of(10_241 - bare)))


def test_a_trust_policy_over_2048_characters_is_refused() -> None:
    def sized(length: int) -> PartnerRoleSpec:
        return spec(external_ids=(AcceptedExternalId("x" * 1000), AcceptedExternalId("y" * length)))

    least = check_spec(sized(2))
    room = least.trust_limit - least.trust + 2
    assert check_spec(sized(room)).trust == least.trust_limit
    with pytest.raises(LimitExceeded, match="Trust policy"):
        check_spec(sized(room + 1))


def test_a_description_is_brought_into_iams_characters() -> None:
    assert plain_description("Łódź\nreads\x00\u2028x · café") == "?ód? reads? x · café"
    assert plain_description("x" * 1001) == "x" * 1000


def test_names_are_one_to_one_and_never_mixed() -> None:
    one, other = uuid4(), uuid4()
    names = {role_name(one), role_name(other), twin_name(one), twin_name(other)}
    assert len(names) == 4
    assert all(len(name) <= 64 for name in names)
    assert grant_of(role_name(one)) == one
    assert grant_of(twin_name(one)) is None
    assert tag_of(role_name(one)) == {"SallyportGrant": str(one)}
    assert tag_of(twin_name(one)) == {"SallyportTwin": str(one)}
    assert tag_of("Developer") == {}
    assert role_name(UUID(int=0)) != role_name(UUID(int=1))
    assert role_name(GRANT) == NAME
