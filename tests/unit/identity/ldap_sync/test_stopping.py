"""What must not take anybody's access away: too many at once, an empty directory, one that is down."""

import pytest

from brokers.types import AccountState
from portal.access.models import Alarm
from portal.directory.models import (
    Group,
    IdentityProvider,
    Person,
    SyncRun,
)
from portal.identity.operations import sync_people
from portal.identity.operations.ask_sync import approve_sync, ask_sync
from portal.kernel.errors import ConflictError
from tests.fake_ldap import DOWN, FakeLdap
from tests.unit.identity.ldap_sync.syncing import SHELL, Make, State, active, crowd, events, is_in, ran, sync
from tests.world import as_actor

pytestmark = pytest.mark.django_db


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


def test_a_password_that_can_not_be_opened_says_so(
    office: IdentityProvider, ldap: FakeLdap, known: Make
) -> None:
    ann = known("ann")
    office.ldap.sealed_bind_password = b"rubbish"
    office.ldap.save()
    run = sync(office, ldap)
    assert (run.state, "ldap.bind" in run.problem) == (State.FAILED, True)
    assert active(ann) == [True]
