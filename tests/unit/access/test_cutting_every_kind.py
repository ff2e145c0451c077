"""The kill switch of each call: the cut session is denied, its neighbour works, and so does what comes later.

The denies are read as AWS would read them: by the statements that the broker writes, judged by their conditions.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from brokers.aws.revocation import deny_document
from portal.access.models import AwsSession, DenyDocument, Grant, Revocation, UserKey
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.credentials.issue_session import ask_session
from portal.access.operations.credentials.read_role_id import ensure_role_id
from portal.access.operations.credentials.ready_proof import ready_proof
from portal.access.operations.cutting import apply_revocations as engine
from portal.access.operations.cutting.prove_revocations import is_probe_due, prove_revocations
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.running.sweep_grants import expire_batch
from portal.access.proofs import MfaProof, Proof
from portal.catalog.models import AwsRole
from portal.directory.models import Person
from portal.kernel.actor import Actor
from portal.kernel.errors import BusyError, ConflictError
from portal.kernel.sealing import seal
from tests.fakes import UNAVAILABLE, FakeAws
from tests.iam_conditions import conditions_met
from tests.oidc_forge import Forge
from tests.proof_world import (
    POOL,
    assertion,
    cognito_role,
    id_token,
    known_as,
    oidc_provider,
    real_readers,
    saml_provider,
    saml_role,
    token_role,
    user_role,
)

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
SHELL = Actor.command("tests")
BY_TIME = ["saml", "session_token", "cognito"]
EXACT = ["assume_role", "web_identity", "cognito_developer"]
SUB = "cognito-identity.amazonaws.com:sub"


@pytest.fixture
def forge() -> Iterator[Forge]:
    with real_readers() as running:
        yield running


class World:
    """A role of each method, and two people who hold it."""

    def __init__(self, make_role: Make, make_grant: Make, aws: FakeAws, actor_of: Make, forge: Forge) -> None:
        self.make_role, self.make_grant, self.aws, self.actor_of = make_role, make_grant, aws, actor_of
        self.forge = forge
        self.saml, self.oidc = saml_provider(), oidc_provider(forge.issuer)

    def role(self, method: str) -> AwsRole:
        match method:
            case "assume_role":
                return self.make_role("Plain")  # type: ignore[no-any-return]  # a fixture
            case "saml":
                return saml_role(self.make_role, self.saml)
            case "web_identity":
                return token_role(self.make_role, self.oidc)
            case "cognito":
                return cognito_role(self.make_role, self.oidc)
            case "cognito_developer":
                return self.make_role(  # type: ignore[no-any-return]  # as above
                    "ByVouching", method=method, identity_pool_id=POOL, login_name="login.example"
                )
        return user_role(self.make_role)

    def hold(self, role: AwsRole, person: Person) -> Grant:
        name = person.name.split()[0].lower()
        for provider in (self.saml, self.oidc):
            if not person.identities.filter(provider=provider).exists():
                known_as(person, provider, name)
        made: Grant = self.make_grant(person, role=role, seconds=7200)
        return made

    def proof(self, grant: Grant) -> Proof | None:
        name = grant.holder.name.split()[0].lower()
        match grant.role.method:
            case "saml":
                return assertion(grant.role, name)
            case "web_identity" | "cognito":
                return id_token(self.forge, name)
            case "session_token":
                UserKey.objects.get_or_create(
                    role=grant.role,
                    defaults={
                        "person": grant.holder,
                        "access_key_id": "AKIAABCDEFGHIJKLMNOP",
                        "secret": seal(b"s" * 40),
                        "mfa_serial": "arn:aws:iam::222222222222:mfa/ben",
                        "kept_at": datetime.now(UTC),
                    },
                )
                return MfaProof("123456")
        return None

    def issue(self, grant: Grant) -> AwsSession:
        issued = issue_credentials(
            grant_id=grant.pk,
            aws=self.aws.ports(),
            actor=self.actor_of(grant.person),
            proof=self.proof(grant),
        )
        return AwsSession.objects.get(pk=issued.session.pk)

    def revoke(self, grant: Grant) -> Revocation:
        revoke_grant(grant_id=grant.pk, reason="stop", actor=SHELL)
        row = Revocation.objects.get(grant=grant)
        for document in DenyDocument.objects.all():
            engine.apply_revocations(document_id=document.pk, aws=self.aws.ports(), holder="tests")
        row.refresh_from_db()
        return row

    def is_denied(self, session: AwsSession, *, issued_at: datetime) -> bool:
        """Whether what stands in AWS now denies a request of the session."""
        context: dict[str, Any] = {"aws:userid": session.userid, "aws:TokenIssueTime": issued_at}
        if session.userid.startswith("sub="):
            context = {
                "aws:userid": "AROAX:CognitoIdentityCredentials",
                "aws:TokenIssueTime": issued_at,
                SUB: session.userid.removeprefix("sub="),
            }
        statements = [
            statement
            for standing in self.aws.documents.values()
            for statement in deny_document(standing.entries)["Statement"]
        ]
        return any(conditions_met(each["Condition"], context) for each in statements)


@pytest.fixture
def world(make_role: Make, make_grant: Make, aws: FakeAws, actor_of: Make, forge: Forge) -> World:
    return World(make_role, make_grant, aws, actor_of, forge)


@pytest.mark.parametrize("method", [*EXACT, "saml", "cognito"])
def test_the_cut_session_is_denied_and_the_neighbour_works(
    world: World, method: str, ben: Person, mallory: Person
) -> None:
    role = world.role(method)
    cut, neighbour = world.hold(role, ben), world.hold(role, mallory)
    now = datetime.now(UTC)
    gone, works = world.issue(cut), world.issue(neighbour)
    assert gone.userid != works.userid
    row = world.revoke(cut)
    assert (row.state, len(row.userids)) == ("applied", 1)
    assert world.is_denied(gone, issued_at=now)
    assert not world.is_denied(works, issued_at=now)


def test_a_users_sessions_are_denied_and_another_users_work(
    world: World, ben: Person, mallory: Person
) -> None:
    mine = world.role("session_token")
    grant = world.hold(mine, ben)
    now = datetime.now(UTC)
    gone = world.issue(grant)
    row = world.revoke(grant)
    [entry] = row.userids
    assert entry.startswith(f"{gone.userid}<")
    assert row.document.kind == "user"
    assert world.is_denied(gone, issued_at=now)
    other = AwsSession(userid="AIDAANOTHERUSERS0001")
    assert not world.is_denied(other, issued_at=now)


@pytest.mark.parametrize("method", BY_TIME)
def test_what_is_issued_later_works_though_it_has_the_same_name(
    world: World, method: str, ben: Person
) -> None:
    role = world.role(method)
    first = world.hold(role, ben)
    gone = world.issue(first)
    row = world.revoke(first)
    later = datetime.now(UTC) + timedelta(minutes=2)
    let_pass(row, seconds=70)
    again = world.issue(world.hold(role, ben))
    assert again.userid == gone.userid
    assert not world.is_denied(again, issued_at=later)
    assert world.is_denied(gone, issued_at=gone.asked_at)


@pytest.mark.parametrize("method", BY_TIME)
def test_what_aws_would_deny_is_not_asked_for_until_it_would_not(
    world: World, method: str, ben: Person, mallory: Person
) -> None:
    """Else it would be kept, and handed out for hours."""
    role = world.role(method)
    first, second = world.hold(role, ben), world.hold(role, ben)
    world.issue(first)
    row = world.revoke(first)
    with pytest.raises(BusyError, match="AWS would deny a new one") as caught:
        world.issue(second)
    assert caught.value.retry_after_seconds in range(50, 68)
    assert AwsSession.objects.filter(grant=second).count() == 0
    if method != "session_token":  # whose role is one person's user
        world.issue(world.hold(role, mallory))
    let_pass(row, seconds=60)
    with pytest.raises(BusyError):  # AWS's clock may be behind
        world.issue(second)
    let_pass(row, seconds=7)
    assert world.issue(second).state == "got"


@pytest.mark.parametrize("method", EXACT)
def test_whom_nobody_else_names_waits_for_nothing(world: World, method: str, ben: Person) -> None:
    role = world.role(method)
    first = world.hold(role, ben)
    gone = world.issue(first)
    world.revoke(first)
    assert world.issue(world.hold(role, ben)).userid != gone.userid


def let_pass(row: Revocation, *, seconds: int) -> None:
    """Have a revocation's one entry be of so much earlier."""
    row.refresh_from_db()
    name, _, told = row.userids[0].partition("<")
    at = datetime.fromisoformat(told) - timedelta(seconds=seconds)
    Revocation.objects.filter(pk=row.pk).update(userids=[f"{name}<{at:%Y-%m-%dT%H:%M:%SZ}"])


