"""Before anything is issued the directory is asked again: gone, locked, down; at most once a minute."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from brokers.types import AccountState
from portal import wiring
from portal.access.models import AwsSession, CredentialSlot, Grant
from portal.access.operations.credentials.console_links import make_console_link
from portal.access.operations.credentials.fetch_credentials import fetch_credentials
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.credentials.open_console import open_console
from portal.audit.models import AuditEvent
from portal.directory.models import ExternalIdentity, IdentityProvider, Person
from portal.identity.operations import confirm_person as module
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, NotFoundError
from tests.fake_ldap import DOWN, FakeLdap, make_directory
from tests.fakes import CONSOLE, FakeAws
from tests.unit.identity.ldap_sync.syncing import sync
from tests.world import as_actor

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
Issue = Callable[[Grant, Actor, FakeAws], object]
OLD = timedelta(seconds=61)


@pytest.fixture(autouse=True)
def ldap(monkeypatch: pytest.MonkeyPatch) -> FakeLdap:
    fake = FakeLdap()
    monkeypatch.setattr(wiring, "ldap_ports", lambda: fake)
    module._rests.clear()
    return fake


@pytest.fixture
def office(db: None) -> IdentityProvider:
    return make_directory()


@pytest.fixture
def ann(office: IdentityProvider, ldap: FakeLdap, person: Make) -> Person:
    """Somebody whom the directory confirmed a little more than a minute ago."""
    ldap.add("ann")
    made: Person = person("Ann Brook", vouched=False)
    ExternalIdentity.objects.create(
        provider=office,
        person=made,
        subject="id-ann",
        subject_format="ldap",
        login="ann",
        confirmed_at=database_now() - OLD,
    )
    return made


def credentials(grant: Grant, actor: Actor, aws: FakeAws) -> object:
    return issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor)


def console(grant: Grant, actor: Actor, aws: FakeAws) -> object:
    return open_console(
        grant_id=grant.pk, destination=CONSOLE, issuer="https://portal.example", aws=aws.ports(), actor=actor
    )


def link(grant: Grant, actor: Actor, aws: FakeAws) -> object:
    return make_console_link(grant_id=grant.pk, destination=CONSOLE, aws=aws.ports(), actor=actor)


@pytest.fixture(params=[credentials, console, link])
def issue(request: pytest.FixtureRequest) -> Issue:
    found: Issue = request.param
    return found


@pytest.mark.parametrize("state", [AccountState.DISABLED, AccountState.EXPIRED, None])
def test_whoever_is_gone_gets_nothing_and_loses_all(  # noqa: PLR0917  # fixtures
    state: AccountState | None, issue: Issue, ann: Person, ldap: FakeLdap, make_grant: Make, aws: FakeAws
) -> None:
    grant = make_grant(ann)
    if state is None:
        ldap.remove("ann")
    else:
        ldap.change("ann", state)
    with pytest.raises(ForbiddenError, match="can't be used any more"):
        issue(grant, as_actor(ann), aws)
    ann.refresh_from_db()
    grant.refresh_from_db()
    assert (ann.is_active, grant.state) == (False, "suspended")
    assert aws.count("assume_role") == 0
    assert not AwsSession.objects.exists()
    refused = AuditEvent.objects.get(type="access.session.refused")
    assert (refused.grant_id, refused.details["code"]) == (grant.pk, "forbidden")


def test_whoever_is_there_gets_it_and_is_confirmed(
    issue: Issue, ann: Person, ldap: FakeLdap, make_grant: Make, aws: FakeAws
) -> None:
    before = database_now()
    issue(make_grant(ann), as_actor(ann), aws)
    assert ldap.calls == ["find_person"]
    assert ann.identities.filter(confirmed_at__gte=before).exists()


@pytest.mark.parametrize("state", [AccountState.PASSWORD_MUST_CHANGE, AccountState.PASSWORD_EXPIRED])
def test_an_old_password_is_no_reason(
    state: AccountState, ann: Person, ldap: FakeLdap, make_grant: Make, aws: FakeAws
) -> None:
    ldap.change("ann", state)
    assert credentials(make_grant(ann), as_actor(ann), aws)


def test_a_locked_account_is_refused_for_as_long_and_loses_nothing(
    issue: Issue, ann: Person, ldap: FakeLdap, make_grant: Make, aws: FakeAws
) -> None:
    grant = make_grant(ann)
    ldap.change("ann", AccountState.LOCKED)
    for _ in range(2):
        with pytest.raises(ForbiddenError, match="is locked"):
            issue(grant, as_actor(ann), aws)
    grant.refresh_from_db()
    ann.refresh_from_db()
    assert (ann.is_active, grant.state) == (True, "active")
    ldap.change("ann", AccountState.USABLE)
    assert issue(grant, as_actor(ann), aws)


def test_nobody_is_refused_for_a_server_that_is_down(  # noqa: PLR0917  # fixtures
    issue: Issue,
    ann: Person,
    ldap: FakeLdap,
    make_grant: Make,
    aws: FakeAws,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ldap.fail["find_person"] = DOWN
    before = ann.identities.get().confirmed_at
    assert issue(make_grant(ann), as_actor(ann), aws)
    assert "office can't be asked" in caplog.text
    assert ann.identities.get().confirmed_at == before


def test_its_last_word_counts_only_for_so_long(
    issue: Issue, ann: Person, ldap: FakeLdap, make_grant: Make, aws: FakeAws
) -> None:
    ldap.fail["find_person"] = DOWN
    grant = make_grant(ann)
    ExternalIdentity.objects.update(confirmed_at=F("confirmed_at") - timedelta(hours=24))
    with pytest.raises(ForbiddenError):
        issue(grant, as_actor(ann), aws)
    assert aws.count("assume_role") == 0


def test_a_server_that_is_down_is_not_waited_for_by_turns(
    ann: Person, ldap: FakeLdap, make_grant: Make, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    ldap.fail["find_person"] = DOWN
    grant = make_grant(ann)
    for _ in range(3):
        credentials(grant, as_actor(ann), aws)
    assert ldap.calls == ["find_person"]
    monkeypatch.setattr(module, "REST", 0.0)
    module._rests.clear()
    for _ in range(3):
        credentials(grant, as_actor(ann), aws)
    assert len(ldap.calls) == 4


def test_it_is_asked_once_a_minute(ann: Person, ldap: FakeLdap, make_grant: Make, aws: FakeAws) -> None:
    grant = make_grant(ann)
    for _ in range(3):
        credentials(grant, as_actor(ann), aws)
    assert ldap.calls == ["find_person"]
    ExternalIdentity.objects.update(confirmed_at=database_now() - OLD)
    credentials(grant, as_actor(ann), aws)
    assert ldap.calls == ["find_person"] * 2


@pytest.mark.parametrize("is_gone", [True, False])
def test_what_is_kept_goes_out_unasked_until_aws_would_be_asked(
    ann: Person, ldap: FakeLdap, make_grant: Make, aws: FakeAws, *, is_gone: bool
) -> None:
    """The same that were in their hands already; docs/threat-model.md says how long."""
    grant = make_grant(ann, seconds=3 * 3600)

    def fetched() -> bool:
        return fetch_credentials(
            grant_id=grant.pk, aws=aws.ports(), actor=as_actor(ann), door="api"
        ).was_cached

    assert not fetched()
    if is_gone:
        ldap.change("ann", AccountState.DISABLED)
    ExternalIdentity.objects.update(confirmed_at=database_now() - OLD)
    _let_pass(timedelta(minutes=44))
    assert fetched()
    assert (ldap.calls, aws.count("assume_role")) == (["find_person"], 1)
    _let_pass(timedelta(minutes=2))
    if not is_gone:
        assert not fetched()
        assert (ldap.calls, aws.count("assume_role")) == (["find_person"] * 2, 2)
        return
    for _ in range(2):
        with pytest.raises(ForbiddenError):
            fetched()
    grant.refresh_from_db()
    assert (grant.state, aws.count("assume_role")) == ("suspended", 1)


def test_a_sync_meanwhile_takes_what_is_kept(
    ann: Person, office: IdentityProvider, ldap: FakeLdap, make_grant: Make, aws: FakeAws
) -> None:
    grant = make_grant(ann)
    fetch_credentials(grant_id=grant.pk, aws=aws.ports(), actor=as_actor(ann), door="api")
    ldap.change("ann", AccountState.DISABLED)
    sync(office, ldap)
    with pytest.raises((ForbiddenError, ConflictError)):
        fetch_credentials(grant_id=grant.pk, aws=aws.ports(), actor=as_actor(ann), door="api")
    slot = CredentialSlot.objects.get()
    assert (slot.expires_at, bytes(slot.key)) == (None, b"")


def _let_pass(time: timedelta) -> None:
    CredentialSlot.objects.update(expires_at=F("expires_at") - time)
    AwsSession.objects.update(asked_at=F("asked_at") - time)


def test_about_others_and_by_others_nothing_is_asked(
    ann: Person, ldap: FakeLdap, ben: Person, make_grant: Make, aws: FakeAws
) -> None:
    grant = make_grant(ben)
    credentials(grant, as_actor(ben), aws)
    with pytest.raises(NotFoundError):
        credentials(grant, as_actor(ann), aws)
    assert ldap.calls == []


def test_a_provider_that_is_switched_off_is_not_asked(
    ann: Person, ldap: FakeLdap, make_grant: Make, aws: FakeAws
) -> None:
    grant = make_grant(ann)
    IdentityProvider.objects.filter(kind="ldap").update(is_enabled=False)
    with pytest.raises(ForbiddenError):
        # Nor does its last word count.
        credentials(grant, as_actor(ann), aws)
    assert ldap.calls == []
