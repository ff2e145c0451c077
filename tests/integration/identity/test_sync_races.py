"""Races on a real PostgreSQL, by threads: two syncs, and a sync beside sign-ins and grants."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from brokers.types import AccountState, LdapPerson, LdapServer
from portal.access.models import Grant
from portal.audit.models import AuditEvent
from portal.catalog.models import Entitlement
from portal.directory.models import ExternalIdentity, Group, GroupMembership, Person, SyncRun
from portal.identity.operations.ask_sync import ask_sync
from portal.identity.operations.ldap_sign_in import sign_in_by_ldap
from portal.identity.operations.limit_tries import Place
from portal.identity.operations.refusing import SignInRefusedError
from portal.identity.operations.sync_people import run_sync
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import ConflictError
from portal.kernel.models import AttemptCount
from tests.at_once import at_once
from tests.fake_ldap import PASSWORD, FakeLdap, make_directory
from tests.servers.process import require_services

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.thorough,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("races"),
]
SHELL = Actor.command("tests")
NOBODY = Actor(ActorKind.NOBODY, "nobody")
ROUNDS = 40 if require_services() else 6
Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def _no_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.identity.operations.ldap_sign_in.REFUSAL_TAKES", 0.001)


def known(provider: Any, ldap: FakeLdap, person: Make, number: int) -> list[Person]:
    people = [person(f"P{one}", vouched=False) for one in range(number)]
    for one, made in enumerate(people):
        ldap.add(f"p{one}")
        ExternalIdentity.objects.create(
            provider=provider, person=made, subject=f"id-p{one}", subject_format="ldap", login=f"p{one}"
        )
    return people


def test_of_two_workers_one_runs_a_sync(person: Make) -> None:
    office, ldap = make_directory(), FakeLdap()
    known(office, ldap, person, 3)
    for _ in range(ROUNDS):
        ask_sync(provider_id=office.pk, actor=SHELL)
        ran = at_once(*[lambda: run_sync(ldap=ldap)] * 3)
        assert [isinstance(one, SyncRun) for one in ran].count(True) == 1
        assert [one is None for one in ran].count(True) == 2
    assert AuditEvent.objects.filter(type="directory.sync.done").count() == ROUNDS
    assert ldap.calls.count("people") == ROUNDS


def test_of_two_who_ask_one_asks(person: Make) -> None:
    office = make_directory()
    for _ in range(ROUNDS):
        asked = at_once(*[lambda: ask_sync(provider_id=office.pk, actor=SHELL)] * 2)
        assert sorted(type(one).__name__ for one in asked) == ["ConflictError", "SyncRun"]
        assert any(isinstance(one, ConflictError) for one in asked)
        SyncRun.objects.all().delete()


class SlowLdap(FakeLdap):
    """Entries come one by one, so that sign-ins come in between."""

    def people(self, server: LdapServer) -> Iterator[LdapPerson]:
        for entry in super().people(server):
            threading.Event().wait(0.001)
            yield entry


def test_beside_sign_ins_nobody_waits_for_ever_and_whoever_is_there_stays(person: Make) -> None:
    office, ldap = make_directory(), SlowLdap()
    people = known(office, ldap, person, 20)
    ldap.group("dev", *(f"p{one}" for one in range(20)))
    for number in range(ROUNDS):
        # The directory changes while it is read: half of them leave or join, and sign in meanwhile.
        ldap.group("dev", *(f"p{one}" for one in range(20) if (one + number) % 2))
        ask_sync(provider_id=office.pk, actor=SHELL)
        outcomes = at_once(
            lambda: run_sync(ldap=ldap),
            *[lambda one=one: enter(office, ldap, f"p{one}") for one in range(4)],
        )
        assert isinstance(outcomes[0], SyncRun), outcomes[0]
        assert outcomes[0].state == "done"
        assert [one for one in outcomes if isinstance(one, Exception)] == []
        in_dev = set(GroupMembership.objects.filter(group__name="dev").values_list("person", flat=True))
        assert in_dev == {people[one].pk for one in range(20) if (one + number) % 2}
    assert Person.objects.filter(pk__in=[one.pk for one in people], is_active=True).count() == 20


def enter(office: Any, ldap: FakeLdap, login: str) -> object:
    return sign_in_by_ldap(
        provider=office,
        username=login,
        password=PASSWORD,
        next_path="/",
        ldap=ldap,
        place=Place("192.0.2.1"),
        actor=NOBODY,
    )


def test_whoever_goes_while_they_sign_in_is_gone(person: Make, make_grant: Make) -> None:
    """Whichever comes first: afterwards they hold nothing, and the next sign-in is refused."""
    office, ldap = make_directory(), FakeLdap()
    [ann, _] = known(office, ldap, person, 2)
    for _ in range(ROUNDS):
        AttemptCount.objects.all().delete()
        ldap.change("p0", AccountState.USABLE)
        enter(office, ldap, "p0")
        grant = make_grant(ann)
        ask_sync(provider_id=office.pk, actor=SHELL)
        ldap.before["people"] = lambda: ldap.change("p0", AccountState.DISABLED)
        outcomes = at_once(lambda: run_sync(ldap=ldap), lambda: enter(office, ldap, "p0"))
        ldap.before.clear()
        assert isinstance(outcomes[0], SyncRun), outcomes[0]
        assert not isinstance(outcomes[1], Exception) or isinstance(outcomes[1], SignInRefusedError)
        with pytest.raises(SignInRefusedError):
            enter(office, ldap, "p0")
        # A sign-in whose bind was right before the account was disabled may have come after the sync: then the
        # next sync, or the next issue, ends it.
        ask_sync(provider_id=office.pk, actor=SHELL)
        run_sync(ldap=ldap)
        assert not Person.objects.get(pk=ann.pk).is_active
        assert Grant.objects.get(pk=grant.pk).state == "suspended"


def test_what_is_taken_through_a_group_while_it_is_left_ends(person: Make, make_grant: Make) -> None:
    office, ldap = make_directory(), FakeLdap()
    [ann, _] = known(office, ldap, person, 2)
    dev = ldap.group("dev", "p0")
    ask_sync(provider_id=office.pk, actor=SHELL)
    run_sync(ldap=ldap)
    for _ in range(ROUNDS):
        ldap.group("dev", "p0")
        ask_sync(provider_id=office.pk, actor=SHELL)
        run_sync(ldap=ldap)
        grant = make_grant(ann)
        group = Group.objects.get(external_id=dev.stable_id)
        entitlement, _ = Entitlement.objects.get_or_create(group=group, role=grant.role)
        Grant.objects.filter(pk=grant.pk).update(entitlement=entitlement)
        ldap.group("dev")
        ask_sync(provider_id=office.pk, actor=SHELL)
        outcomes = at_once(lambda: run_sync(ldap=ldap), lambda: enter(office, ldap, "p0"))
        assert [one for one in outcomes if isinstance(one, Exception)] == []
        assert Grant.objects.get(pk=grant.pk).state == "suspended"
        assert not GroupMembership.objects.filter(group=group, person=ann).exists()
