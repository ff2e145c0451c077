"""Real directories, OpenLDAP and Active Directory (Samba): sign-in, nested groups, account states, sync, gone."""

import os
import signal
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from portal import wiring
from portal.access.models import Grant
from portal.audit.models import AuditEvent
from portal.directory.models import (
    ExternalIdentity,
    Group,
    GroupMembership,
    IdentityProvider,
    Person,
    SyncRun,
)
from portal.identity.identity_providers import as_ldap
from portal.identity.operations import confirm_person
from portal.identity.operations.ask_sync import ask_sync
from portal.identity.operations.sync_people import run_sync
from portal.kernel.actor import Actor
from portal.kernel.models import AttemptCount
from tests.fakes import FakeAws
from tests.real_directories import connect_directory
from tests.servers.samba import DISABLED, NORMAL, Samba, samba
from tests.servers.slapd import PASSWORD, PEOPLE, Slapd, slapd
from tests.world import Answer

pytestmark = [pytest.mark.services, pytest.mark.django_db, pytest.mark.xdist_group("directories")]
SHELL = Actor.command("tests")
Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def _no_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.identity.operations.ldap_sign_in.REFUSAL_TAKES", 0.001)
    confirm_person._rests.clear()


@pytest.fixture(scope="module")
def open_ldap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd")) as running:
        yield running


@pytest.fixture(scope="module")
def active_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    with samba(tmp_path_factory.mktemp("samba")) as running:
        yield running


@pytest.fixture(params=["slapd", pytest.param("samba", marks=pytest.mark.thorough)])
def office(request: pytest.FixtureRequest) -> IdentityProvider:
    server: Slapd | Samba = request.getfixturevalue(
        {"slapd": "open_ldap", "samba": "active_directory"}[request.param]
    )
    return connect_directory(server.ldap_server())


def enter(name: str, password: str = PASSWORD, client: Client | None = None) -> Answer:
    AttemptCount.objects.all().delete()
    return (client or Client()).post("/sign-in/ldap/office/", {"username": name, "password": password})


def is_in(name: str) -> set[str]:
    found = GroupMembership.objects.filter(person__identities__login=name)
    return set(found.values_list("group__name", flat=True))


def sync(provider: IdentityProvider) -> SyncRun:
    ask_sync(provider_id=provider.pk, actor=SHELL)
    run = run_sync(ldap=wiring.ldap_ports())
    assert run is not None
    return run


def reason() -> object:
    return AuditEvent.objects.filter(type="directory.sign_in.refused").latest("at").details["reason"]


def test_people_sign_in_with_their_groups_nested_and_in_a_loop(office: IdentityProvider) -> None:
    assert enter("ada").status_code == 303
    assert enter("ben").status_code == 303
    assert enter("carol").status_code == 303
    assert is_in("ada") == {"oncall", "payments", "engineering"}
    assert is_in("ben") == {"loop-a", "loop-b"}
    assert is_in("carol") == set()
    ada = Person.objects.get(identities__login="ada")
    assert ada.email == "ada@example.test"


@pytest.mark.parametrize(
    ("name", "password", "why"),
    [
        ("ada", "wrong", "ldap.wrong_password"),
        ("nobody-here", PASSWORD, "ldap.unknown"),
        ("dora-disabled", PASSWORD, "ldap.disabled"),
        ("erin-expired", PASSWORD, "ldap.expired"),
        ("fred-locked", PASSWORD, "ldap.locked"),
        ("gina-must-change", PASSWORD, "ldap.password_must_change"),
        ("*", PASSWORD, "ldap.unknown"),
        ("ada)(uid=*", PASSWORD, "ldap.unknown"),
    ],
)
def test_others_stay_out_and_only_the_trail_knows_why(
    name: str, password: str, why: str, office: IdentityProvider
) -> None:
    assert enter(name, password).status_code == 403
    assert reason() == why
    assert not Person.objects.filter(identities__provider=office).exists()


def test_a_sync_agrees_with_what_sign_ins_found(office: IdentityProvider) -> None:
    for name in ("ada", "ben", "carol"):
        enter(name)
    run = sync(office)
    assert (run.state, run.gone, run.joined, run.left, run.changed) == ("done", 0, 0, 0, 0), run.problem
    assert run.people_seen >= 7
    assert run.groups_seen == 5
    GroupMembership.objects.all().delete()
    assert sync(office).joined == 5
    assert is_in("ada") == {"oncall", "payments", "engineering"}
    assert is_in("ben") == {"loop-a", "loop-b"}


@pytest.mark.parametrize(("nesting", "ada"), [("direct", {"oncall"}), ("walk", {"oncall", "payments"})])
def test_both_bound_the_depth_alike(nesting: str, ada: set[str], office: IdentityProvider) -> None:
    office.ldap.nesting, office.ldap.max_depth = nesting, 2
    office.ldap.save()
    enter("ada")
    assert is_in("ada") == ada
    run = sync(office)
    assert (run.joined, run.left) == (0, 0)
    assert is_in("ada") == ada


