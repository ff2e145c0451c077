"""LDAP sign-in at the port: who gets in, as whom, with which groups; why others don't, and that nobody sees why."""

from collections.abc import Callable
from typing import Any

import pytest

from brokers.errors import IdentityUnavailable
from brokers.types import AccountState
from portal.access.models import Grant
from portal.audit.models import AuditEvent
from portal.catalog.models import Entitlement
from portal.directory.models import (
    ExternalIdentity,
    Group,
    GroupMembership,
    IdentityProvider,
    Partner,
    Person,
)
from portal.identity.identity_providers import as_ldap
from portal.identity.operations import ldap_sign_in
from portal.identity.operations.ask_anew import settle_doubt
from portal.identity.operations.complete_sign_in import SignedIn
from portal.identity.operations.gone import person_gone
from portal.identity.operations.ldap_sign_in import folded, sign_in_by_ldap
from portal.identity.operations.limit_tries import STRANGERS, Place
from portal.identity.operations.refusing import SignInRefusedError
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import TooManyError, UpstreamError
from portal.kernel.models import OutboxMessage
from portal.kernel.sealing import seal
from tests.fake_ldap import DOWN, PASSWORD, FakeLdap, make_directory

pytestmark = pytest.mark.django_db
NOBODY = Actor(ActorKind.NOBODY, "nobody", ip="192.0.2.7")
SHELL = Actor.command("tests")
Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr("portal.identity.operations.ldap_sign_in.time.sleep", slept.append)
    return slept


@pytest.fixture
def ldap() -> FakeLdap:
    fake = FakeLdap()
    fake.add("ann", displayName="Ann Brook")
    return fake


@pytest.fixture
def office(db: None) -> IdentityProvider:
    return make_directory()


def enter(provider: IdentityProvider, ldap: FakeLdap, **given: Any) -> SignedIn:
    return sign_in_by_ldap(
        provider=provider,
        username=given.get("username", "ann"),
        password=given.get("password", PASSWORD),
        next_path=given.get("next_path", "/tokens/"),
        ldap=ldap,
        place=Place(given.get("ip", "192.0.2.7"), given.get("device", "")),
        actor=given.get("actor", NOBODY),
    )


def why(provider: IdentityProvider, ldap: FakeLdap, **given: Any) -> str:
    with pytest.raises(SignInRefusedError) as refusal:
        enter(provider, ldap, **given)
    assert str(refusal.value) == "Signing in didn't work. Start again from the sign-in page."
    written = AuditEvent.objects.filter(type="directory.sign_in.refused").latest("at")
    assert written.details["reason"] == refusal.value.reason
    return refusal.value.reason


def is_in(person: Person) -> set[str]:
    return set(GroupMembership.objects.filter(person=person).values_list("group__name", flat=True))


def test_the_first_sign_in_makes_the_person_by_the_stable_id(
    office: IdentityProvider, ldap: FakeLdap
) -> None:
    ldap.group("dev", "ann")
    ldap.group("all", "cn=dev,ou=groups,dc=example,dc=test")
    signed_in = enter(office, ldap)
    identity = signed_in.identity
    assert (identity.subject, identity.subject_format, identity.login) == ("id-ann", "ldap", "ann")
    assert (signed_in.person.name, signed_in.person.email) == ("Ann Brook", "ann@example.test")
    assert signed_in.next_path == "/tokens/"
    assert is_in(signed_in.person) == {"dev", "all"}
    assert AuditEvent.objects.filter(type="directory.sign_in.succeeded").count() == 1


def test_a_password_that_is_longer_than_any_is_not_sent(office: IdentityProvider, ldap: FakeLdap) -> None:
    assert why(office, ldap, password="x" * 1025) == "ldap.wrong_password"
    assert ldap.calls == []
    assert why(office, ldap, password="x" * 1024) == "ldap.wrong_password"
    assert ldap.calls == ["sign_in"]


def test_a_new_login_is_the_same_person_and_an_old_one_of_another_is_not(
    office: IdentityProvider, ldap: FakeLdap
) -> None:
    ann = enter(office, ldap).person
    ldap.entries.clear()
    ldap.add("anna", stable_id="id-ann")
    ldap.add("ann", stable_id="id-2")
    assert enter(office, ldap, username="anna").person == ann
    assert enter(office, ldap, username="ann").person != ann


