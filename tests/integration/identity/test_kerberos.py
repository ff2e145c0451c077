"""The portal's own account binds by Kerberos: at a real Active Directory (Samba's), and at servers that play a part."""

import contextlib
import importlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from brokers.errors import IdentityUnavailable, SignInRejected
from brokers.ldap import Directory, Fault, Reason
from brokers.ldap.addresses import address
from brokers.ldap.connecting import bind_portal, bound
from brokers.types import AccountState, CheckStep, LdapServer
from portal import wiring
from portal.directory.models import Person, SyncRun
from portal.identity.operations.ask_sync import ask_sync
from portal.identity.operations.sync_people import run_sync
from portal.kernel.actor import Actor
from tests.real_directories import admit_all, connect_directory
from tests.servers.authority import TlsFiles
from tests.servers.kerberos_acceptor import IN_PROGRESS, Acceptor, bind_response
from tests.servers.process import free_port, missing
from tests.servers.samba import DISABLED, NORMAL, PASSWORD, PEOPLE, READER, Samba, samba
from tests.servers.scripted_ldap import BIND_RESPONSE, DONE, Step, result, scripted, silence

pytestmark = [pytest.mark.services, pytest.mark.thorough, pytest.mark.xdist_group("kerberos")]
NOBODY = "00000000-0000-0000-0000-000000000000"
ANY_LAYER, SEALED_ONLY = b"\x07\x00\xff\xff", b"\x04\x00\xff\xff"
NO_LAYER = b"\x01\x00\x00\x00"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    _gssapi()
    with samba(tmp_path_factory.mktemp("samba"), has_kdc=True) as running:
        running.krb5_conf()
        running.keytab("portal.keytab", "portal")
        # A service whose part the tests play.
        running.change(
            f"dn: CN=ben,{PEOPLE}\nchangetype: modify\nadd: servicePrincipalName\n"
            "servicePrincipalName: ldap/localhost\n"
        )
        running.keytab("localhost.keytab", "ldap/localhost")
        yield running


