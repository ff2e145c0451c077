"""Nothing is issued to whom nobody vouches for, and nothing outlives the provider's word: by every door."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.access.models import AwsSession, ConsoleLink, Grant
from portal.access.operations.credentials.console_links import make_console_link, use_console_link
from portal.access.operations.credentials.issue_credentials import IssuedCredentials, issue_credentials
from portal.access.operations.credentials.open_console import open_console
from portal.audit.models import AuditEvent
from portal.directory.models import ExternalIdentity, IdentityProvider, Person
from portal.directory.vouching import SignInTooOldError
from portal.kernel.actor import ActorKind
from portal.kernel.errors import ConflictError, NotFoundError
from tests.fakes import CONSOLE, FakeAws
from tests.set_clock import set_clock
from tests.statements import statements
from tests.vouched import vouch

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
READ = (
    "grants.make_grant",
    "credentials.write_sessions",
    "credentials.console_links",
    "refusals",
)
WHY = "Your sign-in is older than 90 days: sign in again at The tests, and this works at once."


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the database's clock."""

    def put(at: datetime) -> None:
        set_clock(monkeypatch, at, modules=READ)

    put(NOW)
    return put


@pytest.fixture
def grant(make_grant: Make, make_role: Make, person: Make, clock: Make) -> Grant:
    """Eight hours, from now on; the person's identity vouches until in an hour and 0.7 seconds."""
    someone = person("Ben Lindqvist", vouched=False)
    role = make_role("Worker", max_session_seconds=12 * 3600)
    made: Grant = make_grant(someone, role=role, ends_at=NOW + 8 * HOUR)
    say(someone, until=NOW + HOUR + timedelta(milliseconds=700))
    return made


def say(person: Person, *, until: datetime) -> None:
    """Have the tests' provider have vouched so that its word counts until then."""
    identity = ExternalIdentity.objects.filter(person=person).first() or vouch(person)
    identity.confirmed_at = until - identity.provider.max_age
    identity.save()


def doors(grant: Grant, aws: FakeAws, actor: Any) -> dict[str, Callable[[], object]]:
    by = {"grant_id": grant.pk, "aws": aws.ports(), "actor": actor}
    return {
        "credentials": lambda: issue_credentials(**by),
        "console": lambda: open_console(destination=CONSOLE, issuer="https://p.example", **by),
        "link": lambda: make_console_link(destination=CONSOLE, **by),
    }


@pytest.mark.parametrize("kind", [ActorKind.PERSON, ActorKind.TOKEN])
@pytest.mark.parametrize("door", ["credentials", "console", "link"])
def test_every_door_is_open_a_second_before_and_shut_at_the_end(  # noqa: PLR0917  # fixtures
    grant: Grant, aws: FakeAws, actor_of: Make, clock: Make, door: str, kind: ActorKind
) -> None:
    through = doors(grant, aws, actor_of(grant.person, kind))[door]
    clock(NOW + HOUR - SECOND)
    through()
    calls = len(aws.calls)
    for late in (NOW + HOUR, NOW + HOUR + timedelta(milliseconds=600), NOW + HOUR + SECOND):
        clock(late)
        with pytest.raises(SignInTooOldError) as refused:
            through()
        assert str(refused.value) == WHY
    assert len(aws.calls) == calls, "AWS was asked"
    refusals = AuditEvent.objects.filter(type="access.session.refused", grant_id=grant.pk)
    assert [row.details["code"] for row in refusals] == ["sign_in_too_old"] * 3


@pytest.mark.parametrize("door", ["credentials", "console", "link"])
def test_a_new_sign_in_opens_it_at_once(
    grant: Grant, aws: FakeAws, actor_of: Make, clock: Make, door: str
) -> None:
    clock(NOW + 2 * HOUR)
    through = doors(grant, aws, actor_of(grant.person))[door]
    with pytest.raises(SignInTooOldError):
        through()
    say(grant.holder, until=NOW + 3 * HOUR)
    through()


def test_what_is_issued_ends_with_the_providers_word_on_the_whole_second(
    grant: Grant, aws: FakeAws, actor_of: Make
) -> None:
    issued = issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    assert issued.ends_at == AwsSession.objects.get().ends_at == NOW + HOUR
    assert issued.length_why == "until the age of your sign-in"
    [call] = aws.asked("assume_role")
    assert (call.ends_at, call.duration) == (NOW + HOUR, HOUR)
    open_console(
        grant_id=grant.pk, destination=CONSOLE, issuer="x", aws=aws.ports(), actor=actor_of(grant.person)
    )
    assert {one.ends_at for one in AwsSession.objects.all()} == {NOW + HOUR}