def test_who_is_signed_in_at_the_browser_already_is_not_who_signs_in(
    office: IdentityProvider, ldap: FakeLdap, ben: Person
) -> None:
    enter(office, ldap, actor=Actor(ActorKind.PERSON, ben.name, ben.pk))
    written = AuditEvent.objects.get(type="directory.sign_in.succeeded")
    assert (written.actor_kind, written.actor_id) == ("nobody", None)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"password": "wrong"}, "ldap.wrong_password"),
        ({"password": "x" * 1025}, "ldap.wrong_password"),
        ({"username": "nobody"}, "ldap.unknown"),
    ],
)
def test_what_is_wrong_is_for_the_trail_alone(
    given: dict[str, str], reason: str, office: IdentityProvider, ldap: FakeLdap, naps: list[float]
) -> None:
    assert why(office, ldap, **given) == reason
    assert not Person.objects.filter(identities__provider=office).exists()
    [nap] = naps
    assert 0 < nap <= ldap_sign_in.REFUSAL_TAKES


@pytest.mark.parametrize("state", [state for state in AccountState if state != AccountState.USABLE])
def test_an_account_that_may_not_be_used_gets_nobody_in(
    state: AccountState, office: IdentityProvider, ldap: FakeLdap
) -> None:
    ldap.change("ann", state)
    assert why(office, ldap) == f"ldap.{state.value}"
    # Also where a directory lets it bind all the same.
    entry = ldap.entries["id-ann"]
    ldap.sign_in = lambda *_: entry  # type: ignore[method-assign]
    assert why(office, ldap) == f"ldap.{state.value}"


def test_a_password_is_nowhere_to_be_read(
    office: IdentityProvider, ldap: FakeLdap, caplog: pytest.LogCaptureFixture
) -> None:
    why(office, ldap, password="swordfish-4711")
    ldap.fail["sign_in"] = DOWN
    with pytest.raises(UpstreamError):
        enter(office, ldap, password="swordfish-4711")
    assert "swordfish" not in caplog.text
    assert "swordfish" not in str(list(AuditEvent.objects.values_list("details", flat=True)))


def test_nobody_is_admitted_where_the_provider_admits_nobody(
    office: IdentityProvider, ldap: FakeLdap
) -> None:
    known = enter(office, ldap).person
    ldap.add("ben")
    IdentityProvider.objects.update(admits_people=False)
    office.refresh_from_db()
    assert why(office, ldap, username="ben") == "directory.forbidden"
    assert enter(office, ldap).person == known


def test_a_partners_directory_admits_its_own(ldap: FakeLdap, partner: Partner) -> None:
    theirs = make_directory("acme", partner=partner)
    assert enter(theirs, ldap).person.partner == partner


def test_switched_off_it_lets_nobody_in_and_another_kind_is_none(
    office: IdentityProvider, ldap: FakeLdap
) -> None:
    office.is_enabled = False
    assert why(office, ldap) == "ldap.provider_disabled"
    saml = IdentityProvider.objects.create(slug="saml", name="SAML")
    saml.kind = "local"
    assert why(saml, ldap) == "ldap.provider_disabled"
    assert ldap.calls == []