def test_account_states_are_told_apart_by_a_sync(office: IdentityProvider, person: Make) -> None:
    ldap, server = wiring.ldap_ports(), sync_server(office)
    for entry in ldap.people(server):
        made = person(entry.login, vouched=False)
        ExternalIdentity.objects.create(
            provider=office, person=made, subject=entry.stable_id, subject_format="ldap", login=entry.login
        )
    run = sync(office)
    assert (run.state, run.gone) == ("done", 2), run.problem
    gone = dict(ExternalIdentity.objects.exclude(gone_at=None).values_list("login", "gone_why"))
    assert gone == {"dora-disabled": "disabled", "erin-expired": "expired"}
    unconfirmed = ExternalIdentity.objects.filter(provider=office, gone_at=None, confirmed_at=None)
    assert list(unconfirmed.values_list("login", flat=True)) == ["fred-locked"]


def sync_server(provider: IdentityProvider) -> Any:
    return as_ldap(provider)


def test_somebody_removed_from_openldap_has_nothing_left(
    open_ldap: Slapd, person: Make, make_grant: Make, aws: FakeAws
) -> None:
    office = connect_directory(open_ldap.ldap_server())
    open_ldap.add(slapd_person("hugo"), slapd_person("iris"))
    browsers = {name: Client() for name in ("hugo", "iris")}
    for name, browser in browsers.items():
        assert enter(name, client=browser).status_code == 303
        assert browser.get("/tokens/").status_code == 200
    grants = {name: make_grant(Person.objects.get(identities__login=name)) for name in browsers}
    open_ldap.change(f"dn: uid=hugo,{PEOPLE}\nchangetype: delete\n")
    assert sync(office).gone == 1
    states = {name: Grant.objects.get(pk=grant.pk).state for name, grant in grants.items()}
    assert states == {"hugo": "suspended", "iris": "active"}
    assert browsers["hugo"].get("/tokens/").status_code == 303
    assert browsers["iris"].get("/tokens/").status_code == 200
    assert enter("hugo").status_code == 403
    open_ldap.change(f"dn: uid=iris,{PEOPLE}\nchangetype: delete\n")


def slapd_person(name: str) -> str:
    from tests.servers.slapd import person as entry  # noqa: PLC0415  # a fixture has the name

    return entry(name)


@pytest.mark.thorough
def test_somebody_disabled_in_active_directory_is_refused_at_issue_and_comes_back(
    active_directory: Samba, make_grant: Make, aws: FakeAws
) -> None:
    connect_directory(active_directory.ldap_server())
    browser = Client()
    assert enter("carol", client=browser).status_code == 303
    carol = Person.objects.get(identities__login="carol")
    grant = make_grant(carol)
    active_directory.set_on_people(["carol"], userAccountControl=DISABLED)
    ExternalIdentity.objects.update(confirmed_at=carol.created_at)
    carol.identities.update(confirmed_at="2026-01-01T00:00:00Z")
    answer = browser.post(f"/grants/{grant.pk}/credentials")
    assert answer.status_code == 403
    assert aws.count("assume_role") == 0
    assert Grant.objects.get(pk=grant.pk).state == "suspended"
    assert enter("carol").status_code == 403
    active_directory.set_on_people(["carol"], userAccountControl=NORMAL)
    assert enter("carol").status_code == 303
    assert Grant.objects.get(pk=grant.pk).state == "suspended"


class Rubbish(socketserver.BaseRequestHandler):
    """Answers like a web server."""

    def handle(self) -> None:
        self.request.recv(1000)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)


class TestAway:
    """Stopped, slow, somebody else, talking rubbish: a sentence on the page, the reason in the log, nobody gone."""

    @pytest.fixture
    def down(self, tmp_path: Any) -> Iterator[tuple[Slapd, IdentityProvider]]:
        with slapd(tmp_path / "slapd") as server:
            office = connect_directory(server.ldap_server(timeout=1.0))
            enter("ada")
            yield server, office

    def test_stopped(self, down: tuple[Slapd, IdentityProvider], caplog: pytest.LogCaptureFixture) -> None:
        server, office = down
        server.stop()
        self._says_so(office, caplog, "ldap.unreachable")
        server.start()
        assert enter("ada").status_code == 303
        assert sync(office).state == "done"

    def test_slow(self, down: tuple[Slapd, IdentityProvider], caplog: pytest.LogCaptureFixture) -> None:
        server, office = down
        os.kill(server.pid, signal.SIGSTOP)
        try:
            self._says_so(office, caplog, "ldap.timeout")
        finally:
            os.kill(server.pid, signal.SIGCONT)

    def test_another_certificate(
        self, down: tuple[Slapd, IdentityProvider], caplog: pytest.LogCaptureFixture, open_ldap: Slapd
    ) -> None:
        _, office = down
        office.ldap.ca_certificates = open_ldap.ca_certificates
        office.ldap.save()
        self._says_so(office, caplog, "ldap.tls")

    def test_rubbish(self, down: tuple[Slapd, IdentityProvider], caplog: pytest.LogCaptureFixture) -> None:
        _, office = down
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Rubbish) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            office.ldap.urls = [f"ldap://127.0.0.1:{server.server_address[1]}"]
            office.ldap.save()
            self._says_so(office, caplog, "ldap.malformed")
            server.shutdown()

    def _says_so(self, office: IdentityProvider, caplog: pytest.LogCaptureFixture, why: str) -> None:
        answer = enter("ada")
        assert answer.status_code == 503
        assert "be reached right now; try again in a few minutes" in answer.content.decode()
        assert why in caplog.text
        run = sync(office)
        assert (run.state, run.gone) == ("failed", 0)
        assert why in run.problem
        assert Person.objects.get(identities__login="ada").is_active
        assert Group.objects.filter(memberships__person__identities__login="ada").count() == 3