def test_a_neighbour_of_a_newer_word_gets_the_whole_grant(
    grant: Grant, aws: FakeAws, actor_of: Make, make_grant: Make, person: Make
) -> None:
    theirs = make_grant(person("Nia Neighbour"), role=grant.role, ends_at=NOW + 8 * HOUR)
    issued = issue_credentials(grant_id=theirs.pk, aws=aws.ports(), actor=actor_of(theirs.person))
    assert issued.ends_at == NOW + 8 * HOUR
    assert issued.length_why == "until the grant's end"


def test_whichever_ends_first_is_named(grant: Grant, aws: FakeAws, actor_of: Make, clock: Make) -> None:
    by = {"grant_id": grant.pk, "aws": aws.ports(), "actor": actor_of(grant.person)}
    say(grant.holder, until=grant.ends_at)
    assert issue_credentials(**by).length_why == "until the grant's end"
    clock(NOW + 7 * HOUR + timedelta(minutes=50))
    say(grant.holder, until=grant.ends_at - 5 * SECOND)
    late: IssuedCredentials = issue_credentials(**by)
    assert late.ends_at == grant.ends_at - 5 * SECOND
    assert "the age of your sign-in inside its policy" in late.length_why


def test_a_link_dies_with_the_word(grant: Grant, aws: FakeAws, actor_of: Make, clock: Make) -> None:
    clock(NOW + HOUR - 60 * SECOND)
    by = {"aws": aws.ports(), "actor": actor_of(grant.person)}
    made = make_console_link(grant_id=grant.pk, destination=CONSOLE, **by)
    assert made.expires_at == NOW + HOUR
    say(grant.holder, until=NOW + 2 * HOUR)
    longer = make_console_link(grant_id=grant.pk, destination=CONSOLE, **by)
    assert longer.expires_at == NOW + HOUR + 9 * 60 * SECOND
    clock(NOW + HOUR)
    with pytest.raises(NotFoundError):
        use_console_link(token=made.token, issuer="x", **by)
    use_console_link(token=longer.token, issuer="x", **by)
    assert ConsoleLink.objects.filter(used_at=None).count() == 1


def test_whom_nobody_knows_anywhere_gets_nothing(grant: Grant, aws: FakeAws, actor_of: Make) -> None:
    ExternalIdentity.objects.filter(person=grant.person).delete()
    with pytest.raises(
        SignInTooOldError, match="No identity provider vouches for you any more: ask an admin"
    ):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))


def _provider_off(_: Grant) -> None:
    IdentityProvider.objects.update(is_enabled=False)


def _gone(grant: Grant) -> None:
    ExternalIdentity.objects.filter(person=grant.person).update(gone_at=NOW, gone_why="disabled")


def _a_shorter_word(grant: Grant) -> None:
    """Two vouched; the one with the longer word does so no longer."""
    say(grant.holder, until=NOW + HOUR - 60 * SECOND)


@pytest.mark.parametrize("meanwhile", [_provider_off, _gone, _a_shorter_word])
def test_a_word_that_ended_while_aws_was_asked_throws_the_answer_away(
    grant: Grant, aws: FakeAws, actor_of: Make, meanwhile: Callable[[Grant], None]
) -> None:
    aws.after["assume_role"] = lambda: meanwhile(grant)
    with pytest.raises(ConflictError, match=r"Nothing was handed out\."):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    assert AwsSession.objects.get().state == "discarded"


def test_a_word_that_was_renewed_while_aws_was_asked_harms_nothing(
    grant: Grant, aws: FakeAws, actor_of: Make
) -> None:
    aws.after["assume_role"] = lambda: say(grant.holder, until=NOW + 5 * HOUR)
    issued = issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    assert issued.ends_at == NOW + HOUR, "the end that its policy was written with"


def test_a_stranger_learns_nothing_of_whose_sign_in_is_old(
    grant: Grant, aws: FakeAws, actor_of: Make, person: Make, clock: Make
) -> None:
    clock(NOW + 2 * HOUR)
    with pytest.raises(NotFoundError):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(person("Mallory")))


def test_it_costs_one_statement_in_each_of_the_two_steps(grant: Grant, aws: FakeAws, actor_of: Make) -> None:
    with statements() as asked:
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    assert len([sql for sql in asked if "directory_scimtoken" in sql]) == 2