class TestGone:
    @pytest.mark.parametrize(
        ("state", "gone"),
        [
            (AccountState.DISABLED, "disabled"),
            (AccountState.EXPIRED, "expired"),
            (None, "removed"),
            (AccountState.LOCKED, ""),
        ],
    )
    def test_a_failed_sign_in_has_a_worker_ask(
        self, state: AccountState | None, gone: str, office: IdentityProvider, ldap: FakeLdap
    ) -> None:
        ann = enter(office, ldap).person
        if state is None:
            ldap.remove("ann")
        else:
            ldap.change("ann", state)
        why(office, ldap, username=" ANN")
        doubts = list(OutboxMessage.objects.filter(topic="directory.identity.doubted"))
        for doubt in doubts:
            settle_doubt(identity_id=doubt.payload["identity"], ldap=ldap, actor=SHELL)
        assert len(doubts) == bool(gone)
        identity = ann.identities.get()
        ann.refresh_from_db()
        assert (identity.gone_why, ann.is_active) == (gone, not gone)

    def test_a_guessers_failure_takes_nothing_from_anybody(
        self, office: IdentityProvider, ldap: FakeLdap
    ) -> None:
        ann = enter(office, ldap).person
        ldap.fail["sign_in"] = SignInRefusedError("ldap.unknown")
        why(office, ldap)
        [doubt] = OutboxMessage.objects.filter(topic="directory.identity.doubted")
        settle_doubt(identity_id=doubt.payload["identity"], ldap=ldap, actor=SHELL)
        ann.refresh_from_db()
        assert ann.is_active

    def test_a_server_that_is_down_settles_nothing(self, office: IdentityProvider, ldap: FakeLdap) -> None:
        ann = enter(office, ldap).person
        ldap.fail["find_person"] = DOWN
        with pytest.raises(IdentityUnavailable):
            settle_doubt(identity_id=ann.identities.get().pk, ldap=ldap, actor=SHELL)
        ann.refresh_from_db()
        assert ann.is_active

    def test_whose_account_is_open_again_gets_in_at_once(
        self, office: IdentityProvider, ldap: FakeLdap
    ) -> None:
        ann = enter(office, ldap).person
        person_gone(identity_id=ann.identities.get().pk, why="disabled", actor=SHELL)
        assert enter(office, ldap).person == ann
        ann.refresh_from_db()
        assert ann.is_active

    def test_whom_an_admin_deactivated_stays_out(self, office: IdentityProvider, ldap: FakeLdap) -> None:
        ann = enter(office, ldap).person
        person_gone(identity_id=ann.identities.get().pk, why="disabled", actor=SHELL)
        Person.objects.update(deactivated_by_provider=None)
        assert why(office, ldap) == "directory.forbidden"
        ann.refresh_from_db()
        assert not ann.is_active


