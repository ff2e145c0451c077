"""What the sweep leaves behind, whichever way a grant goes: many in one statement, or one with work to be done."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from portal.access.lifecycle import GrantState, SessionState
from portal.access.models import AwsSession, ConsoleLink, Grant, Revocation
from portal.access.operations.credentials.console_links import make_console_link
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.running import sweep_grants
from portal.access.operations.running.sweep_grants import expire_batch, next_due
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.kernel.clock import database_now
from portal.kernel.models import OutboxMessage
from tests.fakes import CONSOLE, FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
HOUR = 3600.0


@pytest.fixture
def due(make_grant: Make, ben: Any, aws: FakeAws, actor_of: Make, move_time: Make) -> dict[str, Grant]:
    """One grant of each kind, all over since a minute; `living` is not."""
    names = ["idle", "scheduled", "session", "dead session", "asked", "link", "used link", "living"]
    made = {name: make_grant(ben, starts_in=60 if name == "scheduled" else 0) for name in names}
    for name in ("session", "dead session", "asked"):
        issue_credentials(grant_id=made[name].pk, aws=aws.ports(), actor=actor_of(ben))
    AwsSession.objects.filter(grant=made["asked"]).update(
        state=SessionState.ASKED.value, userid="", answered_at=None
    )
    for name in ("link", "used link"):
        make_console_link(grant_id=made[name].pk, destination=CONSOLE, aws=aws.ports(), actor=actor_of(ben))
    ConsoleLink.objects.filter(grant=made["used link"]).update(used_at=database_now())
    for name in names[:-1]:
        # Its sessions go on living, but for one.
        back = HOUR + 60 + (60 if name == "scheduled" else 0)
        sessions = list(AwsSession.objects.filter(grant=made[name]))
        move_time(made[name].pk, back)
        if name != "dead session":
            AwsSession.objects.bulk_update(sessions, ["asked_at", "expires_at"])
    Grant.objects.filter(pk=made["living"].pk).update(reason="alive")
    return made


def swept() -> dict[Any, Any]:
    """Return what stands in the database, by grant, but for moments and ids that can't be the same twice."""
    rows: dict[Any, Any] = {}
    for grant in Grant.objects.all():
        event = AuditEvent.objects.filter(grant_id=grant.pk, type=EventType.GRANT_EXPIRED.value).first()
        revocation = Revocation.objects.filter(grant=grant).first()
        rows[grant.pk] = (
            (
                grant.state,
                grant.end_reason,
                grant.ended_by_id,
                grant.sessions_run_out,
                grant.ended_at is None,
            ),
            event
            and (
                (event.outcome, event.actor_kind, event.actor_id, event.actor_label, event.ip),
                (event.user_agent, event.request_id, event.person_id, event.role_id, event.details),
                event.at == grant.ended_at,
            ),
            revocation and (revocation.state, revocation.userids, revocation.asked_at == grant.ended_at),
            ConsoleLink.objects.filter(grant=grant).count(),
        )
    return rows


def test_each_kind_ends_as_it_should(due: dict[str, Grant]) -> None:
    done = expire_batch()
    assert done.grants == len(due) - 1
    assert 59 < done.late_seconds < 90
    found = swept()
    for name, grant in due.items():
        state, event, revocation, links = found[grant.pk]
        assert (state[0] == GrantState.EXPIRED) is (name != "living"), name
        assert (revocation is not None) is (name in {"session", "asked"}), name
        assert links == (1 if name == "used link" else 0), name
        if name == "living":
            assert event is None
            continue
        grant.refresh_from_db()
        assert event[0][:4] == ("done", "system", None, "sweep")
        assert event[1][2:4] == (grant.person_id, grant.role_id)
        assert event[1][4] == {
            "reason": "its end came",
            "ends_at": grant.ends_at.isoformat(),
            "cuts_sessions": name in {"session", "asked"},
        }
        assert event[2], "the trail and the row name different moments"
    told = OutboxMessage.objects.filter(topic="access.grants.ended").values_list("payload__count", flat=True)
    assert sum(map(int, told)) == len(due) - 1
    assert expire_batch() == (0, 0.0)


@pytest.mark.postgres
def test_both_ways_leave_the_same_behind(due: dict[str, Grant], monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for way in ("at once", "each"):
        if way == "each":
            monkeypatch.setattr(sweep_grants, "end_idle_grants", lambda *_: [])
        with transaction.atomic():
            expire_batch()
            found[way] = swept()
            transaction.set_rollback(True)
    assert found["at once"] == found["each"]
    assert sum(row[0][0] == "expired" for row in found["each"].values()) == len(due) - 1


@pytest.mark.postgres
def test_the_work_does_not_grow_with_the_batch(
    make_grant: Make, move_time: Make, django_assert_num_queries: Any
) -> None:
    for count in (1, 20):
        for _ in range(count):
            move_time(make_grant().pk, HOUR + 1)
        # The savepoint, the clock, the rows, the clock, the one UPDATE with its trail, the outbox, the savepoint.
        with django_assert_num_queries(7):
            assert expire_batch().grants == count
    assert AuditEvent.objects.filter(type="access.grant.expired").count() == 21


def test_next_due_is_the_first_end_or_start(make_grant: Make, move_time: Make) -> None:
    now = database_now()
    assert next_due(now) is None
    ends = make_grant(seconds=600)
    assert next_due(now) == ends.ends_at
    starts = make_grant(starts_in=60)
    assert next_due(now) == starts.starts_at
    over = move_time(make_grant(seconds=60).pk, 100)
    assert next_due(now) == over.ends_at
    while expire_batch().grants:
        pass
    assert next_due(now) == starts.starts_at
