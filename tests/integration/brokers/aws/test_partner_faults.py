"""A process that dies between any two calls leaves nothing that is too open, and repeating finishes the work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from brokers.aws.partner_roles import IamPartnerRoles
from brokers.errors import AwsRefused, AwsUnavailable, LimitExceeded
from brokers.types import PartnerRoleSpec
from tests import iam_evaluator
from tests.integration.brokers.aws.estate import BUCKET, OTHER_BUCKET, allow, policy
from tests.integration.brokers.aws.partner_estate import (
    HOUR,
    PARTNER,
    PLACE,
    STRANGER,
    Partners,
    external_id_of,
    grant_of_role,
    role_spec,
)

AUDIT = "arn:aws:iam::aws:policy/SecurityAudit"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
Act = Callable[[IamPartnerRoles, PartnerRoleSpec], object]


class KilledError(BaseException):
    """The process dies here."""


@dataclass
class Hook:
    """Counts IAM calls and dies at one of them: before AWS got it, or after AWS did it."""

    die_at: int
    before: bool
    calls: int = 0

    def calling(self, **_: Any) -> None:
        self.calls += 1
        if self.before and self.calls == self.die_at:
            raise KilledError

    def called(self, **_: Any) -> None:
        if not self.before and self.calls == self.die_at:
            raise KilledError


@contextmanager
def hooked(partners: Partners, hook: Any) -> Iterator[None]:
    events = partners.access.iam(PLACE).meta.events
    events.register("before-call.iam", hook.calling)
    events.register("after-call.iam", hook.called)
    try:
        yield
    finally:
        events.unregister("before-call.iam", hook.calling)
        events.unregister("after-call.iam", hook.called)


def make(roles: IamPartnerRoles, spec: PartnerRoleSpec) -> object:
    return roles.make(spec)


def close(roles: IamPartnerRoles, spec: PartnerRoleSpec) -> object:
    return roles.close(spec.place, spec.name, grant=grant_of_role(spec))


def delete(roles: IamPartnerRoles, spec: PartnerRoleSpec) -> None:
    roles.delete(spec.place, spec.name, grant=grant_of_role(spec))


def dies_at_each_call(
    partners: Partners, act: Act, fresh: Callable[[], PartnerRoleSpec]
) -> Iterator[PartnerRoleSpec]:
    """Yield a role for each call that `act` makes, before and after it, left as the process left it."""
    for before in (True, False):
        for die_at in range(1, 40):
            spec, hook = fresh(), Hook(die_at, before)
            died = False
            with hooked(partners, hook):
                try:
                    act(partners.roles, spec)
                except KilledError:
                    died = True
            if not died:
                assert die_at > 3, "it should make several calls"
                break
            yield spec
        else:
            pytest.fail("it never ended")


def drifted(partners: Partners) -> PartnerRoleSpec:
    """Return a role that somebody opened in every way."""
    spec, _ = partners.made(managed_policy_arns=(READ_ONLY,))
    iam = partners.owner
    open_to_all = policy({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    iam.update_assume_role_policy(RoleName=spec.name, PolicyDocument=open_to_all)
    iam.put_role_policy(RoleName=spec.name, PolicyName="More", PolicyDocument=policy(allow("*")))
    iam.attach_role_policy(RoleName=spec.name, PolicyArn=AUDIT)
    iam.delete_role_permissions_boundary(RoleName=spec.name)
    iam.untag_role(RoleName=spec.name, TagKeys=["SallyportPartner"])
    iam.tag_role(RoleName=spec.name, Tags=[{"Key": "team", "Value": "x"}])
    iam.update_role(RoleName=spec.name, Description="mine", MaxSessionDuration=43_200)
    return spec


def assert_no_more_than_it_should(partners: Partners, spec: PartnerRoleSpec) -> None:
    """Judge what stands by the tests' own evaluator: nobody else gets in, and nothing else is allowed."""
    try:
        role = iam_evaluator.read_role(partners.owner, spec.name)
    except ClientError:
        return
    now, mine = datetime.now(UTC), external_id_of(spec)
    theirs = iam_evaluator.Caller(f"arn:aws:iam::{PARTNER}:user/ci")
    stranger = iam_evaluator.Caller(f"arn:aws:iam::{STRANGER}:user/ci")
    assert not iam_evaluator.may_assume(role, stranger, at=now, external_id=mine)
    assert not iam_evaluator.may_assume(role, theirs, at=now)
    assert not iam_evaluator.may_assume(role, theirs, at=spec.ends_at + HOUR, external_id=mine)
    live = role.session("work", issued_at=now)
    for action, resource, at in (
        ("s3:PutObject", f"arn:aws:s3:::{BUCKET}/plan.txt", now),
        ("s3:GetObject", f"arn:aws:s3:::{OTHER_BUCKET}/plan.txt", now),
        ("s3:GetObject", f"arn:aws:s3:::{BUCKET}/plan.txt", spec.ends_at + HOUR),
        ("sts:AssumeRole", "arn:aws:iam::222222222222:role/Further", now),
    ):
        assert not iam_evaluator.decide(live, action, resource, at=at), action


