"""Drift of each kind, planted by hand in AWS: found by the next look, put right on a word, and no neighbour touched."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from portal.access.models import Alarm, PartnerRole, RoleDrift
from portal.access.operations.drift.decide_drift import accept_drift, repair_drift
from portal.access.operations.drift.remove_orphans import remove_orphans
from tests.integration.brokers.aws.estate import OTHER_BUCKET, allow, policy
from tests.integration.brokers.aws.partner_estate import BOUNDARY, PARTNER, STRANGER
from tests.integration.partners.by_hand.shared import PATH, Shared
from tests.partner_world import SHELL
from tests.servers.aws_outcome import ALLOWED, DENIED

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.xdist_group("partners")]
Plant = Callable[[Shared, str], None]


def trust_of(shared: Shared, name: str) -> dict[str, Any]:
    found: dict[str, Any] = shared.iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    return found


def put_trust(shared: Shared, name: str, trust: dict[str, Any]) -> None:
    shared.iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))


def widen_trust(shared: Shared, name: str) -> None:
    trust = trust_of(shared, name)
    anybody = {"Effect": "Allow", "Principal": {"AWS": STRANGER}, "Action": "sts:AssumeRole"}
    put_trust(shared, name, {**trust, "Statement": [*trust["Statement"], anybody]})


def forget_the_external_id(shared: Shared, name: str) -> None:
    trust = trust_of(shared, name)
    for statement in trust["Statement"]:
        del statement["Condition"]["StringEquals"]
    put_trust(shared, name, trust)


def lengthen_the_window(shared: Shared, name: str) -> None:
    trust = trust_of(shared, name)
    for statement in trust["Statement"]:
        statement["Condition"]["DateLessThan"] = {"aws:CurrentTime": "2099-01-01T00:00:00Z"}
    put_trust(shared, name, trust)


def narrow_trust(shared: Shared, name: str) -> None:
    trust = trust_of(shared, name)
    for statement in trust["Statement"]:
        statement["Condition"]["IpAddress"] = {"aws:SourceIp": "192.0.2.0/24"}
    put_trust(shared, name, trust)


def widen_permissions(shared: Shared, name: str) -> None:
    shared.iam.put_role_policy(RoleName=name, PolicyName="More", PolicyDocument=policy(allow("s3:*")))


def drop_the_denies(shared: Shared, name: str) -> None:
    [own] = shared.iam.list_role_policies(RoleName=name)["PolicyNames"]
    found = shared.iam.get_role_policy(RoleName=name, PolicyName=own)["PolicyDocument"]
    left = [each for each in found["Statement"] if each["Effect"] == "Allow"]
    document = json.dumps({**found, "Statement": left})
    shared.iam.put_role_policy(RoleName=name, PolicyName=own, PolicyDocument=document)


def take_permissions(shared: Shared, name: str) -> None:
    [own] = shared.iam.list_role_policies(RoleName=name)["PolicyNames"]
    shared.iam.delete_role_policy(RoleName=name, PolicyName=own)


def attach_admin(shared: Shared, name: str) -> None:
    made = shared.iam.create_policy(PolicyName=f"All-{name[-8:]}", PolicyDocument=policy(allow("*")))
    shared.iam.attach_role_policy(RoleName=name, PolicyArn=made["Policy"]["Arn"])


def take_boundary(shared: Shared, name: str) -> None:
    shared.iam.delete_role_permissions_boundary(RoleName=name)


def change_tag(shared: Shared, name: str) -> None:
    shared.iam.tag_role(RoleName=name, Tags=[{"Key": "SallyportPartner", "Value": "somebody-else"}])


def lengthen_sessions(shared: Shared, name: str) -> None:
    shared.iam.update_role(RoleName=name, MaxSessionDuration=43_200)


def delete(shared: Shared, name: str) -> None:
    shared.delete_by_hand(name)


def make_anew(shared: Shared, name: str) -> None:
    """Deleted, and made again from what stood there: all is alike but the unique id, which denies are keyed to."""
    stood = shared.as_it_stands(name)
    shared.delete_by_hand(name)
    make_role(
        shared, name, stood["role"]["Path"], stood["role"]["AssumeRolePolicyDocument"], stood["role"]["Tags"]
    )
    for policy_name, document in stood["inline"].items():
        shared.iam.put_role_policy(RoleName=name, PolicyName=policy_name, PolicyDocument=json.dumps(document))
    shared.iam.update_role(RoleName=name, Description=stood["role"]["Description"])


def make_role(
    shared: Shared, name: str, path: str, trust: Any, tags: Any = (), *, boundary: bool = True
) -> None:
    more = {"PermissionsBoundary": BOUNDARY} if boundary else {}
    shared.iam.create_role(
        RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(trust), Tags=list(tags), **more
    )


CASES = [
    ("trust", "widened", widen_trust),
    ("trust", "widened", forget_the_external_id),
    ("trust", "widened", lengthen_the_window),
    ("trust", "changed", narrow_trust),
    ("permissions", "widened", widen_permissions),
    ("permissions", "widened", drop_the_denies),
    ("permissions", "widened", take_permissions),
    ("attached", "widened", attach_admin),
    ("boundary", "widened", take_boundary),
    ("tags", "changed", change_tag),
    ("max_session", "changed", lengthen_sessions),
    ("role", "missing", delete),
    ("role", "remade", make_anew),
]


# Each takes two seconds and more: `make test` sees to these alone.
FEW = (widen_trust, delete, make_anew)
PLANTED = [
    pytest.param(*case, id=case[2].__name__, marks=[] if case[2] in FEW else [pytest.mark.thorough])
    for case in CASES
]


@pytest.mark.parametrize(("part", "kind", "plant"), PLANTED)
def test_is_found_by_the_next_look_and_put_right(shared: Shared, part: str, kind: str, plant: Plant) -> None:
    row, neighbour = shared.standing(), shared.standing(shared.others)
    name, mine = row.role.name, shared.external_id()
    right, beside = shared.as_it_stands(name), shared.as_it_stands(neighbour.role.name)
    assert shared.look() == 2
    assert not RoleDrift.objects.exists()
    plant(shared, name)
    assert shared.look() == 2
    [drift] = RoleDrift.objects.all()
    assert (drift.partner_role, drift.part, drift.kind, drift.state) == (row, part, kind, "open")
    assert drift.why
    assert drift.wanted != drift.found
    assert Alarm.objects.filter(kind="role_widened", cleared_at=None).count() == (
        kind not in {"changed", "missing"}
    )
    repair_drift(drift_id=drift.pk, reason="by hand", actor=SHELL)
    assert shared.work() == 1
    assert shared.look() == 2
    drift.refresh_from_db()
    assert drift.state == "over", PartnerRole.objects.get(pk=row.pk).last_error
    assert not Alarm.objects.filter(cleared_at=None).exists()
    assert alike(shared.as_it_stands(name), right), "all of it is as it was made"
    assert shared.as_it_stands(neighbour.role.name) == beside
    row.role.refresh_from_db()
    assert row.role.unique_id == shared.iam.get_role(RoleName=name)["Role"]["RoleId"]
    session = shared.session(row, mine)
    assert (shared.stack.read(session), shared.stack.read(session, OTHER_BUCKET)) == (ALLOWED, DENIED)
    assert shared.come_in(row, None) == DENIED
    assert shared.come_in(row, None, account=STRANGER) == DENIED
    others = shared.session(neighbour, shared.external_id(shared.others), account=STRANGER)
    assert shared.stack.read(others) == ALLOWED


def alike(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether two readings of a role differ in nothing but which one it is."""
    heads = [
        {key: value for key, value in each["role"].items() if key not in {"RoleId", "CreateDate", "Tags"}}
        for each in (found, wanted)
    ]
    tags = [{tag["Key"]: tag["Value"] for tag in each["role"]["Tags"]} for each in (found, wanted)]
    return (
        heads[0] == heads[1]
        and tags[0] == tags[1]
        and found["inline"] == wanted["inline"]
        and (found["attached"] == wanted["attached"])
    )


