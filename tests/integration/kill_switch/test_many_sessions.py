"""Many live sessions on one role or user, some cut off at random: exactly those are denied, by a stand-in that refuses.

The figures are printed (pytest -s), for docs/reliability.md.
"""

import json
import random
import sys
import time
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from brokers.aws.limits_iam import INLINE_CHARACTERS, MANAGED_POLICY_CHARACTERS
from brokers.types import PrincipalKind
from portal.access.models import DenyDocument, Revocation
from tests.integration.kill_switch.house import (
    FILLER,
    House,
    build_ports,
    living,
    on_a_role,
    on_the_hubs_user,
    table,
)
from tests.servers.aws_outcome import ALLOWED, DENIED
from tests.servers.sandbox import Sandbox

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("kill switch"),
    pytest.mark.timeout(900),
]
# How many sessions, and how many of them are cut off. Inline there is room for 40 on a user, and 188 on a role.
ON_A_ROLE = 500, 167
FEDERATED = 60, 50
BESIDE_ANOTHERS = 700


@pytest.mark.parametrize("room", [BESIDE_ANOTHERS, pytest.param(10_000, marks=pytest.mark.soak)])
def test_exactly_the_revoked_sessions_of_a_role_are_denied(
    stand_in: Sandbox, room: int, capsys: pytest.CaptureFixture[str]
) -> None:
    house = on_a_role(stand_in, build_ports(stand_in))
    iam = stand_in.root("iam", house.role.account.account_id)
    fill(iam, house, room)
    figures = prove(house, *ON_A_ROLE)
    if room == BESIDE_ANOTHERS:
        assert any(size.managed for size in house.sizes), "no overflow took place"
        assert FILLER in iam.list_role_policies(RoleName=house.role.name)["PolicyNames"]
    tell(house, figures, capsys)


def test_exactly_the_revoked_federation_tokens_are_denied(
    stand_in: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    house = on_the_hubs_user(stand_in, build_ports(stand_in))
    figures = prove(house, *FEDERATED)
    assert any(size.managed for size in house.sizes), "no overflow took place"
    tell(house, figures, capsys)


def fill(iam: Any, house: House, room: int) -> None:
    """Have somebody else's inline policy take all but about `room` characters."""
    names = iam.list_role_policies(RoleName=house.role.name)["PolicyNames"]
    taken = sum(
        len(json.dumps(iam.get_role_policy(RoleName=house.role.name, PolicyName=name)["PolicyDocument"]))
        for name in names
        if name != FILLER
    )
    arns = [f"arn:aws:s3:::somebody-elses-{number:05}/*" for number in range(500)]
    statement = {"Effect": "Allow", "Action": "s3:GetObjectTagging", "Resource": arns}
    while arns and len(json.dumps(statement)) > INLINE_CHARACTERS[PrincipalKind.ROLE] - taken - room:
        arns.pop()
    if FILLER in names:
        iam.delete_role_policy(RoleName=house.role.name, PolicyName=FILLER)
    if arns and room == BESIDE_ANOTHERS:
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
        iam.put_role_policy(RoleName=house.role.name, PolicyName=FILLER, PolicyDocument=document)


def prove(house: House, many: int, cut: int) -> dict[str, float]:
    """Issue `many`, revoke `cut` of them at random; return the seconds that each part took."""
    began = time.monotonic()
    house.issue(many)
    issued = time.monotonic()
    assert set(house.answers().values()) == {ALLOWED}
    revoked = random.Random(20).sample(sorted(house.sessions), cut)  # noqa: S311  # a sample, not a secret
    asked = time.monotonic()
    house.revoke(revoked, at_once=cut // 5 + 1)
    stood = time.monotonic()
    check_exactly(house, set(revoked))
    check_sizes(house)
    waits = [
        (row.applied_at - row.asked_at).total_seconds()
        for row in Revocation.objects.all()
        if row.applied_at is not None
    ]
    house.let_all_die()
    check_nothing_left(house)
    return {
        "issuing_s": round(issued - began, 1),
        "revoking_and_writing_s": round(stood - asked, 1),
        "longest_click_to_applied_s": round(max(waits), 2),
    }


def check_exactly(house: House, revoked: set[UUID]) -> None:
    """Those and no others: each by a call of its own, signed with its own credentials."""
    answers = house.answers()
    assert {grant for grant, said in answers.items() if said == DENIED} == revoked
    assert {grant for grant, said in answers.items() if said == ALLOWED} == answers.keys() - revoked
    assert living(answers.keys() - revoked) == len(answers) - len(revoked)
    assert Counter(Revocation.objects.values_list("state", flat=True)) == {"applied": len(revoked)}
    assert house.aws.deny.read(house.target).entries == {
        userid for row in Revocation.objects.all() for userid in row.userids
    }


def check_sizes(house: House) -> None:
    limit = INLINE_CHARACTERS[house.target.kind]
    assert all(size.inline + sum(size.managed) > 0 for size in house.sizes)
    assert max(size.inline for size in house.sizes) <= limit
    assert (
        max((part for size in house.sizes for part in size.managed), default=0) <= MANAGED_POLICY_CHARACTERS
    )


def check_nothing_left(house: House) -> None:
    """The longest lifetime is over: the deny is gone, inline and managed, and nothing of others'."""
    assert set(Revocation.objects.values_list("state", flat=True)) == {"cleaned"}
    iam = house.sandbox.root("iam", house.role.account.account_id)
    noun = house.target.kind.capitalize()
    who = {f"{noun}Name": house.role.name}
    assert "SallyportRevoked" not in getattr(iam, f"list_{noun.lower()}_policies")(**who)["PolicyNames"]
    attached = getattr(iam, f"list_attached_{noun.lower()}_policies")(**who)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached if "Revoked" in policy["PolicyName"]] == []
    mine = iam.list_policies(Scope="Local", PathPrefix="/sallyport/")["Policies"]
    assert [policy["PolicyName"] for policy in mine if "Revoked" in policy["PolicyName"]] == []
    assert DenyDocument.objects.get().entries == 0


def tell(house: House, figures: dict[str, float], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        limit = INLINE_CHARACTERS[house.target.kind]
        sys.stdout.write(f"\n{len(house.sessions)} sessions on {house.role.name}: {json.dumps(figures)}\n")
        sys.stdout.write(f"{table(house.sizes, inline_limit=limit)}\n")