@pytest.mark.thorough
def test_making_dies_anywhere_and_made_again_it_stands(partners: Partners) -> None:
    for spec in dies_at_each_call(partners, make, role_spec):
        assert_no_more_than_it_should(partners, spec)
        role = partners.roles.make(spec)
        assert partners.roles.differences(spec, role) == []
        delete(partners.roles, spec)


@pytest.mark.thorough
def test_putting_right_dies_anywhere_and_done_again_it_is_right(partners: Partners) -> None:
    for spec in dies_at_each_call(partners, make, lambda: drifted(partners)):
        role = partners.roles.make(spec)
        assert partners.roles.differences(spec, role) == []
        delete(partners.roles, spec)


@pytest.mark.thorough
def test_making_dies_anywhere_and_is_taken_away_in_its_place(partners: Partners) -> None:
    for spec in dies_at_each_call(partners, make, role_spec):
        delete(partners.roles, spec)
        assert partners.roles.read(PLACE, spec.name) is None


@pytest.mark.thorough
def test_closing_dies_anywhere_and_done_again_it_is_closed(partners: Partners) -> None:
    def fresh() -> PartnerRoleSpec:
        return partners.made()[0]

    for spec in dies_at_each_call(partners, close, fresh):
        assert_no_more_than_it_should(partners, spec)
        assert close(partners.roles, spec)
        assert_nothing_goes(partners, spec)
        delete(partners.roles, spec)


@pytest.mark.thorough
def test_removing_dies_anywhere_opens_nothing_and_done_again_it_is_gone(partners: Partners) -> None:
    def fresh() -> PartnerRoleSpec:
        spec, _ = partners.made(managed_policy_arns=(READ_ONLY,))
        close(partners.roles, spec)
        return spec

    for spec in dies_at_each_call(partners, delete, fresh):
        assert_nothing_goes(partners, spec)
        delete(partners.roles, spec)
        assert partners.roles.read(PLACE, spec.name) is None


def assert_nothing_goes(partners: Partners, spec: PartnerRoleSpec) -> None:
    try:
        role = iam_evaluator.read_role(partners.owner, spec.name)
    except ClientError:
        return
    now = datetime.now(UTC)
    caller = iam_evaluator.Caller(f"arn:aws:iam::{PARTNER}:user/ci")
    assert not iam_evaluator.may_assume(role, caller, at=now, external_id=external_id_of(spec))
    live = role.session("work", issued_at=now)
    assert not iam_evaluator.decide(live, "s3:GetObject", f"arn:aws:s3:::{BUCKET}/plan.txt", at=now)


@dataclass
class Hides:
    """IAM doesn't show a new role yet: calls of these verbs get NoSuchEntity, so often."""

    verbs: tuple[str, ...]
    times: int

    def calling(self, **_: Any) -> None:
        pass

    def called(self, http_response: Any, parsed: Any, model: Any, **_: Any) -> None:
        if model.name in self.verbs and self.times:
            self.times -= 1
            http_response.status_code = 404
            parsed.clear()
            parsed.update(
                Error={"Code": "NoSuchEntity", "Message": "not yet"}, ResponseMetadata={"HTTPStatusCode": 404}
            )


@pytest.mark.parametrize("verbs", [("GetRole",), ("PutRolePolicy",), ("GetRole", "PutRolePolicy")])
def test_a_role_that_aws_shows_late_is_waited_for(partners: Partners, verbs: tuple[str, ...]) -> None:
    spec = role_spec()
    with hooked(partners, Hides(verbs, 3)):
        role = partners.roles.make(spec)
    assert partners.roles.differences(spec, role) == []


def test_one_that_aws_shows_too_late_is_for_another_try(partners: Partners) -> None:
    spec = role_spec()
    with hooked(partners, Hides(("GetRole",), 99)), pytest.raises(AwsUnavailable, match="isn't shown yet"):
        partners.roles.make(spec)
    with (
        hooked(partners, Hides(("GetRole",), 99)),
        pytest.raises(AwsUnavailable, match="EntityAlreadyExists"),
    ):
        partners.roles.make(spec)
    with hooked(partners, Hides(("GetRole",), 2)):
        assert partners.roles.differences(spec, partners.roles.make(spec)) == []


def answer(code: str, message: str, status: int) -> tuple[Any, Any]:
    error = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return type("Answer", (), {"status_code": status})(), error


@dataclass
class Gone:
    """AWS says of a verb that there is no such thing, without doing it."""

    verb: str

    def calling(self, model: Any, **_: Any) -> Any:
        return answer("NoSuchEntity", "gone", 404) if model.name == self.verb else None

    def called(self, **_: Any) -> None:
        pass


@dataclass
class Refuses:
    """AWS refuses a verb, without doing it."""

    verb: str
    code: str

    def calling(self, model: Any, **_: Any) -> Any:
        return answer(self.code, "Cannot exceed quota", 409) if model.name == self.verb else None

    def called(self, **_: Any) -> None:
        pass


