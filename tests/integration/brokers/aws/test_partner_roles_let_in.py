"""Whom a partner's role lets in, when, and what they can do: real AssumeRole calls of other accounts' users.

Each refusal stands beside the call that differs in one thing and is let through. MiniStack judges; what its boundary
would hide behind its own refusal is judged again by `tests.iam_evaluator` from what IAM returns.
"""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from brokers.types import AcceptedExternalId
from tests import iam_evaluator
from tests.integration.brokers.aws.estate import BUCKET, OTHER_BUCKET, ROLE_ARN, TARGET, Estate, allow
from tests.integration.brokers.aws.partner_estate import (
    BOUNDARY,
    FURTHER,
    HOUR,
    PARTNER,
    STRANGER,
    Partners,
    external_id_of,
    role_spec,
    scope,
)
from tests.servers.aws_outcome import ALLOWED, DENIED, outcome

FURTHER_ARN = f"arn:aws:iam::{TARGET}:role/{FURTHER}"


def test_only_the_partners_account_with_its_own_external_id_comes_in(partners: Partners) -> None:
    spec, role = partners.made()
    others, _ = partners.made()
    mine, theirs = external_id_of(spec), external_id_of(others)
    assert outcome(partners.assume(role.arn, mine)) == ALLOWED
    for wrong in (None, theirs, str(uuid4()), mine.upper(), f"{mine} ", mine[:-1]):
        assert outcome(partners.assume(role.arn, wrong)) in {DENIED, "ValidationError"}, wrong
    assert outcome(partners.assume(role.arn, mine, account=STRANGER)) == DENIED
    assert outcome(partners.assume(role.arn, mine, user="other")) == ALLOWED


def test_one_user_or_role_of_the_account_may_be_named_alone(partners: Partners) -> None:
    spec, role = partners.made(principal_arn=f"arn:aws:iam::{PARTNER}:user/ci")
    assert outcome(partners.assume(role.arn, external_id_of(spec))) == ALLOWED
    assert outcome(partners.assume(role.arn, external_id_of(spec), user="other")) == DENIED


@pytest.mark.parametrize(
    ("starts", "ends", "said"),
    [
        (-HOUR, HOUR, ALLOWED),
        (timedelta(minutes=5), HOUR, DENIED),
        (-HOUR, -timedelta(seconds=5), DENIED),
    ],
    ids=["open", "not yet", "over"],
)
def test_the_door_is_open_within_the_window_alone(
    partners: Partners, starts: timedelta, ends: timedelta, said: str
) -> None:
    now = datetime.now(UTC)
    spec, role = partners.made(starts_at=now + starts, ends_at=now + ends)
    assert outcome(partners.assume(role.arn, external_id_of(spec))) == said


def test_door_and_live_session_end_on_the_second_with_the_portal_gone(partners: Partners) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4)
    spec, role = partners.made(ends_at=end)
    neighbour, their_role = partners.made()
    session = partners.assume(role.arn, external_id_of(spec))()
    others = partners.assume(their_role.arn, external_id_of(neighbour))()
    assert partners.read(session) == ALLOWED
    assert datetime.now(UTC) < end, "too slow to see both sides of the end"
    time.sleep((end - datetime.now(UTC)).total_seconds() + 0.05)
    assert partners.read(session) == DENIED
    assert outcome(partners.assume(role.arn, external_id_of(spec))) == DENIED
    assert partners.read(others) == ALLOWED


def test_an_old_external_id_ends_by_itself_and_the_new_one_goes_on(partners: Partners) -> None:
    old, new = str(uuid4()), str(uuid4())
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    _, role = partners.made(external_ids=(AcceptedExternalId(new), AcceptedExternalId(old, until)))
    assert [outcome(partners.assume(role.arn, each)) for each in (old, new)] == [ALLOWED, ALLOWED]
    time.sleep(max((until - datetime.now(UTC)).total_seconds(), 0) + 0.05)
    assert [outcome(partners.assume(role.arn, each)) for each in (old, new)] == [DENIED, ALLOWED]


def test_another_bucket_and_another_action_are_refused(partners: Partners) -> None:
    spec, role = partners.made()
    session = partners.assume(role.arn, external_id_of(spec))()
    s3 = partners.aws.as_session("s3", session)
    assert partners.read(session) == ALLOWED
    assert partners.read(session, OTHER_BUCKET) == DENIED
    assert outcome(lambda: s3.put_object(Bucket=BUCKET, Key="plan.txt", Body=b"x")) == DENIED
    assert outcome(lambda: s3.delete_object(Bucket=BUCKET, Key="plan.txt")) == DENIED


def test_no_further_role_is_reached(partners: Partners, estate: Estate) -> None:
    wide = scope(allow(["sts:*", "s3:GetObject"]))
    spec, role = partners.made(policy=wide)
    session = partners.assume(role.arn, external_id_of(spec))()
    neighbour = estate.role_session().credentials  # of role Developer, which has no such deny of its own

    def chained(credentials: Any) -> str:
        sts = partners.aws.as_session("sts", credentials)
        return outcome(lambda: sts.assume_role(RoleArn=FURTHER_ARN, RoleSessionName="on"))

    assert partners.read(session) == ALLOWED
    assert chained(session) == DENIED
    # Developer's session has the portal's deny of chaining: the role itself would be let in.
    assert chained(neighbour) == DENIED
    further = iam_evaluator.read_role(partners.owner, FURTHER)
    assert iam_evaluator.may_assume(further, iam_evaluator.Caller(ROLE_ARN), at=datetime.now(UTC))
    assert _why(partners, spec.name, "sts:AssumeRole", FURTHER_ARN) == ("explicit_deny", "SallyportChain")
    assert _why(partners, spec.name, "sts:GetAccessKeyInfo", "*") == ("allowed", "")


