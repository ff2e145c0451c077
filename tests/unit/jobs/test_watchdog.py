"""The watchdog outside of Celery: alarms once, closes issuing where set, dies of nothing. The hold by command."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from portal.access.models import Alarm, Grant, Hold, Sweep
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.doors import check_issuing_open
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.running.hold import is_held, note_looked
from portal.audit.models import AuditEvent
from portal.jobs import watchdog
from portal.jobs.watchdog import Watchdog
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture
def dog(monkeypatch: pytest.MonkeyPatch) -> Watchdog:
    monkeypatch.setattr(watchdog, "_close", lambda: None)  # the test's transaction lives on this connection
    return Watchdog()


@pytest.fixture
def heart() -> Callable[..., None]:
    """Set the heartbeat so many seconds ago."""

    def beat(age: float) -> None:
        Sweep.objects.update_or_create(pk=1, defaults={"ran_at": database_now() - timedelta(seconds=age)})

    return beat


def alarms() -> list[tuple[str, bool]]:
    return [(row.kind, row.cleared_at is None) for row in Alarm.objects.order_by("pk")]


def test_it_alarms_once_and_clears_when_the_sweep_runs_again(dog: Watchdog, heart: Make) -> None:
    heart(1)
    dog.look()
    assert alarms() == []
    heart(31)
    dog.look()
    dog.look()
    assert alarms() == [("sweep_stopped", True)]
    assert "31 s ago, more than 30 s" in Alarm.objects.get().text
    assert AuditEvent.objects.filter(type="access.alarm.raised").count() == 1
    heart(0)
    dog.look()
    assert alarms() == [("sweep_stopped", False)]
    heart(-3600)  # the database's clock was set back, and nothing sweeps
    dog.look()
    assert alarms() == [("sweep_stopped", False), ("sweep_stopped", True)]


def test_a_new_installation_has_its_first_seconds(dog: Watchdog) -> None:
    dog.look()
    assert alarms() == []
    dog._began -= 31
    dog.look()
    assert alarms() == [("sweep_stopped", True)]
    assert "has never run" in Alarm.objects.get().text


@pytest.mark.parametrize("fault", [OperationalError("away"), RuntimeError("poisoned")])
def test_no_fault_ends_it(
    fault: Exception, dog: Watchdog, heart: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    heart(31)

    def gone(**_: Any) -> None:
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr(watchdog, "hold_if_restored", gone)
        dog.look()
    assert (alarms(), dog.looked.is_set()) == ([], True)
    dog.look()
    assert alarms() == [("sweep_stopped", True)]


def test_a_stopped_sweep_closes_issuing_only_where_that_is_set_and_revoking_goes_on(
    heart: Make, make_grant: Make, aws: FakeAws, actor_of: Make, settings: Any
) -> None:
    grant = make_grant()
    heart(31)
    issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    settings.CLOSE_ISSUING_WHEN_SWEEP_STOPPED = True
    with pytest.raises(ConflictError, match="sweep, which ends access on time, has stopped"):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    heart(29)
    issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    Sweep.objects.all().delete()
    with pytest.raises(ConflictError):
        check_issuing_open(database_now())
    revoke_grant(grant_id=grant.pk, reason="r", actor=Actor.command("tests"))
    assert Grant.objects.get().state == "revoked"


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_watch_sweep_answers_by_its_exit_code(heart: Make) -> None:
    with pytest.raises(CommandError, match="has never run") as raised:
        said("watch_sweep")
    assert raised.value.returncode == 1
    heart(2)
    assert "2 s ago." in said("watch_sweep")
    heart(40)
    with pytest.raises(CommandError, match="40 s ago, more than 30 s"):
        said("watch_sweep")


def test_the_hold_from_the_shell() -> None:
    assert "Not in hold" in said("hold", "show")
    assert "In hold since" in said("hold", "enter", "--reason", "a restore")
    assert is_held()
    with pytest.raises(CommandError, match=r"In hold since .*: a restore.*Nobody has looked"):
        said("hold", "show")
    with pytest.raises(CommandError, match="already"):
        said("hold", "enter", "--reason", "again")
    with pytest.raises(CommandError, match="Nobody has looked at the difference"):
        said("hold", "release", "--reason", "all is well")
    assert is_held()
    assert note_looked(at=database_now())
    with pytest.raises(CommandError, match="can be released"):
        said("hold", "show")
    with pytest.raises(CommandError, match="Say why"):
        said("hold", "release", "--reason", " ")
    assert "Released" in said("hold", "release", "--reason", "all is well")
    assert not is_held()
    assert Hold.objects.get().release_reason == "all is well"
    with pytest.raises(CommandError, match="not in hold"):
        said("hold", "release", "--reason", "again")