@pytest.mark.parametrize("method", BY_TIME)
def test_clocks_that_differ_let_nobody_slip_through(world: World, method: str, ben: Person) -> None:
    """AWS's clock may run ahead, and TokenIssueTime is of whole seconds."""
    grant = world.hold(world.role(method), ben)
    gone = world.issue(grant)
    row = world.revoke(grant)
    assert world.is_denied(gone, issued_at=row.asked_at + timedelta(seconds=59))
    assert not world.is_denied(gone, issued_at=row.asked_at + timedelta(seconds=62))


@pytest.mark.parametrize("method", ["assume_role", "saml", "web_identity", "session_token"])
def test_a_session_whose_answer_never_came_is_denied_as_well(world: World, method: str, ben: Person) -> None:
    role = world.role(method)
    grant = world.hold(role, ben)
    calls = {
        "assume_role": "assume_role",
        "saml": "assume_role_with_saml",
        "web_identity": "assume_role_with_web_identity",
        "session_token": "get_session_token",
    }
    world.aws.lose_answer[calls[method]] = UNAVAILABLE
    with pytest.raises(Exception, match="no usable answer"):
        world.issue(grant)
    lost = AwsSession.objects.get()
    assert (lost.state, lost.userid) == ("lost", "")
    role.refresh_from_db()
    [entry] = world.revoke(grant).userids
    expected = role.unique_id if method == "session_token" else f"{role.unique_id}:{lost.session_name}"
    assert role.unique_id
    assert entry.partition("<")[0] == expected


