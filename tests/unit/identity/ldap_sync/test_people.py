"""Syncs at the port: who is confirmed, who goes, who comes back."""

import pytest
from django.contrib.sessions.backends.db import SessionStore

from brokers.types import AccountState
from portal.access.models import Grant
from portal.audit.models import AuditEvent
from portal.directory.models import (
    ApiToken,
    IdentityProvider,
    Person,
    SignIn,
)
from portal.directory.operations.api_tokens import create_token, find_token
from portal.identity.operations.gone import person_gone
from portal.kernel.clock import database_now
from tests.fake_ldap import FakeLdap
from tests.unit.identity.ldap_sync.syncing import SHELL, Make, State, active, events, open_session, sync
from tests.world import as_actor

pytestmark = pytest.mark.django_db


def test_people_who_are_known_are_confirmed_and_nobody_is_admitted(
    office: IdentityProvider, ldap: FakeLdap, known: Make
) -> None:
    ann = known("ann")
    ldap.add("stranger")
    before = database_now()
    run = sync(office, ldap)
    assert (run.state, run.people_seen, run.admitted, run.gone) == (State.DONE, 2, 0, 0)
    assert Person.objects.count() == 1
    confirmed = ann.identities.get().confirmed_at
    assert before <= confirmed <= database_now()
    assert events("directory.sync.done") == 1
    assert events("directory.sync.asked") == 1


def test_names_and_addresses_become_what_they_are_there(
    office: IdentityProvider, ldap: FakeLdap, known: Make
) -> None:
    ann, ben = known("ann"), known("ben")
    ldap.add("ann", displayName="Ann\n  Brook", mail="new@example.test")
    run = sync(office, ldap)
    ann.refresh_from_db()
    assert (ann.name, ann.email) == ("Ann Brook", "new@example.test")
    assert run.changed == 1
    assert run.changes == [{"what": "changed", "who": "Ann Brook", "fields": "email, name"}]
    changed = AuditEvent.objects.filter(type="directory.person.changed")
    assert list(changed.values_list("person_id", flat=True)) == [ann.pk]
    assert ben.pk != ann.pk


@pytest.mark.parametrize(
    ("state", "why"),
    [(AccountState.DISABLED, "disabled"), (AccountState.EXPIRED, "expired"), (None, "removed")],
)
def test_whoever_is_gone_there_has_nothing_here_and_the_others_keep_all(  # noqa: PLR0917  # fixtures
    state: AccountState | None,
    why: str,
    office: IdentityProvider,
    ldap: FakeLdap,
    known: Make,
    make_grant: Make,
) -> None:
    ann, ben = known("ann"), known("ben")
    held = {one: make_grant(one) for one in (ann, ben)}
    tokens = {
        one: create_token(name="t", scopes=["grants:read"], days=1, actor=as_actor(one)).plain for one in held
    }
    sessions = {one: open_session(one) for one in held}
    if state is None:
        ldap.remove("ann")
    else:
        ldap.change("ann", state)
    run = sync(office, ldap)
    assert (run.state, run.gone, run.changes) == (State.DONE, 1, [{"what": "gone", "who": "Ann", "why": why}])
    assert active(ann, ben) == [False, True]
    assert ann.identities.get().gone_why == why
    states = {one: Grant.objects.get(pk=grant.pk).state for one, grant in held.items()}
    assert states == {ann: "suspended", ben: "active"}
    assert ApiToken.objects.get(person=ann).revoked_at is not None
    assert find_token(plain=tokens[ann]) is None
    assert find_token(plain=tokens[ben]) is not None
    assert SessionStore().exists(sessions[ben])
    assert SignIn.objects.filter(person=ben).exists()
    assert not SignIn.objects.filter(person=ann).exists()


@pytest.mark.parametrize(
    "state", [AccountState.LOCKED, AccountState.PASSWORD_MUST_CHANGE, AccountState.PASSWORD_EXPIRED]
)
def test_a_lock_or_an_old_password_is_no_reason_to_deactivate(
    state: AccountState, office: IdentityProvider, ldap: FakeLdap, known: Make
) -> None:
    ann = known("ann", state)
    assert sync(office, ldap).gone == 0
    assert active(ann) == [True]
    # Whether a locked account may be issued anything is asked then: the sync's word must not count as the answer.
    assert (ann.identities.get().confirmed_at is None) is (state == AccountState.LOCKED)


def test_whoever_is_there_again_may_sign_in_again(
    office: IdentityProvider, ldap: FakeLdap, known: Make, admin: Person
) -> None:
    ann, ben = known("ann"), known("ben")
    person_gone(identity_id=ann.identities.get().pk, why="disabled", actor=SHELL)
    person_gone(identity_id=ben.identities.get().pk, why="disabled", actor=SHELL)
    # An admin's word is an admin's to take back.
    Person.objects.filter(pk=ben.pk).update(deactivated_by_provider=None)
    run = sync(office, ldap)
    assert (run.state, run.back) == (State.DONE, 2)
    assert active(ann, ben) == [True, False]
    assert events("directory.identity.back") == 2


def test_who_moved_while_it_was_read_is_asked_for_once_more(
    office: IdentityProvider, ldap: FakeLdap, known: Make
) -> None:
    ann, ben = known("ann"), known("ben")
    hidden = ldap.entries.pop("id-ann")
    ldap.before["groups"] = lambda: ldap.entries.setdefault("id-ann", hidden)
    run = sync(office, ldap)
    assert (run.state, run.gone, run.people_seen) == (State.DONE, 0, 1)
    assert active(ann, ben) == [True, True]
    assert ldap.calls.count("find_person") == 1