@pytest.fixture(autouse=True)
def _our_keytab(server: Samba, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an operator sets: krb5.conf, the keytab, and where tickets are kept."""
    monkeypatch.setenv("KRB5_CONFIG", str(server.directory / "krb5.conf"))
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", str(server.directory / "portal.keytab"))
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path / 'tickets'}")


def _gssapi() -> Any:
    try:
        return importlib.import_module("gssapi")
    except ImportError:
        missing("gssapi is not installed (make .venv/.gssapi, which takes a compiler and libkrb5-dev)")


def by_ticket(server: Samba, **changes: Any) -> LdapServer:
    return server.ldap_server(bind_dn="", bind_password="", bind_by_kerberos=True, **changes)


def refused(settings: LdapServer) -> IdentityUnavailable:
    with pytest.raises(IdentityUnavailable) as caught:
        Directory().find_person(settings, NOBODY)
    return caught.value


@pytest.mark.parametrize("start_tls", [False, True])
def test_with_its_keytab_it_looks_people_up_who_sign_in_by_password(server: Samba, start_tls: bool) -> None:
    settings = by_ticket(
        server, urls=(server.ldap_url if start_tls else server.ldaps_url,), start_tls=start_tls
    )
    directory = Directory()
    ada = directory.sign_in(settings, "ada", PASSWORD)
    assert directory.find_person(settings, ada.stable_id) == ada
    assert {group.name for group in directory.groups_of(settings, ada)} == {
        "oncall",
        "payments",
        "engineering",
    }
    with pytest.raises(SignInRejected) as caught:
        directory.sign_in(settings, "ada", "Wrong-Horse-7")
    assert caught.value.reason == Reason.WRONG_PASSWORD
    steps = directory.check(settings)
    assert [step.name for step in steps if step.is_ok] == [
        *("address", "reachable", "TLS", "bind", "people", "groups"),
    ]  # fmt: skip
    assert "Kerberos" in steps[3].detail


def test_it_is_itself_again_after_somebodys_bind(server: Samba) -> None:
    settings = by_ticket(server)
    link = bound(settings, address(server.ldaps_url, start_tls=False))
    with contextlib.closing(link):
        assert link.bind(f"CN=ada,{PEOPLE}", PASSWORD).code == 0
        bind_portal(link, settings)
        assert link.find(PEOPLE, "(cn=ben)", ["cn"], at_most=1)


def test_tickets_are_kept_and_fetched_anew(server: Samba, tmp_path: Path) -> None:
    Directory().check(by_ticket(server))
    first = (tmp_path / "tickets").read_bytes()
    Directory().check(by_ticket(server))
    assert (tmp_path / "tickets").read_bytes() == first
    (tmp_path / "tickets").unlink()
    assert Directory().check(by_ticket(server))[3].is_ok


def test_without_a_keytab(server: Samba, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", str(tmp_path / "none"))
    assert refused(by_ticket(server)).reason == Fault.BIND
    bind = Directory().check(by_ticket(server))[-1]
    assert (bind.name, bind.is_ok) == ("bind", False)
    assert "No credentials" in bind.detail
    assert "KRB5_CLIENT_KTNAME" in bind.advice


def test_the_keytab_of_a_password_that_was_changed(
    server: Samba, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add_user("robot")
    robot = server.keytab("robot.keytab", "robot")
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", str(robot))
    assert Directory().check(by_ticket(server))[3].is_ok
    (tmp_path / "tickets").unlink()
    server.set_password("robot", "Another-Horse-8")
    assert refused(by_ticket(server)).reason == Fault.BIND


def test_an_account_that_is_disabled(server: Samba) -> None:
    server.set_on([READER], userAccountControl=DISABLED)
    try:
        fault = refused(by_ticket(server))
        assert (fault.reason, "revoked" in fault.detail) == (Fault.BIND, True)
    finally:
        server.set_on([READER], userAccountControl=NORMAL)
    assert Directory().check(by_ticket(server))[3].is_ok


def test_a_ticket_that_is_over(server: Samba, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_keytab(lifetime: str) -> CheckStep:
        """Have a keytab fetch a ticket, and then no more."""
        lasts = f"[libdefaults]\n  ticket_lifetime = {lifetime}"
        configure(server, tmp_path, monkeypatch, "[libdefaults]", lasts)
        monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path / lifetime}")
        with monkeypatch.context() as before:
            before.setenv("KRB5_CLIENT_KTNAME", str(server.directory / "portal.keytab"))
            Directory().check(by_ticket(server))
        time.sleep(1.1)
        return Directory().check(by_ticket(server))[3]

    monkeypatch.setenv("KRB5_CLIENT_KTNAME", str(tmp_path / "none"))
    assert without_keytab("300s").is_ok
    over = without_keytab("1s")
    assert (over.is_ok, "expired" in over.detail) == (False, True)


def configure(
    server: Samba, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    """Have krb5.conf say `after` in place of `before`."""
    told = (server.directory / "krb5.conf").read_text()
    assert before in told
    (tmp_path / "krb5.conf").write_text(told.replace(before, after))
    monkeypatch.setenv("KRB5_CONFIG", str(tmp_path / "krb5.conf"))


def test_no_server_of_kerberos(server: Samba, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(server, tmp_path, monkeypatch, f"{server.address}:88", f"127.0.0.1:{free_port()}")
    fault = refused(by_ticket(server))
    assert fault.reason == Fault.UNREACHABLE, fault.detail
    assert "krb5.conf" in Directory().check(by_ticket(server))[-1].advice


def test_a_server_of_kerberos_that_is_silent(
    server: Samba, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        configure(
            server, tmp_path, monkeypatch, f"{server.address}:88", f"127.0.0.1:{listener.getsockname()[1]}"
        )
        began = time.monotonic()
        assert refused(by_ticket(server, timeout=0.5)).reason == Fault.TIMEOUT
        assert time.monotonic() - began < 2


@pytest.fixture(scope="module")
def certificate(server: Samba, tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """One for `localhost`, whose part the tests play, by the authority that the portal trusts."""
    return server.authority.issue(tmp_path_factory.mktemp("localhost"))


def speaking(certificate: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    return context


def test_a_name_that_kerberos_does_not_know(server: Samba, certificate: TlsFiles) -> None:
    with scripted(silence, tls=speaking(certificate)) as url:
        fault = refused(by_ticket(server, urls=(url.replace("localhost", "127.0.0.1"),)))
    assert (fault.reason, "not found" in fault.detail) == (Fault.BIND, True)


class Played:
    """Has the portal talk to `ldap/localhost`, whose part is played by the steps given."""

    def __init__(self, server: Samba, certificate: TlsFiles) -> None:
        self._server, self._files = server, certificate

    def acceptor(self, bound_to: bytes = b"") -> Acceptor:
        ours = ssl.PEM_cert_to_DER_cert(self._files.certificate.read_text())
        return Acceptor(self._server.directory / "localhost.keytab", bound_to or ours)

    @contextlib.contextmanager
    def __call__(self, acceptor: Acceptor, *steps: Step) -> Iterator[LdapServer]:
        with scripted(*steps, asked=acceptor.asked, tls=speaking(self._files)) as url:
            yield by_ticket(self._server, urls=(url,))


@pytest.fixture
def played(server: Samba, certificate: TlsFiles) -> Played:
    return Played(server, certificate)


def test_no_layer_is_chosen_inside_tls(played: Played) -> None:
    acceptor = played.acceptor()
    with played(
        acceptor, acceptor.prove(), acceptor.offer(ANY_LAYER), acceptor.end, result(4, DONE)
    ) as settings:
        assert Directory().find_person(settings, NOBODY) is None
    assert acceptor.chosen == NO_LAYER


def test_a_ticket_is_of_no_use_on_another_connection(played: Played) -> None:
    acceptor = played.acceptor(bound_to=b"another certificate")
    with played(
        acceptor, acceptor.prove(), acceptor.offer(ANY_LAYER), acceptor.end, result(4, DONE)
    ) as settings:
        fault = refused(settings)
    assert (fault.reason, "result 49" in fault.detail) == (Fault.BIND, True)


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        pytest.param(lambda _: [result(1, BIND_RESPONSE)], Fault.MALFORMED, "before it was", id="success-at-once"),
        pytest.param(lambda part: [part.prove(0)], Fault.MALFORMED, "before it was", id="success-without-layers"),
        pytest.param(
            lambda part: [part.prove(), result(2, BIND_RESPONSE)], Fault.MALFORMED, "before it was", id="half-done"
        ),
        pytest.param(lambda _: [bind_response(1, IN_PROGRESS, b"x")], Fault.BIND, "Kerberos", id="rubbish"),
        pytest.param(
            lambda part: [part.prove(), part.offer(SEALED_ONLY)], Fault.BIND, "insists", id="insists-on-a-layer"
        ),
        pytest.param(
            lambda part: [part.prove(), part.offer(b"\x07")], Fault.MALFORMED, "no security layers", id="short-offer"
        ),
        pytest.param(
            lambda part: [part.prove(), bind_response(2, IN_PROGRESS, b"x")], Fault.BIND, "Kerberos", id="unsealed"
        ),
        pytest.param(lambda _: [result(1, BIND_RESPONSE, 51)], Fault.BUSY, "busy", id="busy"),
        pytest.param(lambda _: [result(1, BIND_RESPONSE, 7)], Fault.BIND, "result 7", id="no-such-way"),
    ],
)  # fmt: skip
def test_servers_that_go_another_way(
    played: Played, steps: Callable[[Acceptor], list[Step]], reason: Fault, words: str
) -> None:
    # What comes after would let us in.
    more = [*(result(number, BIND_RESPONSE) for number in (2, 3)), result(4, DONE)]
    acceptor = played.acceptor()
    with played(acceptor, *steps(acceptor), *more) as settings:
        fault = refused(settings)
    assert (fault.reason, words in fault.detail) == (reason, True), fault.detail


@pytest.mark.django_db
def test_a_sync_without_a_ticket_fails_and_nobody_is_gone(
    server: Samba, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, directory = connect_directory(by_ticket(server)), Directory()
    able = [one for one in directory.people(by_ticket(server)) if one.state is AccountState.USABLE]
    admit_all(provider, {one.stable_id: one.login for one in able})

    def sync() -> SyncRun | None:
        ask_sync(provider_id=provider.pk, actor=Actor.command("tests"))
        return run_sync(ldap=wiring.ldap_ports())

    with monkeypatch.context() as without:
        without.setenv("KRB5_CLIENT_KTNAME", str(tmp_path / "none"))
        without.setenv("KRB5CCNAME", f"FILE:{tmp_path / 'no-tickets'}")
        run = sync()
        assert run is not None
        assert (run.state, run.gone, "No credentials" in run.problem) == ("failed", 0, True)
    assert Person.objects.filter(is_active=True).count() == len(able)
    run = sync()
    assert run is not None
    assert (run.state, run.gone, run.people_seen >= len(able)) == ("done", 0, True), run.problem
    assert Person.objects.filter(is_active=True).count() == len(able)
