"""A partner's role from nothing to gone, at MiniStack: made, put right, closed, taken away, and whose it is not."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from brokers.aws.partner_names import CLOSED_POLICY, SCOPE_POLICY, role_name
from brokers.errors import AwsRefused, LimitExceeded, NotPossible
from brokers.types import AccountPlace, DriftKind, Partition, PartnerRoleSpec, StandingRole
from tests.integration.brokers.aws.estate import BUCKET, TARGET, VIA_ARN, allow, policy
from tests.integration.brokers.aws.partner_estate import (
    BOUNDARY,
    HOUR,
    PARTNER,
    PLACE,
    Partners,
    external_id_of,
    grant_of_role,
    role_spec,
    scope,
)
from tests.servers.aws_outcome import ALLOWED, DENIED, outcome

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
AUDIT = "arn:aws:iam::aws:policy/SecurityAudit"


def test_what_was_made_stands_as_it_should_and_making_it_again_writes_nothing(partners: Partners) -> None:
    roles = partners.roles
    spec = role_spec(managed_policy_arns=(READ_ONLY,))
    assert roles.read(PLACE, spec.name) is None
    assert roles.check(spec).inline < 2_000
    role = roles.make(spec)
    assert role.arn == f"arn:aws:iam::{TARGET}:role/sallyport/partners/acme/{spec.name}"
    assert role.unique_id.startswith("AROA")
    assert (role.boundary_arn, role.attached, list(role.inline)) == (BOUNDARY, (READ_ONLY,), [SCOPE_POLICY])
    assert role.tags == {"SallyportPartner": "acme", "SallyportGrant": grant_of_role(spec)}
    assert role.description == "Acme & friends read <the> project's bucket"
    assert roles.differences(spec, role) == []
    assert roles.make(spec) == role
    assert roles.read(PLACE, spec.name) == role


def test_a_role_is_brought_to_what_it_should_be_now(partners: Partners) -> None:
    before, first = partners.made(managed_policy_arns=(READ_ONLY,))
    after = replace(
        before,
        ends_at=before.ends_at + HOUR,
        external_ids=role_spec().external_ids,
        policy=scope(allow("s3:ListBucket", f"arn:aws:s3:::{BUCKET}")),
        managed_policy_arns=(AUDIT,),
        max_session=timedelta(hours=2),
        description="Extended",
        tags={"Why": "extended"},
    )
    differences = {each.part for each in partners.roles.differences(after, first)}
    assert differences == {"trust", "permissions", "attached", "max_session", "description", "tags"}
    second = partners.roles.make(after)
    assert partners.roles.differences(after, second) == []
    assert second.unique_id == first.unique_id


def planted(partners: Partners, spec: PartnerRoleSpec, part: str) -> None:
    iam, name = partners.owner, {"RoleName": spec.name}
    everything = policy(allow("*"))
    open_to_all = policy({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    acts: dict[str, Any] = {
        "trust": lambda: iam.update_assume_role_policy(**name, PolicyDocument=open_to_all),
        "permissions": lambda: iam.put_role_policy(**name, PolicyName="More", PolicyDocument=everything),
        "the scope itself": lambda: iam.put_role_policy(
            **name, PolicyName=SCOPE_POLICY, PolicyDocument=everything
        ),
        "no permissions": lambda: iam.delete_role_policy(**name, PolicyName=SCOPE_POLICY),
        "attached": lambda: iam.attach_role_policy(**name, PolicyArn=READ_ONLY),
        "boundary": lambda: iam.delete_role_permissions_boundary(**name),
        "tags": lambda: iam.untag_role(**name, TagKeys=["SallyportPartner"]),
        "its own tag": lambda: iam.untag_role(**name, TagKeys=["SallyportGrant"]),
        "a tag more": lambda: iam.tag_role(**name, Tags=[{"Key": "team", "Value": "x"}]),
        "description": lambda: iam.update_role(**name, Description="mine"),
        "max_session": lambda: iam.update_role(**name, MaxSessionDuration=43_200),
    }
    acts[part]()


@pytest.mark.parametrize(
    ("what", "part", "kind"),
    [
        ("trust", "trust", DriftKind.WIDENED),
        ("permissions", "permissions", DriftKind.WIDENED),
        ("the scope itself", "permissions", DriftKind.WIDENED),
        ("no permissions", "permissions", DriftKind.WIDENED),
        ("attached", "attached", DriftKind.WIDENED),
        ("boundary", "boundary", DriftKind.WIDENED),
        ("tags", "tags", DriftKind.CHANGED),
        ("its own tag", "tags", DriftKind.CHANGED),
        ("a tag more", "tags", DriftKind.CHANGED),
        ("description", "description", DriftKind.CHANGED),
        ("max_session", "max_session", DriftKind.CHANGED),
    ],
)
def test_what_was_changed_by_hand_is_seen_and_put_right(
    partners: Partners, what: str, part: str, kind: DriftKind
) -> None:
    spec, before = partners.made()
    planted(partners, spec, what)
    found = _found(partners, spec)
    assert [(each.part, each.kind) for each in partners.roles.differences(spec, found)] == [(part, kind)]
    assert partners.roles.make(spec) == before


def test_a_partners_user_that_was_made_anew_is_seen_and_let_in_on_repair(partners: Partners) -> None:
    theirs = partners.aws.root("iam", PARTNER)
    theirs.create_user(UserName="remade")
    spec, _ = partners.made(principal_arn=f"arn:aws:iam::{PARTNER}:user/remade")
    theirs.delete_user(UserName="remade")
    theirs.create_user(UserName="remade")
    found = partners.roles.differences(spec, _found(partners, spec))
    assert [(each.part, each.kind) for each in found] == [("trust", DriftKind.PRINCIPAL_REMADE)]
    partners.roles.make(spec)
    assert partners.roles.differences(spec, _found(partners, spec)) == []


@pytest.mark.parametrize("drifted", ["", "boundary", "its own tag", "trust", "permissions"])
def test_closed_nobody_comes_in_and_who_is_in_can_do_nothing(partners: Partners, drifted: str) -> None:
    spec, role = partners.made()
    neighbour, their_role = partners.made()
    live, others = (
        partners.assume(arn.arn, external_id_of(each))()
        for each, arn in ((spec, role), (neighbour, their_role))
    )
    assert [partners.read(each) for each in (live, others)] == [ALLOWED, ALLOWED]
    if drifted:
        planted(partners, spec, drifted)
    for _ in range(2):
        assert partners.roles.close(PLACE, spec.name, grant=grant_of_role(spec))
    assert outcome(partners.assume(role.arn, external_id_of(spec))) == DENIED
    assert partners.read(live) == DENIED
    assert partners.read(others) == ALLOWED
    assert outcome(partners.assume(their_role.arn, external_id_of(neighbour))) == ALLOWED
    with pytest.raises(NotPossible, match="none is opened again"):
        partners.roles.make(spec)
    assert CLOSED_POLICY in _found(partners, spec).inline


def test_a_role_that_can_take_no_deny_any_more_loses_all_rights_instead(partners: Partners) -> None:
    spec, role = partners.made(managed_policy_arns=(READ_ONLY,))
    live = partners.assume(role.arn, external_id_of(spec))()
    iam = partners.owner
    iam.delete_role_permissions_boundary(RoleName=spec.name)
    document = iam.get_policy_version(PolicyArn=BOUNDARY, VersionId="v1")["PolicyVersion"]["Document"]
    partners.owner.put_role_policy(
        RoleName=spec.name, PolicyName="More", PolicyDocument=policy(allow("s3:*"))
    )
    for standing in iam.list_entities_for_policy(PolicyArn=BOUNDARY)["PolicyRoles"]:
        iam.delete_role_permissions_boundary(RoleName=standing["RoleName"])
    iam.delete_policy(PolicyArn=BOUNDARY)
    try:
        assert partners.read(live) == ALLOWED
        assert partners.roles.close(PLACE, spec.name, grant=grant_of_role(spec))
        assert partners.read(live) == DENIED
        stripped = _found(partners, spec)
        assert (stripped.inline, stripped.attached) == ({}, ())
        with pytest.raises(AwsRefused, match="needs the managed policy SallyportPartnerBoundary"):
            partners.roles.make(role_spec())
        partners.roles.delete(PLACE, spec.name, grant=grant_of_role(spec))
        assert partners.roles.read(PLACE, spec.name) is None
    finally:
        iam.create_policy(PolicyName=BOUNDARY.rpartition("/")[2], PolicyDocument=json.dumps(document))


def test_deleted_it_is_gone_with_all_that_hung_on_it(partners: Partners) -> None:
    spec, role = partners.made(managed_policy_arns=(READ_ONLY,))
    live = partners.assume(role.arn, external_id_of(spec))()
    planted(partners, spec, "permissions")
    partners.owner.attach_role_policy(RoleName=spec.name, PolicyArn=AUDIT)
    for _ in range(2):
        partners.roles.delete(PLACE, spec.name, grant=grant_of_role(spec))
        assert partners.roles.read(PLACE, spec.name) is None
    assert not partners.roles.close(PLACE, spec.name, grant=grant_of_role(spec))
    assert partners.read(live) != ALLOWED
    assert outcome(partners.assume(role.arn, external_id_of(spec))) == DENIED
    again = partners.roles.make(spec)
    assert again.unique_id != role.unique_id


def test_a_role_that_was_given_to_machines_is_taken_off_them_where_the_owner_lets_us(
    partners: Partners,
) -> None:
    spec, _ = partners.made()
    iam, name = partners.owner, f"machines-{uuid4()}"
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=spec.name)
    with pytest.raises(AwsRefused, match=r"DeleteConflict.*off the instance profile"):
        partners.roles.delete(PLACE, spec.name, grant=grant_of_role(spec))
    assert _found(partners, spec).inline == {}
    may = policy(allow("iam:*InstanceProfile*"))
    iam.put_role_policy(RoleName="SallyportProvisioner", PolicyName="Machines", PolicyDocument=may)
    try:
        partners.roles.delete(PLACE, spec.name, grant=grant_of_role(spec))
    finally:
        iam.delete_role_policy(RoleName="SallyportProvisioner", PolicyName="Machines")
    assert partners.roles.read(PLACE, spec.name) is None
    assert iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"] == []


@pytest.mark.parametrize(
    ("path", "tags"),
    [
        ("/", {}),
        ("/sallyport/", {}),
        ("/", "ours"),
        ("/sallyport/partners/acme/", {}),
        ("/sallyport/partners/acme/", {"SallyportGrant": str(uuid4())}),
    ],
)
def test_somebody_elses_role_of_that_name_is_left_alone(partners: Partners, path: str, tags: Any) -> None:
    spec = role_spec()
    grant = grant_of_role(spec)
    listed = [
        {"Key": key, "Value": value}
        for key, value in ({"SallyportGrant": grant} if tags == "ours" else tags).items()
    ]
    theirs = policy({"Effect": "Allow", "Principal": {"AWS": TARGET}, "Action": "sts:AssumeRole"})
    partners.owner.create_role(RoleName=spec.name, Path=path, AssumeRolePolicyDocument=theirs, Tags=listed)
    partners.owner.put_role_policy(RoleName=spec.name, PolicyName="May", PolicyDocument=policy(allow("s3:*")))
    before = partners.owner.get_role(RoleName=spec.name)["Role"]
    for call in (
        lambda: partners.roles.make(spec),
        lambda: partners.roles.close(PLACE, spec.name, grant=grant),
        lambda: partners.roles.delete(PLACE, spec.name, grant=grant),
    ):
        with pytest.raises(NotPossible, match="isn't the portal's own"):
            call()
    assert partners.owner.get_role(RoleName=spec.name)["Role"] == before
    assert partners.owner.list_role_policies(RoleName=spec.name)["PolicyNames"] == ["May"]
    found = _found(partners, spec)
    assert found.path == path
    if path == "/":
        assert (found.inline, found.attached) == ({}, ())
        assert "path" in {each.part for each in partners.roles.differences(spec, found)}


def test_another_grants_role_is_not_closed_by_mistake(partners: Partners) -> None:
    spec, role = partners.made()
    with pytest.raises(NotPossible):
        partners.roles.close(PLACE, spec.name, grant=str(uuid4()))
    assert outcome(partners.assume(role.arn, external_id_of(spec))) == ALLOWED


def test_all_roles_under_the_path_are_listed_and_no_others(partners: Partners) -> None:
    spec, role = partners.made()
    listed = partners.roles.list(PLACE)
    assert (role.name, role.path, role.arn, role.unique_id) in [
        (each.name, each.path, each.arn, each.unique_id) for each in listed
    ]
    assert all(each.path.startswith("/sallyport/partners/") for each in listed)
    assert [each.name for each in listed] == sorted(each.name for each in listed)
    partners.roles.delete(PLACE, spec.name, grant=grant_of_role(spec))
    assert role.name not in [each.name for each in partners.roles.list(PLACE)]


@pytest.mark.parametrize(
    "place",
    [
        AccountPlace(Partition.AWS, TARGET, ""),
        AccountPlace(Partition.AWS, PARTNER, PLACE.via_role_arn),
        AccountPlace(Partition.CHINA, TARGET, PLACE.via_role_arn.replace("arn:aws:", "arn:aws-cn:")),
    ],
    ids=["not connected", "another account", "another partition"],
)
def test_no_account_is_entered_that_is_not_connected(partners: Partners, place: AccountPlace) -> None:
    with pytest.raises(NotPossible):
        partners.roles.read(place, role_name(uuid4()))
    with pytest.raises(LimitExceeded):
        partners.roles.read(AccountPlace(Partition.AWS, "22", PLACE.via_role_arn), role_name(uuid4()))


def test_a_session_of_the_maker_can_do_no_more_than_making_takes(partners: Partners) -> None:
    """Through a role that may do everything: the session policy alone bounds it."""
    wide = AccountPlace(Partition.AWS, TARGET, VIA_ARN)
    iam: Any = partners.access.iam(wide)
    spec, _ = partners.made(place=wide)
    trust = policy({"Effect": "Allow", "Principal": {"AWS": TARGET}, "Action": "sts:AssumeRole"})
    own = {"RoleName": "x", "Path": "/sallyport/partners/acme/", "AssumeRolePolicyDocument": trust}
    refused: dict[str, Any] = {
        "without the boundary": lambda: iam.create_role(**own),
        "at another path": lambda: iam.create_role(**{**own, "Path": "/"}, PermissionsBoundary=BOUNDARY),
        "another's policy": lambda: iam.put_role_policy(
            RoleName="Developer", PolicyName="x", PolicyDocument=policy(allow("*"))
        ),
        "another's trust": lambda: iam.update_assume_role_policy(RoleName="Developer", PolicyDocument=trust),
        "another's end": lambda: iam.delete_role(RoleName="Developer"),
        "its boundary's end": lambda: iam.delete_role_permissions_boundary(RoleName=spec.name),
        "another boundary": lambda: iam.put_role_permissions_boundary(
            RoleName=spec.name, PermissionsBoundary=READ_ONLY
        ),
        "the boundary itself": lambda: iam.create_policy_version(
            PolicyArn=BOUNDARY, PolicyDocument=policy(allow("*")), SetAsDefault=True
        ),
        "users": lambda: iam.create_user(UserName="x"),
        "looking around": iam.list_users,
    }
    said = {name: outcome(call) for name, call in refused.items()}
    assert said == dict.fromkeys(refused, DENIED)
    assert outcome(lambda: iam.create_role(**own, PermissionsBoundary=BOUNDARY)) == ALLOWED
    assert outcome(lambda: iam.delete_role(RoleName="x")) == ALLOWED
    assert outcome(lambda: iam.get_role(RoleName="Developer")) == ALLOWED


def _found(partners: Partners, spec: PartnerRoleSpec) -> StandingRole:
    found = partners.roles.read(spec.place, spec.name)
    assert found is not None
    return found