@pytest.mark.parametrize("verb", ["CreateRole", "PutRolePolicy", "AttachRolePolicy"])
def test_no_room_in_the_account_is_said_as_a_limit_and_nothing_open_is_left(
    partners: Partners, verb: str
) -> None:
    spec = role_spec(managed_policy_arns=(READ_ONLY,))
    with hooked(partners, Refuses(verb, "LimitExceeded")), pytest.raises(LimitExceeded) as caught:
        partners.roles.make(spec)
    assert "Cannot exceed quota" in str(caught.value)
    assert_no_more_than_it_should(partners, spec)
    delete(partners.roles, spec)
    assert partners.roles.read(PLACE, spec.name) is None


def test_a_role_whose_inline_policies_are_full_is_closed_all_the_same(partners: Partners) -> None:
    spec, _ = partners.made()
    with hooked(partners, Refuses("PutRolePolicy", "LimitExceeded")):
        assert close(partners.roles, spec)
    assert_nothing_goes(partners, spec)


@pytest.mark.parametrize(
    "verb", ["GetRole", "ListRolePolicies", "DetachRolePolicy", "DeleteRolePolicy", "DeleteRole"]
)
def test_a_refusal_in_the_middle_comes_out_and_the_next_try_finishes(partners: Partners, verb: str) -> None:
    spec, _ = partners.made(managed_policy_arns=(READ_ONLY,))
    close(partners.roles, spec)
    with hooked(partners, Refuses(verb, "InvalidInput")), pytest.raises(AwsRefused, match="InvalidInput"):
        delete(partners.roles, spec)
    assert_nothing_goes(partners, spec)
    delete(partners.roles, spec)
    assert partners.roles.read(PLACE, spec.name) is None


def test_an_open_role_is_closed_before_anything_of_it_is_taken_away(partners: Partners) -> None:
    spec, _ = partners.made(managed_policy_arns=(READ_ONLY,))
    with hooked(partners, Refuses("DetachRolePolicy", "InvalidInput")), pytest.raises(AwsRefused):
        delete(partners.roles, spec)
    assert_nothing_goes(partners, spec)
    delete(partners.roles, spec)


@pytest.mark.parametrize("verb", ["CreateRole", "PutRolePolicy", "GetRole"])
def test_a_refusal_while_making_comes_out_and_the_next_try_finishes(partners: Partners, verb: str) -> None:
    spec = role_spec()
    with hooked(partners, Refuses(verb, "InvalidInput")), pytest.raises(AwsRefused, match="InvalidInput"):
        partners.roles.make(spec)
    assert partners.roles.differences(spec, partners.roles.make(spec)) == []


@pytest.mark.parametrize("verb", ["DetachRolePolicy", "DeleteRolePolicy"])
def test_what_cannot_be_taken_away_is_no_success(partners: Partners, verb: str) -> None:
    spec = drifted(partners)
    with hooked(partners, Refuses(verb, "InvalidInput")), pytest.raises(AwsRefused, match="InvalidInput"):
        partners.roles.make(spec)
    with hooked(partners, Gone(verb)), pytest.raises(AwsUnavailable):
        partners.roles.make(spec)
    assert partners.roles.differences(spec, partners.roles.make(spec)) == []


def test_a_close_that_aws_does_not_show_is_for_another_try(partners: Partners) -> None:
    spec, _ = partners.made()
    with hooked(partners, Gone("UpdateAssumeRolePolicy")), pytest.raises(AwsUnavailable, match="as closed"):
        close(partners.roles, spec)
    assert close(partners.roles, spec)
    assert_nothing_goes(partners, spec)


def test_a_role_that_goes_while_it_is_written_is_said_to_be_missing(partners: Partners) -> None:
    spec = role_spec()
    with hooked(partners, Gone("PutRolePolicy")), pytest.raises(AwsRefused, match="NoSuchEntity"):
        partners.roles.make(spec)
    assert partners.roles.differences(spec, partners.roles.make(spec)) == []


@dataclass
class Vanishes:
    """Somebody deletes the role by hand at the very moment of a verb."""

    partners: Partners
    spec: PartnerRoleSpec
    verb: str

    def calling(self, model: Any, **_: Any) -> Any:
        if model.name != self.verb:
            return None
        self.partners.owner.delete_role_policy(RoleName=self.spec.name, PolicyName="SallyportScope")
        self.partners.owner.delete_role(RoleName=self.spec.name)
        return answer("AccessDenied", "no such role any more", 403)

    def called(self, **_: Any) -> None:
        pass


def test_a_role_that_goes_while_it_is_closed_is_closed(partners: Partners) -> None:
    spec, _ = partners.made()
    with hooked(partners, Vanishes(partners, spec, "PutRolePolicy")):
        assert close(partners.roles, spec)
    assert partners.roles.read(PLACE, spec.name) is None


def test_a_role_that_goes_while_it_is_read_is_not_there(partners: Partners) -> None:
    spec, _ = partners.made()
    with hooked(partners, Gone("ListRolePolicies")):
        assert partners.roles.read(PLACE, spec.name) is None
    assert partners.roles.read(PLACE, spec.name) is not None