class TestAway:
    @pytest.mark.parametrize("operation", ["sign_in", "groups_of"])
    @pytest.mark.parametrize("reason", ["unreachable", "timeout", "tls", "malformed"])
    def test_a_directory_that_is_away_says_nothing_of_anybody(
        self,
        operation: str,
        reason: str,
        office: IdentityProvider,
        ldap: FakeLdap,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        ann = enter(office, ldap).person
        ldap.fail[operation] = IdentityUnavailable("ldap", reason, "what the log is to say")
        with pytest.raises(UpstreamError, match="can't be reached right now; try again in a few minutes"):
            enter(office, ldap)
        assert f"ldap.{reason}" in caplog.text
        assert "what the log is to say" in caplog.text
        ann.refresh_from_db()
        assert ann.is_active
        assert not AuditEvent.objects.filter(type="directory.sign_in.refused").exists()

    def test_it_costs_nobody_a_try(self, office: IdentityProvider, ldap: FakeLdap) -> None:
        ldap.fail["sign_in"] = DOWN
        for _ in range(10):
            with pytest.raises(UpstreamError):
                enter(office, ldap)
        ldap.fail.clear()
        assert enter(office, ldap)


class TestGroups:
    def test_what_was_held_through_a_lost_one_ends(
        self, office: IdentityProvider, ldap: FakeLdap, make_grant: Make
    ) -> None:
        ldap.group("dev", "ann")
        ann = enter(office, ldap).person
        through, other = make_grant(ann), make_grant(ann)
        entitlement = Entitlement.objects.create(group=Group.objects.get(name="dev"), role=through.role)
        Grant.objects.filter(pk=through.pk).update(entitlement=entitlement)
        ldap.group("dev")
        enter(office, ldap)
        assert is_in(ann) == set()
        assert [Grant.objects.get(pk=grant.pk).state for grant in (through, other)] == ["suspended", "active"]

    def test_one_of_the_same_name_elsewhere_is_another(
        self, office: IdentityProvider, ldap: FakeLdap
    ) -> None:
        ldap.group("admins", "ann")
        ann = enter(office, ldap).person
        ldap.add("eve")
        ldap.group("admins", "eve", ou="ou=eves,dc=example,dc=test")
        eve = enter(office, ldap, username="eve").person
        assert is_in(ann) == {"admins"}
        assert is_in(eve) == {"admins (cn=admins,ou=eves,dc=example,dc=test)"}

    def test_two_of_one_name_are_two(self, office: IdentityProvider, ldap: FakeLdap) -> None:
        ldap.group("admins", "ann", ou="ou=a,dc=test")
        ldap.group("admins", "ann", ou="ou=b,dc=test")
        ann = enter(office, ldap).person
        assert is_in(ann) == {"admins (cn=admins,ou=a,dc=test)", "admins (cn=admins,ou=b,dc=test)"}

    def test_one_that_was_made_here_by_name_waits_for_a_sync(
        self, office: IdentityProvider, ldap: FakeLdap
    ) -> None:
        # A sign-in sees the person's own groups alone: another of that name may stand elsewhere.
        Group.objects.create(provider=office, name="dev")
        ldap.group("dev", "ann")
        ldap.group("ops", "ann")
        assert is_in(enter(office, ldap).person) == {"ops"}

    def test_a_long_name_is_never_cut_to_anothers(self, office: IdentityProvider, ldap: FakeLdap) -> None:
        ldap.group("x" * 201, "ann", stable_id="first")
        ldap.group("x" * 202, "ann", stable_id="second")
        names = is_in(enter(office, ldap).person)
        assert names == {f"{'x' * 120} (first)", f"{'x' * 120} (second)"}

    def test_without_a_base_they_are_left_alone(self, office: IdentityProvider, ldap: FakeLdap) -> None:
        ldap.group("dev", "ann")
        ann = enter(office, ldap).person
        office.ldap.groups_base = ""
        enter(office, ldap)
        assert is_in(ann) == {"dev"}


class TestGuessing:
    def test_a_guesser_ends_before_a_directory_would_lock_and_the_owner_gets_in(
        self, office: IdentityProvider, ldap: FakeLdap
    ) -> None:
        enter(office, ldap, ip="198.51.100.1")
        most = STRANGERS[IdentityProvider.Kind.LDAP].most
        for number in range(most):
            assert why(office, ldap, password="guess", ip=f"203.0.113.{number}") == "ldap.wrong_password"
        asked = ldap.calls.count("sign_in")
        for number in range(most, most + 5):
            with pytest.raises(TooManyError):
                enter(office, ldap, password="guess", ip=f"203.0.113.{number}")
        assert ldap.calls.count("sign_in") == asked
        # From where they signed in before, and from a browser that knows them.
        assert enter(office, ldap, ip="198.51.100.1")
        assert enter(office, ldap, ip="203.0.113.99", device="known")
        limited = AuditEvent.objects.filter(type="directory.sign_in.limited")
        assert limited.exists()

    def test_spellings_that_a_directory_takes_for_one_are_counted_as_one(
        self, office: IdentityProvider, ldap: FakeLdap
    ) -> None:
        assert {folded(name) for name in ("ann", " ANN ", "ànn", "\uff21nn")} == {"ann"}
        assert folded("ann b") != folded("annb")
        for number, name in enumerate(("ann", "ANN", "ànn", " Ann")):
            with pytest.raises(SignInRefusedError):
                enter(office, ldap, username=name, password="guess", ip=f"203.0.113.{number}")
        with pytest.raises(TooManyError):
            enter(office, ldap, username="Änn", password="guess", ip="203.0.113.50")


def test_a_provider_is_read_with_all_it_says(office: IdentityProvider) -> None:
    ours = office.ldap
    ours.flavour, ours.nesting, ours.sealed_bind_password = "ad", "in_chain", seal(b"bind-secret")
    ours.timeout_seconds, ours.page_size, ours.max_depth = 7, 100, 4
    server = as_ldap(office)
    assert (server.is_active_directory, server.nesting.value, server.bind_password) == (
        True,
        "in_chain",
        "bind-secret",
    )
    assert (server.timeout, server.page_size, server.max_depth) == (7.0, 100, 4)
    assert server.extra_attributes == ("displayName", "mail")
    assert "bind-secret" not in repr(server)
    ours.sealed_bind_password = b"rubbish"
    with pytest.raises(IdentityUnavailable, match=r"ldap\.bind"):
        as_ldap(office)
    assert not server.bind_by_kerberos
    ours.bind_by_kerberos = True
    assert (as_ldap(office).bind_by_kerberos, as_ldap(office).bind_password) == (True, "")


def test_an_identity_is_one_provider_and_format(
    office: IdentityProvider, ldap: FakeLdap, ben: Person
) -> None:
    # Somebody of that subject in another format, and at another provider, is somebody else.
    ExternalIdentity.objects.create(
        provider=office, person=ben, subject="id-ann", subject_format="persistent"
    )
    assert enter(office, ldap).person != ben
