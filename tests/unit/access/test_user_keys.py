"""A person's own IAM user: its key is theirs alone, sealed, and used with their MFA code."""

from collections.abc import Callable
from typing import Any

import pytest

from portal.access.models import AwsSession, Grant, UserKey
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.credentials.user_keys import keep_user_key, own_users, remove_user_key
from portal.access.operations.grants.deactivate_person import deactivate_person
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.policy import EndTooNearError
from portal.access.proofs import MfaProof, ProofNeededError
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.directory.models import Person
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError, InvalidError, NotFoundError
from tests.fakes import FakeAws
from tests.proof_world import user_role

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
KEY, SECRET = "AKIAABCDEFGHIJKLMNOP", "user-secret/that+stands=nowhere/000000000"  # made up
DEVICE = "arn:aws:iam::222222222222:mfa/ben"


@pytest.fixture
def user(make_role: Make) -> AwsRole:
    return user_role(make_role)


@pytest.fixture
def grant(make_grant: Make, user: AwsRole, ben: Person) -> Grant:
    made: Grant = make_grant(ben, role=user)
    return made


def keep(user: AwsRole, actor: Actor, **changes: str) -> UserKey:
    given = {"access_key_id": KEY, "secret": SECRET, "mfa_serial": DEVICE, **changes}
    return keep_user_key(role_id=user.pk, actor=actor, **given)


def issue(grant: Grant, aws: FakeAws, actor: Actor, proof: MfaProof | None) -> None:
    issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor, proof=proof)


def test_a_kept_key_and_a_code_get_a_session(
    grant: Grant, user: AwsRole, ben: Person, aws: FakeAws, actor_of: Make
) -> None:
    kept = keep(user, actor_of(ben))
    assert SECRET.encode() not in bytes(kept.secret)
    issue(grant, aws, actor_of(ben), MfaProof("123 456"))
    [call] = aws.asked("get_session_token")
    assert (call.access_key_id, call.secret_access_key, call.mfa_serial, call.mfa_code, call.user_arn) == (
        KEY,
        SECRET,
        DEVICE,
        "123456",
        user.arn,
    )
    everything = str(list(AuditEvent.objects.values())) + str(list(AwsSession.objects.values()))
    assert SECRET not in everything
    assert SECRET not in repr(call)
    told = AuditEvent.objects.get(type="access.user_key.kept")
    assert (told.person_id, told.details["with_secret"]) == (ben.pk, True)
    assert own_users(ben.pk) == [user]


def test_a_secret_that_is_not_kept_is_brought_along(
    grant: Grant, user: AwsRole, ben: Person, aws: FakeAws, actor_of: Make
) -> None:
    keep(user, actor_of(ben), secret="")
    with pytest.raises(ProofNeededError) as needed:
        issue(grant, aws, actor_of(ben), MfaProof("123456"))
    assert needed.value.field == "secret_access_key"
    other = "AKIAZZZZZZZZZZZZZZZZ"
    with pytest.raises(InvalidError, match="secret of this key is missing"):
        issue(grant, aws, actor_of(ben), MfaProof("123456", other))
    issue(grant, aws, actor_of(ben), MfaProof("123456", other, SECRET))
    [call] = aws.asked("get_session_token")
    assert (call.access_key_id, call.secret_access_key) == (other, SECRET)


@pytest.mark.parametrize(
    ("key_id", "secret", "field"),
    [("ASIAABCDEFGHIJKLMNOP", SECRET, "access_key_id"), (KEY, "short", "secret_access_key")],
)
def test_what_is_brought_along_must_be_a_key(  # noqa: PLR0917  # fixtures
    grant: Grant,
    user: AwsRole,
    ben: Person,
    aws: FakeAws,
    actor_of: Make,
    key_id: str,
    secret: str,
    field: str,
) -> None:
    keep(user, actor_of(ben))
    with pytest.raises(InvalidError) as refused:
        issue(grant, aws, actor_of(ben), MfaProof("123456", key_id, secret))
    assert refused.value.field == field
    assert aws.asked("get_session_token") == []
    issue(grant, aws, actor_of(ben), MfaProof("123456", KEY, SECRET))


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "१२३४५६"])  # other digits are the point
def test_a_code_has_six_digits(  # noqa: PLR0917  # fixtures
    grant: Grant, user: AwsRole, ben: Person, aws: FakeAws, actor_of: Make, code: str
) -> None:
    keep(user, actor_of(ben))
    with pytest.raises(InvalidError) as refused:
        issue(grant, aws, actor_of(ben), MfaProof(code))
    assert refused.value.field == "mfa_code"
    issue(grant, aws, actor_of(ben), MfaProof("123456"))


def test_without_a_code_or_a_device_nothing_is_asked(
    grant: Grant, user: AwsRole, ben: Person, aws: FakeAws, actor_of: Make
) -> None:
    with pytest.raises(ProofNeededError) as needed:
        issue(grant, aws, actor_of(ben), None)
    assert needed.value.field == "mfa_code"
    with pytest.raises(ConflictError, match="My IAM users"):
        issue(grant, aws, actor_of(ben), MfaProof("123456"))
    assert aws.asked("get_session_token") == []
    keep(user, actor_of(ben))
    issue(grant, aws, actor_of(ben), MfaProof("123456"))