def test_a_stranger_who_was_let_in_by_hand_is_kept_out_again(shared: Shared) -> None:
    row = shared.standing()
    widen_trust(shared, row.role.name)
    assert shared.come_in(row, None, account=STRANGER) == ALLOWED
    shared.look()
    repair_drift(drift_id=RoleDrift.objects.get().pk, reason="an attack", actor=SHELL)
    shared.work()
    assert shared.come_in(row, None, account=STRANGER) == DENIED
    assert shared.come_in(row, shared.external_id()) == ALLOWED


def test_a_principal_that_is_deleted_and_made_anew_is_kept_out_until_somebody_says_so(shared: Shared) -> None:
    """AWS shows the deleted one by its unique id, and takes one of its name for another."""
    robot = f"robot-{uuid4().hex[:8]}"
    made_user(shared, robot)
    row = shared.standing(principal_arn=f"arn:aws:iam::{PARTNER}:user/{robot}")
    neighbour = shared.standing(shared.others)
    beside = shared.as_it_stands(neighbour.role.name)
    mine = shared.external_id()
    assert shared.come_in(row, mine, user=robot) == ALLOWED
    shared.delete_user(robot)
    made_user(shared, robot)
    assert shared.come_in(row, mine, user=robot) == DENIED
    assert shared.look() == 2
    [drift] = RoleDrift.objects.all()
    assert (drift.partner_role, drift.part, drift.kind) == (row, "trust", "principal_remade")
    assert Alarm.objects.filter(kind="role_widened", cleared_at=None).count() == 1
    repair_drift(drift_id=drift.pk, reason="they made it anew", actor=SHELL)
    assert shared.work() == 1
    shared.look()
    drift.refresh_from_db()
    assert drift.state == "over"
    assert shared.come_in(row, mine, user=robot) == ALLOWED
    assert shared.come_in(row, mine) == DENIED, "another user of the same account"
    assert shared.as_it_stands(neighbour.role.name) == beside


