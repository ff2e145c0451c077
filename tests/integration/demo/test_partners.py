"""What the sandbox adds for partners: the provisioner and its boundary, a partner's own account, trust, quotas."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.demo.answers import ALL, policy_of, refused
from tests.servers.sandbox import Sandbox, sandbox

pytestmark = pytest.mark.xdist_group("sandbox")

DATA = "333344445555"
LIMIT, DENIED = ("LimitExceeded", 409), ("AccessDenied", 403)
BOUNDARY = f"arn:aws:iam::{DATA}:policy/SallyportPartnerBoundary"
ROLE, PATH = "sp-northlight-test", "/sallyport/partners/northlight/"
BUCKET = {"Bucket": "harbor-partner-dropbox"}


def trust(principal: str, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]})


def usual(aws: Sandbox, **more: Any) -> dict[str, Any]:
    document = trust(aws.estate["partners"][0]["user_arn"])
    given = {"RoleName": ROLE, "Path": PATH, "AssumeRolePolicyDocument": document}
    return {**given, "PermissionsBoundary": BOUNDARY, **more}


@pytest.fixture
def iam(aws: Sandbox) -> Any:
    return aws.client("iam", aws.provisioner(DATA))


@pytest.fixture
def role(aws: Sandbox, iam: Any) -> Iterator[str]:
    """A role as the portal makes it: everything in its policy, little in its boundary."""
    arn = iam.create_role(**usual(aws, Tags=[{"Key": "SallyportGrant", "Value": "x"}]))["Role"]["Arn"]
    iam.put_role_policy(RoleName=ROLE, PolicyName="Scope", PolicyDocument=json.dumps(ALL))
    yield arn
    clear(aws)


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def clear(aws: Sandbox) -> None:
    root = aws.root("iam", DATA)
    for name in root.list_role_policies(RoleName=ROLE)["PolicyNames"]:
        root.delete_role_policy(RoleName=ROLE, PolicyName=name)
    for policy in root.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]:
        root.detach_role_policy(RoleName=ROLE, PolicyArn=policy["PolicyArn"])
    root.delete_role(RoleName=ROLE)


def retrust(aws: Sandbox, document: str) -> None:
    aws.root("iam", DATA).update_assume_role_policy(RoleName=ROLE, PolicyDocument=document)


def assume(aws: Sandbox, arn: str, **more: Any) -> dict[str, Any]:
    return {"RoleArn": arn, "RoleSessionName": "etl", **more}


def test_a_partner_reads_from_its_own_account_within_the_boundary(aws: Sandbox, role: str) -> None:
    sts = aws.partner("sts")
    session = sts.assume_role(**assume(aws, role))["Credentials"]
    assert aws.client("s3", session).list_objects_v2(**BUCKET)["KeyCount"] == 2
    iam = aws.client("iam", session)
    assert iam.list_roles()["Roles"]  # the boundary lets it look
    assert refused(iam.create_user, UserName="durable") == DENIED
    further = assume(aws, aws.role_arn("PartnerDropbox"))
    assert refused(aws.client("sts", session).assume_role, **further) == DENIED


def test_both_accounts_must_let_the_partner_in(aws: Sandbox, role: str) -> None:
    root = aws.root("iam", "444455556666")
    user = {"UserName": aws.estate["partners"][0]["user_name"], "PolicyName": "Rights"}
    rights = json.dumps(root.get_user_policy(**user)["PolicyDocument"])
    root.put_user_policy(**user, PolicyDocument=policy_of(200))
    try:
        assert refused(aws.partner("sts").assume_role, **assume(aws, role)) == DENIED
    finally:
        root.put_user_policy(**user, PolicyDocument=rights)
    aws.partner("sts").assume_role(**assume(aws, role))
    retrust(aws, trust("arn:aws:iam::444455556666:role/NorthlightPipeline"))
    assert refused(aws.partner("sts").assume_role, **assume(aws, role)) == DENIED
    pipeline = aws.client("sts", aws.partner_role())
    assert refused(pipeline.assume_role, **assume(aws, role, DurationSeconds=3_601)) == (
        "ValidationError",
        400,
    )
    pipeline.assume_role(**assume(aws, role, DurationSeconds=3_600))
    # The portal's own key is no way in either.
    assert refused(aws.hub("sts").assume_role, **assume(aws, role)) == DENIED


def test_external_id_and_window(aws: Sandbox, role: str) -> None:
    sts, own, now = aws.partner("sts"), str(uuid4()), datetime.now(UTC)
    root = "arn:aws:iam::444455556666:root"
    window = {"DateGreaterThanEquals": {"aws:CurrentTime": stamp(now - timedelta(minutes=1))}}
    open_, over = (
        {**window, "DateLessThan": {"aws:CurrentTime": stamp(now + timedelta(hours=hours))}}
        for hours in (1, -1)
    )
    retrust(aws, trust(root, StringEquals={"sts:ExternalId": own}, **open_))
    for wrong in ({}, {"ExternalId": str(uuid4())}):
        assert refused(sts.assume_role, **assume(aws, role, **wrong)) == DENIED
    sts.assume_role(**assume(aws, role, ExternalId=own))
    retrust(aws, trust(root, StringEquals={"sts:ExternalId": own}, **over))
    assert refused(sts.assume_role, **assume(aws, role, ExternalId=own)) == DENIED


def test_sessions_are_cut_and_the_path_is_part_of_the_name(aws: Sandbox, role: str, iam: Any) -> None:
    session = aws.client("s3", aws.partner("sts").assume_role(**assume(aws, role))["Credentials"])
    session.list_objects_v2(**BUCKET)
    later = stamp(datetime.now(UTC) + timedelta(seconds=1))
    cut = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    cut["Condition"] = {"DateLessThan": {"aws:TokenIssueTime": later}}  # type: ignore[assignment]  # JSON
    document = json.dumps({"Version": "2012-10-17", "Statement": [cut]})
    iam.put_role_policy(RoleName=ROLE, PolicyName="Cut", PolicyDocument=document)
    assert refused(session.list_objects_v2, **BUCKET) == DENIED
    bare = f"arn:aws:iam::{DATA}:role/{ROLE}"
    assert refused(aws.partner("sts").assume_role, **assume(aws, bare)) == DENIED


def test_the_provisioner_makes_roles_under_its_path_with_its_boundary_alone(aws: Sandbox, iam: Any) -> None:
    boundless = {key: value for key, value in usual(aws).items() if key != "PermissionsBoundary"}
    other = aws.root("iam", DATA).create_policy(PolicyName="Wide", PolicyDocument=json.dumps(ALL))["Policy"][
        "Arn"
    ]
    for wrong in (
        boundless,
        usual(aws, PermissionsBoundary=other),
        usual(aws, Path="/"),
        usual(aws, Path="/sallyport/"),
    ):
        assert refused(iam.create_role, **wrong) == DENIED
    iam.create_role(**usual(aws))
    named = {"RoleName": ROLE}
    scope = {**named, "PolicyName": "Scope", "PolicyDocument": json.dumps(ALL)}
    iam.put_role_policy(**scope)
    assert refused(iam.delete_role_permissions_boundary, **named) == DENIED
    assert refused(iam.put_role_permissions_boundary, **named, PermissionsBoundary=other) == DENIED
    for wider in ("AdministratorAccess", "IAMFullAccess"):
        arn = f"arn:aws:iam::aws:policy/{wider}"
        assert refused(iam.attach_role_policy, **named, PolicyArn=arn) == DENIED
    iam.attach_role_policy(**named, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    # Somebody took the boundary away: nothing is added until it is back, all can be taken away.
    aws.root("iam", DATA).delete_role_permissions_boundary(**named)
    assert refused(iam.put_role_policy, **scope) == DENIED
    iam.detach_role_policy(**named, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    iam.put_role_permissions_boundary(**named, PermissionsBoundary=BOUNDARY)
    iam.put_role_policy(**scope)
    iam.delete_role_policy(**named, PolicyName="Scope")
    iam.delete_role(**named)
    assert refused(iam.get_role, **named) == ("NoSuchEntity", 404)
    aws.root("iam", DATA).delete_policy(PolicyArn=other)


def test_tags_count_towards_fifty_and_need_their_own_right(aws: Sandbox, role: str, iam: Any) -> None:
    many = [{"Key": f"k{number}", "Value": "Müller @ 1"} for number in range(50)]
    assert refused(iam.tag_role, RoleName=ROLE, Tags=many) == LIMIT
    iam.tag_role(RoleName=ROLE, Tags=many[:49])
    iam.update_role(RoleName=ROLE, Description="Berths & <tides>")
    found = iam.get_role(RoleName=ROLE)["Role"]
    assert (many[0] in found["Tags"], found["Description"]) == (True, "Berths & <tides>")
    listed = iam.list_roles(PathPrefix="/sallyport/partners/")["Roles"]
    assert [(each["Arn"], each.get("Tags")) for each in listed] == [(role, None)]


def test_a_principal_must_be_there_and_one_made_anew_is_another(aws: Sandbox, role: str) -> None:
    theirs = aws.root("iam", "444455556666")
    user = theirs.create_user(UserName="passing")["User"]
    key = theirs.create_access_key(UserName="passing")["AccessKey"]
    may = {"UserName": "passing", "PolicyName": "All"}
    theirs.put_user_policy(**may, PolicyDocument=json.dumps(ALL))
    update = aws.client("iam", aws.provisioner(DATA)).update_assume_role_policy
    for wrong in (
        "arn:aws:iam::444455556666:user/nobody",
        "arn:aws:iam::444455556666:role/Northlight*",
        user["UserId"],
    ):
        document = {"RoleName": ROLE, "PolicyDocument": trust(wrong)}
        assert refused(update, **document) == ("MalformedPolicyDocument", 400)
    update(RoleName=ROLE, PolicyDocument=trust(user["Arn"]))
    aws.client("sts", key).assume_role(**assume(aws, role))
    for again in (False, True):
        theirs.delete_access_key(UserName="passing", AccessKeyId=key["AccessKeyId"])
        theirs.delete_user_policy(**may)
        theirs.delete_user(UserName="passing")
        document = aws.root("iam", DATA).get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
        assert document["Statement"][0]["Principal"] == {"AWS": user["UserId"]}
        if not again:
            theirs.create_user(UserName="passing")
            key = theirs.create_access_key(UserName="passing")["AccessKey"]
            theirs.put_user_policy(**may, PolicyDocument=json.dumps(ALL))
            assert refused(aws.client("sts", key).assume_role, **assume(aws, role)) == DENIED


def test_faults_come_as_often_as_asked(aws: Sandbox, iam: Any) -> None:
    with aws.faults(
        {"action": "CreateRole", "times": 2}, {"action": "Get*", "code": "ServiceFailure", "status": 503}
    ):
        for _ in range(2):
            assert refused(iam.create_role, **usual(aws)) == ("Throttling", 400)
        assert refused(iam.get_role, RoleName=ROLE) == ("ServiceFailure", 503)
        assert refused(iam.get_role, RoleName=ROLE) == ("NoSuchEntity", 404)
        iam.create_role(**usual(aws))
    time.sleep(0.01)
    with aws.faults({"action": "DeleteRole", "code": "ServiceFailure", "status": 500, "after": True}):
        assert refused(iam.delete_role, RoleName=ROLE) == ("ServiceFailure", 500)
    assert refused(iam.get_role, RoleName=ROLE) == ("NoSuchEntity", 404)


@pytest.mark.thorough
def test_an_account_that_is_full(tmp_path: Path) -> None:
    with sandbox(tmp_path, roles_per_account=11) as aws:
        iam = aws.client("iam", aws.provisioner(DATA))
        there = len(aws.root("iam", DATA).list_roles()["Roles"])
        assert there == 11  # those of the story, the revoker, the provisioner
        assert refused(iam.create_role, **usual(aws)) == LIMIT
        production = aws.client("iam", aws.provisioner("222233334444"))
        boundary = BOUNDARY.replace(DATA, "222233334444")
        production.create_role(**usual(aws, PermissionsBoundary=boundary))
