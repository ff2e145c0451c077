"""The hold: who may enter and release it, what it stops; and how a restored database is found out."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from portal.access.models import Alarm, Hold, Sweep
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.running import database_mark, restored
from portal.access.operations.running.database_mark import same_database
from portal.access.operations.running.hold import enter_hold, note_looked, release_hold
from portal.access.operations.running.restored import hold_if_restored
from portal.audit.models import AuditEvent
from portal.audit.queries import newest_event
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
SHELL = Actor.command("tests")
HERE, ELSEWHERE = "postgresql 7/16384", "postgresql 7/20000"


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def set_mark(text: str) -> None:
        for module in (restored, database_mark):
            monkeypatch.setattr(module, "database_mark", lambda: text)

    set_mark(HERE)
    return set_mark


def look(remembered: Mapping[str, int] | None = None) -> bool:
    return hold_if_restored(remembered=remembered or {})


def release() -> None:
    assert note_looked(at=database_now())
    release_hold(reason="looked", actor=SHELL)


def test_in_hold_nothing_is_issued_and_afterwards_it_is(
    make_grant: Make, aws: FakeAws, actor_of: Make
) -> None:
    grant = make_grant()
    enter_hold(reason="a test", actor=SHELL)
    with pytest.raises(ConflictError, match="in hold"):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    release()
    issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))


def test_who_may_revoke_may_release_and_nobody_else(
    person: Make, admin: Any, mallory: Any, actor_of: Make
) -> None:
    helper = person("Hal Helper", is_staff=True)
    for somebody in (mallory, helper):
        with pytest.raises(ForbiddenError):
            enter_hold(reason="r", actor=actor_of(somebody))
    helper.user_permissions.add(Permission.objects.get(codename="revoke_grant"))
    enter_hold(reason="r", actor=actor_of(helper))
    note_looked(at=database_now())
    with pytest.raises(ForbiddenError):
        release_hold(reason="r", actor=actor_of(mallory))
    assert release_hold(reason="r", actor=actor_of(admin)).released_by == admin


def test_no_release_before_a_look_that_came_after_the_entry() -> None:
    with pytest.raises(ConflictError, match="not in hold"):
        release_hold(reason="r", actor=SHELL)
    assert not note_looked(at=database_now())
    hold = enter_hold(reason="r", actor=SHELL)
    assert not note_looked(at=hold.entered_at - timedelta(seconds=1))
    with pytest.raises(ConflictError, match="look first"):
        release_hold(reason="r", actor=SHELL)
    for reason in ("", "x" * 301):
        with pytest.raises(InvalidError):
            release_hold(reason=reason, actor=SHELL)
    release()
    events = AuditEvent.objects.filter(type__startswith="access.hold.").order_by("id")
    assert [event.type for event in events] == ["access.hold.entered", "access.hold.released"]
    assert [(alarm.kind, alarm.cleared_at is None) for alarm in Alarm.objects.all()] == [("held", False)]


def test_two_holds_at_once_are_one() -> None:
    enter_hold(reason="first", actor=SHELL)
    with pytest.raises(ConflictError, match="already"):
        enter_hold(reason="second", actor=SHELL)
    assert Hold.objects.get().reason == "first"


def test_the_first_run_only_takes_the_mark_down_and_a_restart_changes_nothing(mark: Make) -> None:
    assert look({"Redis": 5_000_000}) is False, "a new installation beside an old Redis"
    assert Sweep.objects.get().database == HERE
    assert look({"Redis": newest_event()}) is False
    assert look() is False, "Redis lost is no information"
    assert not Hold.objects.exists()


def test_another_database_enters_the_hold_until_an_operator_accepts_it(mark: Make) -> None:
    look()
    mark(ELSEWHERE)
    assert look() is True
    assert look() is True
    hold = Hold.objects.get()
    assert ELSEWHERE in hold.reason
    assert HERE in hold.reason
    release()
    assert look() is False
    mark(HERE)
    assert look() is True, "the old one again is another one"


def test_a_database_that_was_set_back_enters_the_hold_once(mark: Make, make_grant: Make) -> None:
    make_grant()
    look()
    newest = newest_event()
    assert look({"Redis": newest}) is False
    assert look({"Redis": newest + 40, "A file": newest}) is True
    assert (
        f"Redis remembers audit row {newest + 40}, but the database ends at {newest}"
        in Hold.objects.get().reason
    )
    release()
    assert look({"Redis": newest + 40}) is False, "the same memory again"
    assert look({"Redis": newest + 41}) is True


@pytest.mark.parametrize(
    ("mark", "other", "same"),
    [
        (HERE, HERE, True),
        (HERE, ELSEWHERE, False),
        (HERE, "postgresql 8/16384", False),
        (HERE, "postgresql unknown/16384", True),
        ("postgresql unknown/20000", HERE, False),
        ("sqlite 12", "sqlite 12", True),
        ("sqlite 12", "sqlite 13", False),
        ("sqlite 12", HERE, False),
        ("", "sqlite 12", True),
    ],
)
def test_marks(mark: str, other: str, same: bool) -> None:
    assert same_database(mark, other) is same
    assert same_database(other, mark) is same
