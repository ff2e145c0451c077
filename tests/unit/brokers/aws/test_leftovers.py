"""Whose denies the managed policies under the portal's path hold, and which of them are the portal's own."""

from typing import Any, cast

import pytest

from brokers.aws.account_access import AccountAccess
from brokers.aws.leftovers import AccountPolicies
from brokers.errors import AwsAccessDenied
from brokers.types import DenyTarget, OwnPolicy, Partition, PrincipalKind
from tests.unit.brokers.aws.fake_iam import client_error

TARGET = DenyTarget(Partition.AWS, "222222222222", PrincipalKind.ROLE, "Any")
MINE = "Written by Sallyport: ends sessions of {}. Don't change it by hand."


class FakePolicies:
    """An account's policies, two on a page. `described`: what GetPolicy says; others are gone by then."""

    def __init__(self, names: list[str], described: dict[str, str], *, path: str = "/sallyport/") -> None:
        self.names, self.described, self.path = names, described, path
        self.refuse = ""

    def iam(self, target: DenyTarget) -> Any:
        assert target == TARGET
        return self

    def list_policies(self, *, Scope: str, PathPrefix: str, Marker: str = "0") -> Any:  # noqa: N803  # AWS's own
        assert (Scope, PathPrefix) == ("Local", "/sallyport/")
        if self.refuse:
            raise client_error(self.refuse, 403)
        start = int(Marker)
        page = [
            {
                "PolicyName": name,
                "Path": self.path,
                "Arn": f"arn:aws:iam::222222222222:policy{self.path}{name}",
                "AttachmentCount": 1,
            }
            for name in self.names[start : start + 2]
        ]
        more = start + 2 < len(self.names)
        return {"Policies": page, "IsTruncated": more, **({"Marker": str(start + 2)} if more else {})}

    def get_policy(self, *, PolicyArn: str) -> Any:  # noqa: N803  # AWS's own
        name = PolicyArn.rpartition("/")[2]
        if name not in self.described:
            raise client_error("NoSuchEntity", 404)
        return {"Policy": {"Description": self.described[name]}}


def listed(fake: FakePolicies) -> list[OwnPolicy]:
    return list(AccountPolicies(cast("AccountAccess", fake)).own_policies(TARGET))


def test_each_is_told_by_its_name_and_by_the_description_that_the_portal_gives() -> None:
    role, user, forged = (
        "SallyportRevoked-role-My-Reader-10",
        "SallyportRevoked-user-hub-1",
        "SallyportRevoked-role-X-2",
    )
    fake = FakePolicies(
        [user, "Other", forged, role, "SallyportRevoked-role-Y-11"],
        {role: MINE.format("role My-Reader"), user: MINE.format("user hub"), forged: "mine"},
    )
    assert listed(fake) == [
        OwnPolicy("Other", 1, is_own=False),
        OwnPolicy(role, 1, True, PrincipalKind.ROLE, "My-Reader"),
        OwnPolicy(forged, 1, is_own=False),
        OwnPolicy("SallyportRevoked-role-Y-11", 1, is_own=False),
        OwnPolicy(user, 1, True, PrincipalKind.USER, "hub"),
    ]


def test_what_goes_meanwhile_is_left_out_and_deeper_paths_are_others() -> None:
    name = "SallyportRevoked-role-Reader-1"
    assert listed(FakePolicies([name], {})) == []
    deeper = FakePolicies([name], {name: MINE.format("role Reader")}, path="/sallyport/x/")
    assert listed(deeper) == [OwnPolicy(name, 1, is_own=False)]


def test_a_refusal_is_the_brokers_own_error() -> None:
    fake = FakePolicies(["a"], {})
    fake.refuse = "AccessDenied"
    with pytest.raises(AwsAccessDenied):
        listed(fake)
