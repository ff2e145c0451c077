"""What a sync has no say in: other providers' people, SCIM's people and groups; and whose yes counts for what."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from brokers.types import AccountState
from portal.access.models import Revocation
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.grants.take_entitlement import take_entitlement
from portal.catalog.models import AwsRole
from portal.directory.models import (
    ExternalIdentity,
    Group,
    GroupMembership,
    IdentityProvider,
    Person,
    ScimGroup,
    SyncRun,
)
from portal.identity.operations.ask_sync import approve_sync, ask_sync
from portal.identity.operations.sync_people import run_sync
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError
from tests.entitled import entitle
from tests.fake_ldap import FakeLdap, make_directory
from tests.fakes import FakeAws
from tests.vouched import vouch
from tests.world import as_actor

pytestmark = pytest.mark.django_db
SHELL = Actor.command("tests")
State = SyncRun.State
Make = Callable[..., Any]


@pytest.fixture
def ldap() -> FakeLdap:
    return FakeLdap()


@pytest.fixture
def office(db: None) -> IdentityProvider:
    return make_directory()


def known(provider: IdentityProvider, ldap: FakeLdap, login: str) -> Person:
    """Have the directory and the portal know somebody."""
    entry, made = ldap.add(login), Person.objects.admit(name=login.capitalize())
    identify(provider, made, entry.stable_id)
    return made


def identify(
    provider: IdentityProvider, person: Person, subject: str, form: str = "ldap"
) -> ExternalIdentity:
    return ExternalIdentity.objects.create(
        provider=provider, person=person, subject=subject, subject_format=form
    )


def sync(provider: IdentityProvider, ldap: FakeLdap, **asked: Any) -> SyncRun:
    ask_sync(provider_id=provider.pk, actor=SHELL, **asked)
    run = run_sync(ldap=ldap)
    assert run is not None
    return run


def is_in(person: Person) -> set[str]:
    return set(GroupMembership.objects.filter(person=person).values_list("group__name", flat=True))


@pytest.mark.parametrize("state", [AccountState.USABLE, AccountState.DISABLED])
def test_another_providers_person_of_the_same_id(
    office: IdentityProvider, ldap: FakeLdap, state: AccountState
) -> None:
    ann, other = known(office, ldap, "ann"), Person.objects.admit(name="Another Ann")
    theirs = identify(make_directory("other"), other, "id-ann")
    ldap.change("ann", state)
    run = sync(office, ldap)
    ann.refresh_from_db()
    other.refresh_from_db()
    theirs.refresh_from_db()
    assert (run.state, ann.is_active) == (State.DONE, state == AccountState.USABLE)
    assert (other.is_active, other.name) == (True, "Another Ann")
    assert (theirs.gone_at, theirs.confirmed_at) == (None, None)


def test_whom_scim_told_of_is_not_missed_by_the_sync_of_the_same_provider(
    office: IdentityProvider, ldap: FakeLdap
) -> None:
    known(office, ldap, "ann")
    ben = Person.objects.admit(name="Ben")
    told = identify(office, ben, "ben", "scim")
    run = sync(office, ldap)
    told.refresh_from_db()
    assert (run.state, run.gone, told.gone_at) == (State.DONE, 0, None)
    assert Person.objects.get(pk=ben.pk).is_active


def test_a_group_that_scim_told_of_is_scims(office: IdentityProvider, ldap: FakeLdap) -> None:
    ann, now = known(office, ldap, "ann"), database_now()
    for name in ("dev", "ops"):
        Group.objects.create(provider=office, name=name).memberships.create(person=ann)
    told = Group.objects.get(name="dev")
    ScimGroup.objects.create(provider=office, group=told, created_at=now, modified_at=now)
    sync(office, ldap)
    assert is_in(ann) == {"dev"}


def test_a_group_that_gives_nothing_any_more_stops_no_sync(
    office: IdentityProvider, ldap: FakeLdap, role: AwsRole
) -> None:
    people = [known(office, ldap, f"p{one}") for one in range(5)]
    ldap.group("dev", *(f"p{one}" for one in range(5)))
    sync(office, ldap)
    offer = entitle(Group.objects.get(name="dev"), role)
    ldap.group("dev")
    assert sync(office, ldap).state == State.STOPPED
    assert is_in(people[0]) == {"dev"}
    offer.is_enabled = False
    offer.save()
    assert sync(office, ldap).state == State.DONE
    assert is_in(people[0]) == set()


def test_what_was_let_run_out_is_cut_with_the_group_that_gave_it(
    office: IdentityProvider, ldap: FakeLdap, role: AwsRole, aws: FakeAws
) -> None:
    ann, ben = known(office, ldap, "ann"), known(office, ldap, "ben")
    ldap.group("dev", "ann", "ben")
    sync(office, ldap)
    offer = entitle(Group.objects.get(name="dev"), role)
    for person in (ann, ben):
        vouch(person)
        grant = take_entitlement(
            entitlement_id=offer.pk, minutes=60, reason="work", aws=aws.ports(), actor=as_actor(person)
        )
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=as_actor(person))
        revoke_grant(grant_id=grant.pk, reason="done", actor=SHELL, cut=False)
    assert not Revocation.objects.exists()
    ldap.group("dev", "ben")
    assert sync(office, ldap).state == State.DONE
    assert [revocation.grant.person for revocation in Revocation.objects.all()] == [ann]


def test_a_yes_that_nobody_was_asked_for_is_for_any_number(office: IdentityProvider, ldap: FakeLdap) -> None:
    people = [known(office, ldap, f"p{one}") for one in range(6)]
    assert sync(office, ldap).state == State.DONE
    for one in range(5):
        ldap.remove(f"p{one}")
    run = sync(office, ldap, may_deactivate_all=True)
    assert (run.state, run.gone) == (State.DONE, 5)
    assert Person.objects.get(pk=people[5].pk).is_active


def test_nobody_says_yes_to_what_did_not_ask(office: IdentityProvider, ldap: FakeLdap) -> None:
    known(office, ldap, "ann")
    done = sync(office, ldap)
    with pytest.raises(ConflictError, match="Nothing waits for a yes"):
        approve_sync(run_id=done.pk, actor=SHELL)
    assert SyncRun.objects.count() == 1
    SyncRun.objects.update(state=State.STOPPED, asked_at=database_now() - timedelta(minutes=1))
    assert approve_sync(run_id=done.pk, actor=SHELL).may_deactivate_all
