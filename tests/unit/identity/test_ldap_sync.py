"""Syncs at the port: who is confirmed, who goes, who comes back; and what must not take anybody's access away."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db.models import F

from brokers.types import AccountState
from portal.access.models import Alarm, Grant
from portal.audit.models import AuditEvent
from portal.catalog.models import Entitlement
from portal.directory.models import (
    ApiToken,
    ExternalIdentity,
    Group,
    GroupMembership,
    IdentityProvider,
    Person,
    SignIn,
    SyncRun,
)
from portal.directory.operations.api_tokens import create_token, find_token
from portal.identity.operations import sync_people, sync_runs
from portal.identity.operations.ask_sync import approve_sync, ask_due_syncs, ask_sync
from portal.identity.operations.gone import person_gone
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, NotFoundError
from portal.kernel.models import OutboxMessage
from tests.fake_ldap import DOWN, FakeLdap, make_directory
from tests.world import as_actor, make_person

pytestmark = pytest.mark.django_db
SHELL = Actor.command("tests")
Make = Callable[..., Any]
State = SyncRun.State


@pytest.fixture
def ldap() -> FakeLdap:
    return FakeLdap()


@pytest.fixture
def office(db: None) -> IdentityProvider:
    return make_directory()


@pytest.fixture
def known(office: IdentityProvider, ldap: FakeLdap, person: Make) -> Make:
    """Make people whom the directory and the portal know: known("ann")."""

    def make(login: str, state: AccountState = AccountState.USABLE) -> Person:
        entry = ldap.add(login, state)
        made: Person = person(login.capitalize(), email=f"{login}@example.test", vouched=False)
        ExternalIdentity.objects.create(
            provider=office, person=made, subject=entry.stable_id, subject_format="ldap", login=login
        )
        return made

    return make


def sync(provider: IdentityProvider, ldap: FakeLdap, **asked: Any) -> SyncRun:
    ask_sync(provider_id=provider.pk, actor=SHELL, **asked)
    return ran(ldap)


def ran(ldap: FakeLdap) -> SyncRun:
    run = sync_people.run_sync(ldap=ldap)
    assert run is not None
    return run


def is_in(person: Person) -> set[str]:
    return set(GroupMembership.objects.filter(person=person).values_list("group__name", flat=True))


def events(kind: str) -> int:
    return AuditEvent.objects.filter(type=kind).count()


def active(*people: Person) -> list[bool]:
    return [Person.objects.get(pk=person.pk).is_active for person in people]


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


def open_session(person: Person) -> str:
    session = SessionStore()
    session.create()
    now = database_now()
    SignIn.objects.create(
        person=person,
        identity=person.identities.get(),
        session_key=str(session.session_key),
        authenticated_at=now,
        started_at=now,
        expires_at=now + timedelta(hours=1),
    )
    return str(session.session_key)


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


def crowd(known: Make, number: int) -> list[Person]:
    return [known(f"p{one}") for one in range(number)]


def test_more_than_the_share_stops_and_asks_and_a_yes_goes_on(
    office: IdentityProvider, ldap: FakeLdap, known: Make, admin: Person
) -> None:
    people = crowd(known, 30)
    for one in range(4):
        ldap.change(f"p{one}", AccountState.DISABLED)
    run = sync(office, ldap)
    assert (run.state, run.gone) == (State.STOPPED, 4)
    assert "4 of 30 people would be deactivated" in run.problem
    assert "more than 3 needs a yes" in run.problem
    assert [each["what"] for each in run.changes] == ["would_go"] * 4
    assert active(*people) == [True] * 30
    assert Alarm.objects.get(kind="sync_stopped").cleared_at is None
    assert events("directory.sync.stopped") == 1
    approve_sync(run_id=run.pk, actor=as_actor(admin))
    done = ran(ldap)
    assert (done.state, done.gone, done.asked_by) == (State.DONE, 4, admin)
    assert active(*people).count(False) == 4
    assert Alarm.objects.get(kind="sync_stopped").cleared_at is not None


def test_the_share_itself_is_no_reason_to_stop(office: IdentityProvider, ldap: FakeLdap, known: Make) -> None:
    crowd(known, 30)
    for one in range(3):
        ldap.remove(f"p{one}")
    assert (sync(office, ldap).state, Person.objects.filter(is_active=False).count()) == (State.DONE, 3)


@pytest.mark.parametrize(("leave", "state"), [(2, State.DONE), (3, State.STOPPED)])
def test_two_of_a_few_are_no_crowd(
    leave: int, state: SyncRun.State, office: IdentityProvider, ldap: FakeLdap, known: Make
) -> None:
    crowd(known, 5)
    for one in range(leave):
        ldap.remove(f"p{one}")
    assert sync(office, ldap).state == state


def test_a_yes_is_for_as_many_as_were_named(office: IdentityProvider, ldap: FakeLdap, known: Make) -> None:
    people = crowd(known, 30)
    for one in range(10):
        ldap.remove(f"p{one}")
    stopped = sync(office, ldap)
    for one in range(10, 30 - 1):
        ldap.remove(f"p{one}")
    approve_sync(run_id=stopped.pk, actor=SHELL)
    again = ran(ldap)
    assert (again.state, again.gone) == (State.STOPPED, 29)
    assert active(*people) == [True] * 30
    approve_sync(run_id=again.pk, actor=SHELL)
    assert ran(ldap).gone == 29


def test_only_the_last_one_that_stopped_waits_for_a_yes(
    office: IdentityProvider, ldap: FakeLdap, known: Make
) -> None:
    crowd(known, 5)
    for one in range(3):
        ldap.remove(f"p{one}")
    stopped = sync(office, ldap)
    sync(office, ldap)
    with pytest.raises(ConflictError, match="another sync was made since"):
        approve_sync(run_id=stopped.pk, actor=SHELL)


def test_an_empty_directory_says_nothing_of_anybody_even_with_a_yes(
    office: IdentityProvider, ldap: FakeLdap, known: Make
) -> None:
    people = crowd(known, 2)
    ldap.entries.clear()
    run = sync(office, ldap, may_deactivate_all=True)
    assert (run.state, run.gone) == (State.FAILED, 0)
    assert "ldap.nobody" in run.problem
    assert active(*people) == [True, True]


@pytest.mark.parametrize("operation", ["people", "groups", "find_person"])
def test_a_directory_that_is_down_deactivates_nobody(
    operation: str, office: IdentityProvider, ldap: FakeLdap, known: Make
) -> None:
    ann, ben = known("ann"), known("ben")
    ldap.remove("ann")
    ldap.group("dev", "ben")
    Group.objects.create(provider=office, name="ops", external_id="gone").memberships.create(person=ben)
    ldap.fail[operation] = DOWN
    run = sync(office, ldap)
    assert (run.state, run.gone) == (State.FAILED, 0)
    assert "unreachable" in run.problem
    assert active(ann, ben) == [True, True]
    assert is_in(ben) == {"ops"}


def test_one_that_breaks_off_in_the_middle_deactivates_nobody(
    office: IdentityProvider, ldap: FakeLdap, known: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_people, "BATCH", 2)
    people = crowd(known, 6)
    ldap.breaks_after = 4
    run = sync(office, ldap)
    assert (run.state, run.people_seen) == (State.FAILED, 4)
    assert active(*people) == [True] * 6


def test_an_alarm_is_raised_after_three_failures_in_a_row(
    office: IdentityProvider, ldap: FakeLdap, known: Make
) -> None:
    known("ann")
    ldap.fail["people"] = DOWN
    for _ in range(2):
        assert sync(office, ldap).state == State.FAILED
    assert not Alarm.objects.exists()
    assert sync(office, ldap).state == State.FAILED
    assert Alarm.objects.get(kind="sync_failed", cleared_at=None).subject == "office"
    ldap.fail.clear()
    sync(office, ldap)
    assert not Alarm.objects.filter(cleared_at=None).exists()


def test_a_fault_of_our_own_is_kept_and_raised(office: IdentityProvider, ldap: FakeLdap, known: Make) -> None:
    known("ann")
    ldap.fail["groups"] = ZeroDivisionError("secret detail")
    ask_sync(provider_id=office.pk, actor=SHELL)
    with pytest.raises(ZeroDivisionError):
        sync_people.run_sync(ldap=ldap)
    run = SyncRun.objects.get()
    assert (run.state, run.problem) == (State.FAILED, "ZeroDivisionError: the worker's log says more")


def test_a_provider_that_was_switched_off_is_not_read(
    office: IdentityProvider, ldap: FakeLdap, known: Make
) -> None:
    known("ann")
    ask_sync(provider_id=office.pk, actor=SHELL)
    IdentityProvider.objects.update(is_enabled=False)
    assert ran(ldap).state == State.FAILED
    assert ldap.calls == []


class TestGroups:
    def test_they_are_known_with_their_members_by_way_of_groups(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann, ben = known("ann"), known("ben")
        inner = ldap.group("inner", "ann")
        middle = ldap.group("middle", inner.dn)
        ldap.group("outer", middle.dn, "ben")
        run = sync(office, ldap)
        assert (run.groups_seen, run.joined, run.left) == (3, 4, 0)
        assert is_in(ann) == {"inner", "middle", "outer"}
        assert is_in(ben) == {"outer"}
        told = AuditEvent.objects.get(type="directory.person.groups_changed", person_id=ann.pk)
        assert told.details["joined"] == ["inner", "middle", "outer"]
        again = sync(office, ldap)
        assert (again.joined, again.left, again.changes) == (0, 0, [])
        assert events("directory.person.groups_changed") == 2

    def test_what_was_held_through_a_group_ends_with_it_and_nothing_else(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make, make_grant: Make
    ) -> None:
        ann, ben = known("ann"), known("ben")
        ldap.group("dev", "ann", "ben")
        sync(office, ldap)
        through, other = taken(office, make_grant, ann)
        bens, _ = taken(office, make_grant, ben)
        ldap.group("dev", "ben")
        run = sync(office, ldap)
        assert (run.state, run.left) == (State.DONE, 1)
        states = [Grant.objects.get(pk=grant.pk).state for grant in (through, other, bens)]
        assert states == ["suspended", "active", "active"]
        assert (is_in(ann), is_in(ben)) == (set(), {"dev"})

    def test_a_group_that_is_removed_is_everybodys_end_of_it(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann = known("ann")
        ldap.group("dev", "ann")
        sync(office, ldap)
        ldap.all_groups.clear()
        ldap.group("dev", "ann", stable_id="another")
        sync(office, ldap)
        # One of the same name that was made anew is another group: what was given to the first's members is not its.
        assert is_in(ann) == {"dev (cn=dev,ou=groups,dc=example,dc=test)"}
        assert Group.objects.get(name="dev").memberships.count() == 0

    def test_groups_that_all_lose_their_members_stop_it_where_they_give_something(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make, make_grant: Make
    ) -> None:
        people = crowd(known, 5)
        ldap.group("dev", *(f"p{one}" for one in range(5)))
        ldap.group("club", *(f"p{one}" for one in range(5)))
        sync(office, ldap)
        ldap.group("club")
        assert sync(office, ldap).state == State.DONE
        through, _ = taken(office, make_grant, people[0])
        ldap.group("dev")
        run = sync(office, ldap)
        assert (run.state, run.left, run.gone) == (State.STOPPED, 5, 0)
        assert Grant.objects.get(pk=through.pk).state == "active"
        approve_sync(run_id=run.pk, actor=SHELL)
        assert ran(ldap).left == 5
        assert Grant.objects.get(pk=through.pk).state == "suspended"

    def test_two_of_one_name_never_stand_for_each_other(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann, eve = known("ann"), known("eve")
        ldap.group("admins", "ann")
        sync(office, ldap)
        ldap.group("admins", "eve", ou="ou=eves,dc=example,dc=test")
        sync(office, ldap)
        assert is_in(ann) == {"admins"}
        assert is_in(eve) == {"admins (cn=admins,ou=eves,dc=example,dc=test)"}

    def test_two_new_ones_of_one_name_are_both_called_by_their_place(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        known("ann")
        Group.objects.create(provider=office, name="admins")
        ldap.group("admins")
        ldap.group("admins", "ann", ou="ou=eves,dc=example,dc=test")
        sync(office, ldap)
        assert Group.objects.filter(provider=office).count() == 3
        assert Group.objects.get(name="admins").external_id == ""

    def test_one_that_was_made_here_by_name_is_the_only_one_of_that_name(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann = known("ann")
        made = Group.objects.create(provider=office, name="dev")
        ldap.group("dev", "ann", stable_id="42")
        sync(office, ldap)
        made.refresh_from_db()
        assert made.external_id == "42"
        assert is_in(ann) == {"dev"}

    def test_a_new_name_is_taken_over(self, office: IdentityProvider, ldap: FakeLdap, known: Make) -> None:
        ann = known("ann")
        made = ldap.group("dev", "ann")
        sync(office, ldap)
        ldap.all_groups[made.stable_id] = replace(made, name="developers")
        sync(office, ldap)
        assert is_in(ann) == {"developers"}
        assert events("directory.person.groups_changed") == 1

    def test_they_may_be_called_otherwise_here(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann = known("ann")
        IdentityProvider.objects.update(group_names={"dev": "developers", "developers": "nobody"})
        ldap.group("dev", "ann")
        sync(office, ldap)
        assert is_in(ann) == {"developers"}

    def test_others_groups_are_left_alone(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann = known("ann")
        Group.objects.create(name="our own").memberships.create(person=ann)
        make = Group.objects.create(name="theirs", provider=make_directory("other"))
        make.memberships.create(person=ann)
        sync(office, ldap)
        assert is_in(ann) == {"our own", "theirs"}

    def test_none_are_read_without_a_base(
        self, ldap: FakeLdap, office: IdentityProvider, known: Make
    ) -> None:
        ann = known("ann")
        office.ldap.groups_base = ""
        office.ldap.save()
        Group.objects.create(provider=office, name="dev").memberships.create(person=ann)
        ldap.group("ops", "ann")
        assert sync(office, ldap).state == State.DONE
        assert is_in(ann) == {"dev"}
        assert "groups" not in ldap.calls

    def test_who_signed_in_since_it_began_has_newer_groups(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann, ben = known("ann"), known("ben")
        ops = Group.objects.create(provider=office, name="ops", external_id="gid-ops")
        ldap.before["groups"] = lambda: (
            ops.memberships.create(person=ann),
            ops.memberships.create(person=ben),
            ann.identities.update(last_seen_at=database_now()),
        )
        sync(office, ldap)
        assert (is_in(ann), is_in(ben)) == ({"ops"}, set())


def taken(office: IdentityProvider, make_grant: Make, person: Person) -> tuple[Grant, Grant]:
    """Return a grant that was taken through the group dev, and one that was not."""
    through, other = make_grant(person), make_grant(person)
    entitlement, _ = Entitlement.objects.get_or_create(
        group=Group.objects.get(provider=office, name="dev"), role=through.role
    )
    Grant.objects.filter(pk=through.pk).update(entitlement=entitlement)
    return through, other


class TestWhoMayAndWhen:
    def test_a_superuser_may_ask_and_nobody_else(self, office: IdentityProvider, mallory: Person) -> None:
        with pytest.raises(ForbiddenError):
            ask_sync(provider_id=office.pk, actor=as_actor(mallory))
        admin = make_person("Root", is_staff=True, is_superuser=True)
        run = ask_sync(provider_id=office.pk, actor=as_actor(admin))
        assert (run.state, run.asked_by) == (State.ASKED, admin)
        SyncRun.objects.update(state=State.STOPPED, finished_at=F("asked_at"))
        with pytest.raises(ForbiddenError):
            approve_sync(run_id=run.pk, actor=as_actor(mallory))

    def test_of_a_directory_alone(self, office: IdentityProvider) -> None:
        saml = IdentityProvider.objects.create(slug="saml", name="SAML")
        with pytest.raises(NotFoundError):
            ask_sync(provider_id=saml.pk, actor=SHELL)
        IdentityProvider.objects.filter(pk=office.pk).update(is_enabled=False)
        with pytest.raises(ConflictError, match="switched off"):
            ask_sync(provider_id=office.pk, actor=SHELL)

    def test_one_at_a_time_and_a_lost_one_is_asked_for_again(self, office: IdentityProvider) -> None:
        run = ask_sync(provider_id=office.pk, actor=SHELL)
        with pytest.raises(ConflictError, match="under way"):
            ask_sync(provider_id=office.pk, actor=SHELL)
        assert OutboxMessage.objects.filter(topic="directory.sync.asked").count() == 1
        SyncRun.objects.update(asked_at=F("asked_at") - timedelta(minutes=1))
        assert ask_sync(provider_id=office.pk, actor=SHELL).pk == run.pk
        assert OutboxMessage.objects.filter(topic="directory.sync.asked").count() == 2

    def test_the_schedule_asks_when_it_is_time(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        known("ann")
        make_directory("by-hand", ldap_sync_minutes=0)
        make_directory("off", is_enabled=False)
        assert [run.provider for run in ask_due_syncs()] == [office]
        assert ran(ldap).state == State.DONE
        assert ask_due_syncs() == []
        SyncRun.objects.update(asked_at=F("asked_at") - timedelta(minutes=14, seconds=25))
        assert ask_due_syncs() == []
        SyncRun.objects.update(asked_at=F("asked_at") - timedelta(seconds=10))
        assert len(ask_due_syncs()) == 1

    def test_a_dead_workers_run_is_begun_anew_and_the_dead_one_changes_nothing_more(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann = known("ann")
        ldap.remove("ann")
        ldap.add("ben")
        ask_sync(provider_id=office.pk, actor=SHELL)
        dead = sync_runs.take_run()
        assert dead is not None
        assert sync_runs.take_run() is None
        SyncRun.objects.update(beat_at=F("beat_at") - timedelta(minutes=6))
        living = sync_runs.take_run()
        assert living is not None
        with pytest.raises(sync_runs.OvertakenError):
            dead.beat("ending what is over")
        with pytest.raises(sync_runs.OvertakenError):
            dead.finish(State.DONE)
        living.finish(State.DONE)
        assert active(ann) == [True]

    def test_who_was_overtaken_leaves_the_row_alone(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann = known("ann")
        ldap.remove("ann")
        ldap.add("ben")
        ldap.before["groups"] = lambda: SyncRun.objects.update(started_at=database_now())
        ask_sync(provider_id=office.pk, actor=SHELL)
        assert sync_people.run_sync(ldap=ldap) is None
        assert SyncRun.objects.get().state == State.RUNNING
        assert active(ann) == [True]

    def test_it_tells_how_far_it_is(self, office: IdentityProvider, ldap: FakeLdap, known: Make) -> None:
        known("ann")
        seen: list[tuple[str, int]] = []
        ldap.before["people"] = lambda: seen.extend(SyncRun.objects.values_list("step", "people_seen"))
        ldap.before["groups"] = lambda: seen.extend(SyncRun.objects.values_list("step", "people_seen"))
        sync(office, ldap)
        assert seen == [("reading people", 0), ("reading groups", 1)]


def test_a_password_that_can_not_be_opened_says_so(
    office: IdentityProvider, ldap: FakeLdap, known: Make
) -> None:
    ann = known("ann")
    office.ldap.sealed_bind_password = b"rubbish"
    office.ldap.save()
    run = sync(office, ldap)
    assert (run.state, "ldap.bind" in run.problem) == (State.FAILED, True)
    assert active(ann) == [True]