def test_its_own_role_and_the_boundary_are_out_of_reach(partners: Partners) -> None:
    spec, role = partners.made(policy=scope(allow(["iam:*", "s3:GetObject"])))
    session = partners.assume(role.arn, external_id_of(spec))()
    iam = partners.aws.as_session("iam", session)
    assert partners.read(session) == ALLOWED
    everything = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
    calls = {
        "iam:PutRolePolicy": lambda: iam.put_role_policy(
            RoleName=spec.name, PolicyName="x", PolicyDocument=everything
        ),
        "iam:DeleteRolePolicy": lambda: iam.delete_role_policy(
            RoleName=spec.name, PolicyName="SallyportScope"
        ),
        "iam:UpdateAssumeRolePolicy": lambda: iam.update_assume_role_policy(
            RoleName=spec.name, PolicyDocument=everything
        ),
        "iam:DeleteRolePermissionsBoundary": lambda: iam.delete_role_permissions_boundary(RoleName=spec.name),
        "iam:AttachRolePolicy": lambda: iam.attach_role_policy(RoleName=spec.name, PolicyArn=BOUNDARY),
    }
    for action, call in calls.items():
        assert outcome(call) == DENIED, action
        assert _why(partners, spec.name, action, role.arn) == ("explicit_deny", "SallyportOwn"), action
        assert _why(partners, spec.name, action, ROLE_ARN) == ("allowed", ""), action
    assert _why(partners, spec.name, "iam:CreatePolicyVersion", BOUNDARY) == ("explicit_deny", "SallyportOwn")


def test_the_boundary_holds_where_the_scope_would_allow(partners: Partners) -> None:
    spec, role = partners.made(policy=scope(allow("*")))
    session = partners.assume(role.arn, external_id_of(spec))()
    iam, s3 = (partners.aws.as_session(service, session) for service in ("iam", "s3"))
    assert outcome(lambda: s3.put_object(Bucket=OTHER_BUCKET, Key="new.txt", Body=b"x")) == ALLOWED
    assert outcome(lambda: iam.create_user(UserName="way-back")) == DENIED
    whole = iam_evaluator.read_role(partners.owner, spec.name)
    live = whole.session("work", issued_at=datetime.now(UTC))
    user = f"arn:aws:iam::{TARGET}:user/way-back"
    now = datetime.now(UTC)
    assert iam_evaluator.decide(live, "iam:CreateUser", user, at=now).by == "boundary"
    unbounded = replace(whole, boundary=None).session("work", issued_at=now)
    assert iam_evaluator.decide(unbounded, "iam:CreateUser", user, at=now)


def test_the_same_is_judged_by_the_documents_alone(partners: Partners) -> None:
    """What MiniStack said above, said again by an evaluator that knows nothing of it or of the portal."""
    spec, role = partners.made(principal_arn=f"arn:aws:iam::{PARTNER}:user/ci")
    read_back = iam_evaluator.read_role(partners.owner, spec.name)
    theirs = iam_evaluator.Caller(spec.principal_arn)
    mine, now, edge = external_id_of(spec), datetime.now(UTC), timedelta(seconds=1)
    first, last = spec.starts_at.replace(microsecond=0) + edge, spec.ends_at.replace(microsecond=0)

    def said(at: datetime = now, caller: Any = theirs, **asked: Any) -> bool:
        return bool(iam_evaluator.may_assume(read_back, caller, at=at, **{"external_id": mine, **asked}))

    assert [said(), said(first), said(last - edge)] == [True] * 3
    assert [said(first - edge), said(last), said(last + timedelta(days=365))] == [False] * 3
    assert [said(external_id=wrong) for wrong in (None, str(uuid4()), "")] == [False] * 3
    assert not said(action="sts:TagSession")
    for arn in (f"arn:aws:iam::{PARTNER}:user/other", f"arn:aws:iam::{STRANGER}:user/ci"):
        assert not said(caller=iam_evaluator.Caller(arn))
    live = read_back.session("work", issued_at=now)
    wanted = ("s3:GetObject", f"arn:aws:s3:::{BUCKET}/plan.txt")
    assert [
        bool(iam_evaluator.decide(live, *wanted, at=at)) for at in (first - edge, first, last - edge, last)
    ] == [
        False,
        True,
        True,
        False,
    ]
    assert role.unique_id == read_back.unique_id


def _why(partners: Partners, name: str, action: str, resource: str) -> tuple[str, str]:
    """Return what the role's own policies say, as if it had no boundary: which statement refuses."""
    now = datetime.now(UTC)
    role = replace(iam_evaluator.read_role(partners.owner, name), boundary=None)
    verdict = iam_evaluator.decide(role.session("work", issued_at=now), action, resource, at=now)
    return verdict.why, verdict.sid


def test_nothing_of_it_is_made_where_it_could_not_be_safe(partners: Partners) -> None:
    spec = role_spec(principal_arn=f"arn:aws:iam::{PARTNER}:role/nobody")
    with pytest.raises(Exception, match="Invalid principal"):
        partners.roles.make(spec)
    assert partners.roles.read(spec.place, spec.name) is None