def test_a_cognito_session_whose_answer_never_came_was_nobodys(world: World, ben: Person) -> None:
    grant = world.hold(world.role("cognito"), ben)
    world.aws.lose_answer["get_cognito_credentials"] = UNAVAILABLE
    with pytest.raises(Exception, match="no usable answer"):
        world.issue(grant)
    revoke_grant(grant_id=grant.pk, reason="stop", actor=SHELL)
    assert not Revocation.objects.exists()


@pytest.mark.parametrize("method", [*EXACT, *BY_TIME])
def test_what_comes_after_the_revoke_is_thrown_away_and_denied(
    world: World, method: str, ben: Person
) -> None:
    grant = world.hold(world.role(method), ben)
    calls = {
        "assume_role": "assume_role",
        "saml": "assume_role_with_saml",
        "web_identity": "assume_role_with_web_identity",
        "cognito": "get_cognito_credentials",
        "cognito_developer": "get_developer_credentials",
        "session_token": "get_session_token",
    }
    world.aws.before[calls[method]] = lambda: revoke_grant(grant_id=grant.pk, reason="stop", actor=SHELL)
    with pytest.raises(ConflictError, match="ended while AWS was asked"):
        world.issue(grant)
    thrown = AwsSession.objects.get()
    assert thrown.state == "discarded"
    for document in DenyDocument.objects.all():
        engine.apply_revocations(document_id=document.pk, aws=world.aws.ports(), holder="tests")
    assert world.is_denied(thrown, issued_at=datetime.now(UTC))