def made_user(shared: Shared, name: str) -> None:
    iam = shared.stack.aws.root("iam", PARTNER)
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="May", PolicyDocument=policy(allow("sts:AssumeRole")))
    shared.add_key(name)


@pytest.mark.thorough
def test_what_is_accepted_stays_in_aws(shared: Shared) -> None:
    row = shared.standing()
    change_tag(shared, row.role.name)
    shared.look()
    drift = accept_drift(drift_id=RoleDrift.objects.get().pk, reason="theirs by now", actor=SHELL)
    shared.look()
    drift.refresh_from_db()
    assert drift.state == "accepted"
    widen_permissions(shared, row.role.name)
    shared.look()
    assert set(RoleDrift.objects.values_list("part", "state")) == {
        ("tags", "accepted"),
        ("permissions", "open"),
    }


def test_a_role_of_the_portals_that_is_nobodys_goes_and_a_foreign_one_is_left_to_a_person(
    shared: Shared,
) -> None:
    row = shared.standing()
    beside = shared.as_it_stands(row.role.name)
    trust = trust_of(shared, row.role.name)
    grant = uuid4()
    lost = shared.aws.partners.role_name(grant)
    tag = [{"Key": key, "Value": str(grant)} for key in _grant_tags(shared, row)]
    make_role(shared, lost, f"{PATH}acme/", trust, tag)
    make_role(shared, "backdoor", PATH, trust, boundary=False)
    other = shared.aws.partners.role_name(uuid4())
    make_role(shared, other, f"{PATH}acme/", trust, boundary=False)
    found = {drift.role_name: drift for drift in shared.look_everywhere()}
    assert {name: drift.kind for name, drift in found.items()} == dict.fromkeys(
        (lost, "backdoor", other), "orphaned"
    )
    assert Alarm.objects.filter(kind="role_widened", cleared_at=None).count() == 3
    for drift in found.values():
        repair_drift(drift_id=drift.pk, reason="nobody's", actor=SHELL)
    assert remove_orphans(aws=shared.aws) == 1
    assert shared.names() == {row.role.name, "backdoor", other}
    states = dict(RoleDrift.objects.values_list("role_name", "state"))
    assert states == {lost: "over", "backdoor": "open", other: "open"}
    why = dict(RoleDrift.objects.values_list("role_name", "why"))
    assert "only a person may take it away" in why["backdoor"]
    assert "left alone" in why[other]
    assert shared.as_it_stands(row.role.name) == beside
    assert shared.look() == 1
    for name in ("backdoor", other):
        shared.delete_by_hand(name)
    assert shared.look_everywhere() == []
    assert not Alarm.objects.filter(cleared_at=None).exists()


def _grant_tags(shared: Shared, row: PartnerRole) -> list[str]:
    """Return the tag by which the portal knows whose a role is."""
    tags = shared.iam.list_role_tags(RoleName=row.role.name)["Tags"]
    return [tag["Key"] for tag in tags if tag["Value"] == str(row.grant_id)]
