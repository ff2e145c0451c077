"""How many active people a partner may have: at each way in, the last place is given and the next is refused."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from brokers.types import AccountState, ProvenIdentity
from portal.access.operations.grants.deactivate_person import deactivate_person, reactivate_person
from portal.audit.models import AuditEvent
from portal.directory.models import ExternalIdentity, Partner, Person, SyncRun
from portal.directory.people_quota import PeopleQuotaError, active_people
from portal.identity.operations.ask_sync import ask_sync
from portal.identity.operations.complete_sign_in import complete_sign_in
from portal.identity.operations.gone import person_back, person_gone
from portal.identity.operations.ldap_sign_in import sign_in_by_ldap
from portal.identity.operations.limit_tries import Place
from portal.identity.operations.provision_user import change_user, provision_user
from portal.identity.operations.provisioning import ToldUser
from portal.identity.operations.refusing import SignInRefusedError
from portal.identity.operations.sync_people import run_sync
from portal.kernel.actor import Actor, ActorKind
from tests.fake_ldap import PASSWORD, FakeLdap, make_directory
from tests.partners import admitted, make_partner, partner_provider

pytestmark = pytest.mark.django_db
SHELL = Actor.command("tests")
NOBODY = Actor(ActorKind.NOBODY, "nobody")


@pytest.fixture
def acme(db: None) -> Partner:
    return make_partner(people_quota=1)


def more_places(partner: Partner, number: int) -> None:
    Partner.objects.filter(pk=partner.pk).update(people_quota=number)


def enter(provider: Any, subject: str) -> Person:
    proven = ProvenIdentity(subject=subject, login=subject, attributes={}, authenticated_at=datetime.now(UTC))
    return complete_sign_in(provider=provider, proven=proven, next_path="/", actor=NOBODY).person


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(SignInRefusedError) as error:
        act()
    return error.value.reason


def test_a_first_sign_in(acme: Partner) -> None:
    provider = partner_provider(acme)
    first = enter(provider, "ann")
    assert refused(lambda: enter(provider, "ben")) == "directory.people_quota"
    assert not ExternalIdentity.objects.filter(subject="ben").exists()
    assert enter(provider, "ann") == first, "who is there takes no further place"
    more_places(acme, 2)
    assert enter(provider, "ben").partner == acme


def test_others_places_are_others(acme: Partner) -> None:
    admitted(partner_provider(acme), "ann")
    other = partner_provider(make_partner("Globex", people_quota=1))
    assert enter(other, "ben").partner_id == other.partner_id
    own = partner_provider(acme, slug="own")
    own.partner = None
    own.save()
    assert enter(own, "carl").partner is None, "the own company has no most"


def test_whoever_is_deactivated_makes_place(acme: Partner) -> None:
    provider = partner_provider(acme)
    ann = enter(provider, "ann")
    deactivate_person(person_id=ann.pk, reason="left", actor=SHELL)
    enter(provider, "ben")
    with pytest.raises(
        PeopleQuotaError, match="Acme has one place for active people here, and all are taken"
    ):
        reactivate_person(person_id=ann.pk, reason="back", actor=SHELL)
    more_places(acme, 2)
    assert reactivate_person(person_id=ann.pk, reason="back", actor=SHELL).is_active
    assert active_people(acme.pk) == 2


def test_scim(acme: Partner) -> None:
    provider = partner_provider(acme)
    ann = provision_user(provider=provider, told=ToldUser("ann"), actor=SHELL)
    with pytest.raises(PeopleQuotaError):
        provision_user(provider=provider, told=ToldUser("ben"), actor=SHELL)
    assert not Person.objects.filter(name="ben").exists()
    away = provision_user(provider=provider, told=ToldUser("ben", is_active=False), actor=SHELL)

    def back(_: object) -> ToldUser:
        return ToldUser("ben", is_active=True)

    assert active_people(acme.pk) == 1, "who is told inactive takes no place"
    with pytest.raises(PeopleQuotaError):
        change_user(provider=provider, user_id=away.pk, change=back, actor=SHELL)
    away.refresh_from_db()
    assert not away.is_active
    change_user(
        provider=provider, user_id=ann.pk, change=lambda _: ToldUser("ann", is_active=False), actor=SHELL
    )
    change_user(provider=provider, user_id=away.pk, change=back, actor=SHELL)
    assert set(Person.objects.filter(is_active=True).values_list("name", flat=True)) == {"ben"}


def test_back_at_the_provider(acme: Partner) -> None:
    provider = partner_provider(acme)
    ann = admitted(provider, "ann").identities.get()
    person_gone(identity_id=ann.pk, why="disabled", actor=SHELL)
    admitted(provider, "ben")
    with pytest.raises(PeopleQuotaError):
        person_back(identity_id=ann.pk, actor=SHELL)
    ann.refresh_from_db()
    assert ann.gone_at is not None, "so that the next word is news again"
    more_places(acme, 2)
    assert person_back(identity_id=ann.pk, actor=SHELL)
    assert Person.objects.get(pk=ann.person_id).is_active


@pytest.fixture
def office(acme: Partner, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A partner's directory with Ann, who was gone and is there again, and Ben, who took the only place."""
    monkeypatch.setattr("portal.identity.operations.ldap_sign_in.time.sleep", lambda _: None)
    office, ldap = make_directory(partner=acme), FakeLdap()
    for login in ("ann", "ben"):
        entry = ldap.add(login, AccountState.USABLE)
        identity = admitted(office, login).identities.get()
        ExternalIdentity.objects.filter(pk=identity.pk).update(
            subject=entry.stable_id, subject_format="ldap", login=login
        )
        if login == "ann":
            person_gone(identity_id=identity.pk, why="disabled", actor=SHELL)
    return office, ldap


def test_a_sync_goes_on_and_tries_again_next_time(office: Any, acme: Partner) -> None:
    provider, ldap = office

    def sync() -> SyncRun:
        ask_sync(provider_id=provider.pk, actor=SHELL)
        run = run_sync(ldap=ldap)
        assert run is not None
        run.refresh_from_db()
        return run

    told = sync()
    assert (told.state, told.back) == ("done", 0)
    assert [each["who"] for each in told.changes if each["what"] == "no_place"] == ["Ann"]
    more_places(acme, 2)
    assert sync().back == 1


def test_a_sign_in_of_somebody_who_is_back(office: Any, acme: Partner) -> None:
    provider, ldap = office

    def enter_by_ldap() -> Any:
        return sign_in_by_ldap(
            provider=provider,
            username="ann",
            password=PASSWORD,
            next_path="/",
            ldap=ldap,
            place=Place("192.0.2.7", "laptop"),
            actor=NOBODY,
        )

    assert refused(enter_by_ldap) == "directory.people_quota"
    assert (
        AuditEvent.objects.get(type="directory.sign_in.refused").details["reason"] == "directory.people_quota"
    )
    more_places(acme, 2)
    assert enter_by_ldap().person.name == "Ann"