@pytest.mark.parametrize("method", [*EXACT, *BY_TIME])
def test_only_what_can_be_tried_out_is_probed_and_the_rest_says_why(
    world: World, method: str, ben: Person
) -> None:
    grant = world.hold(world.role(method), ben)
    world.issue(grant)
    row = world.revoke(grant)
    if method == "assume_role":
        assert is_probe_due(at=datetime.now(UTC) + timedelta(seconds=1))
        assert prove_revocations(aws=world.aws.ports()) == 1
    else:
        assert row.probe_at is None
        assert row.proof_note.startswith("Not tried out")
        assert not is_probe_due(at=datetime.now(UTC) + timedelta(seconds=1))
        assert prove_revocations(aws=world.aws.ports()) == 0
        assert world.aws.count("probe") == 0


def test_nothing_is_planned_for_a_root_task(
    world: World, make_grant: Make, make_role: Make, ben: Person
) -> None:
    role = make_role(
        "root",
        method="root_task",
        root_task="IAMAuditRootUserCredentials",
        max_session_seconds=900,
        allows_console=False,
        factor_minutes=5,
    )
    grant = make_grant(ben, role=role, accepts_no_kill_switch=True)
    assert grant.accepted_no_kill_switch
    actor = world.actor_of(ben)
    actor = replace(actor, factor_at=datetime.now(UTC))
    issue_credentials(grant_id=grant.pk, aws=world.aws.ports(), actor=actor)
    revoke_grant(grant_id=grant.pk, reason="stop", actor=SHELL)
    assert not Revocation.objects.exists()
    assert world.aws.documents == {}


def test_the_end_of_a_grant_cuts_off_what_carries_none(world: World, ben: Person, move_time: Make) -> None:
    """A console that was made of Cognito's credentials has no end of ours in it; one of AssumeRole's has."""
    open_ended, ended = world.hold(world.role("cognito"), ben), world.hold(world.role("assume_role"), ben)
    gone = world.issue(open_ended)
    world.issue(ended)
    assert gone.ends_at is None
    for grant in (open_ended, ended):
        move_time(grant.pk, 7300)
    expire_batch()
    assert [row.grant_id for row in Revocation.objects.all()] == [open_ended.pk]
    assert Revocation.objects.get().covers_until > datetime.now(UTC) + timedelta(hours=24)


def test_a_window_of_a_session_is_what_ends_first(world: World, ben: Person) -> None:
    """GetSessionToken is over by its own time: what it gives makes no console, so that nothing lives longer."""
    grant = world.hold(world.role("session_token"), ben)
    session = world.issue(grant)
    row = world.revoke(grant)
    assert row.covers_until == AwsSession.objects.get(pk=session.pk).expires_at


def test_who_asks_for_anothers_proof_gets_no_row(world: World, ben: Person, mallory: Person) -> None:
    role = world.role("saml")
    mine, theirs = world.hold(role, ben), world.hold(role, mallory)
    proof = world.proof(theirs)
    with pytest.raises(Exception, match="does not open this role"):
        ready_proof(own=mine, proof=proof, actor=world.actor_of(ben))
    ensure_role_id(
        own=theirs,
        kind=AwsSession.Kind.CREDENTIALS,
        aws=world.aws.ports(),
        actor=world.actor_of(mallory),
    )
    ready = ready_proof(own=theirs, proof=proof, actor=world.actor_of(mallory))
    asked = ask_session(
        grant_id=theirs.pk,
        kind=AwsSession.Kind.CREDENTIALS,
        aws=world.aws.ports(),
        actor=world.actor_of(mallory),
        proof=ready,
    )
    assert asked.session.session_name == "mallory@example.test"