def test_what_would_outlive_the_grant_is_refused(
    make_grant: Make, user: AwsRole, ben: Person, aws: FakeAws, actor_of: Make
) -> None:
    short, enough = make_grant(ben, role=user, seconds=890), make_grant(ben, role=user, seconds=1000)
    keep(user, actor_of(ben))
    with pytest.raises(EndTooNearError, match="15 minutes at least"):
        issue(short, aws, actor_of(ben), MfaProof("123456"))
    issue(enough, aws, actor_of(ben), MfaProof("123456"))
    assert aws.asked("get_session_token")[0].duration.total_seconds() <= 1000


def test_only_who_holds_the_user_keeps_its_key(  # noqa: PLR0917  # fixtures
    grant: Grant, user: AwsRole, ben: Person, mallory: Person, actor_of: Make, role: AwsRole
) -> None:
    with pytest.raises(NotFoundError):
        keep(user, actor_of(mallory))
    with pytest.raises(NotFoundError):
        keep(role, actor_of(ben))
    keep(user, actor_of(ben))
    with pytest.raises(NotFoundError):
        remove_user_key(role_id=user.pk, actor=actor_of(mallory))
    assert UserKey.objects.get().person == ben
    remove_user_key(role_id=user.pk, actor=actor_of(ben))
    assert not UserKey.objects.exists()
    assert AuditEvent.objects.filter(type="access.user_key.removed").count() == 1


def test_another_user_of_somebody_elses_stops_nobody(  # noqa: PLR0917  # fixtures
    grant: Grant,
    user: AwsRole,
    ben: Person,
    mallory: Person,
    make_role: Make,
    make_grant: Make,
    actor_of: Make,
) -> None:
    theirs = user_role(make_role, "mallory")
    make_grant(mallory, role=theirs)
    keep(theirs, actor_of(mallory))
    assert keep(user, actor_of(ben)).person == ben


def test_anothers_key_is_not_used_nor_replaced(  # noqa: PLR0917  # fixtures
    grant: Grant, user: AwsRole, ben: Person, mallory: Person, make_grant: Make, aws: FakeAws, actor_of: Make
) -> None:
    keep(user, actor_of(ben))
    theirs = make_grant(mallory, role=user)
    with pytest.raises(ConflictError, match="Somebody else"):
        keep(user, actor_of(mallory))
    with pytest.raises(ConflictError, match="My IAM users"):
        issue(theirs, aws, actor_of(mallory), MfaProof("123456"))
    issue(grant, aws, actor_of(ben), MfaProof("123456"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"access_key_id": "ASIAABCDEFGHIJKLMNOP"}, "access_key_id"),
        ({"access_key_id": ""}, "access_key_id"),
        ({"secret": "short"}, "secret_access_key"),
        ({"secret": f"{SECRET[:20]} {SECRET[20:]}"}, "secret_access_key"),
        ({"secret": f"{SECRET[:-1]}ü"}, "secret_access_key"),
        ({"mfa_serial": ""}, "mfa_serial"),
        ({"mfa_serial": "arn:aws:iam::333333333333:mfa/ben"}, "mfa_serial"),
        ({"mfa_serial": "two words, and more"}, "mfa_serial"),
    ],
)
def test_what_cannot_be_one_is_named(  # noqa: PLR0917  # fixtures
    grant: Grant, user: AwsRole, ben: Person, actor_of: Make, changes: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        keep(user, actor_of(ben), **changes)
    assert refused.value.field == field
    assert not UserKey.objects.exists()
    keep(user, actor_of(ben), mfa_serial="GAHT12345678")


def test_a_key_can_be_forgotten_after_the_grant_is_over(
    grant: Grant, user: AwsRole, ben: Person, actor_of: Make
) -> None:
    keep(user, actor_of(ben))
    revoke_grant(grant_id=grant.pk, reason="stop", actor=Actor.command("tests"))
    assert own_users(ben.pk) == [user]
    with pytest.raises(NotFoundError):
        keep(user, actor_of(ben))
    remove_user_key(role_id=user.pk, actor=actor_of(ben))
    assert own_users(ben.pk) == []


def test_whoever_is_deactivated_leaves_no_key_behind(  # noqa: PLR0917  # fixtures
    grant: Grant,
    user: AwsRole,
    ben: Person,
    mallory: Person,
    make_role: Make,
    make_grant: Make,
    actor_of: Make,
) -> None:
    keep(user, actor_of(ben))
    theirs = make_role("mallory", method="session_token", allows_console=False)
    make_grant(mallory, role=theirs)
    keep(theirs, actor_of(mallory))
    deactivate_person(person_id=ben.pk, reason="left", actor=Actor.command("tests"))
    assert [key.person for key in UserKey.objects.all()] == [mallory]
    assert AuditEvent.objects.get(type="access.user_key.removed").person_id == ben.pk
