"""Grants that are open by the week: what is issued ends with the window, also on the days when the clocks change."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from portal.access.models import AwsSession, ConsoleLink, Grant
from portal.access.operations.credentials.console_links import find_console_link, make_console_link
from portal.access.operations.credentials.issue_credentials import IssuedCredentials, issue_credentials
from portal.access.operations.credentials.open_console import open_console
from portal.access.operations.grants.make_grant import WindowOrder
from portal.access.operations.running.sweep_grants import expire_batch
from portal.audit.models import AuditEvent
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from portal.kernel.periods import Period
from tests.fakes import CONSOLE, FakeAws
from tests.set_clock import set_clock

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
SECOND = timedelta(seconds=1)
HOURS = 12 * 3600
READ = (
    "grants.make_grant",
    "credentials.write_sessions",
    "credentials.console_links",
    "refusals",
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def work_hours(zone: str) -> WindowOrder:
    return WindowOrder((1, 2, 3, 4, 5), time(8), time(18), zone)


def nights(zone: str) -> WindowOrder:
    return WindowOrder((6,), time(22), time(6), zone)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the database's clock: clock(utc("2025-03-28 09:00"))."""

    def put(at: datetime) -> None:
        set_clock(monkeypatch, at, modules=READ)

    return put


@pytest.fixture
def windowed(make_grant: Make, make_role: Make, clock: Callable[[datetime], None]) -> Make:
    """A grant of the year 2025, open by the window given."""

    def make(window: WindowOrder, **order: Any) -> Grant:
        clock(utc("2025-01-01"))
        role = order.pop("role", None) or make_role("Worker", max_session_seconds=HOURS)
        made: Grant = make_grant(role=role, ends_at=utc("2025-12-31"), window=window, **order)
        return made

    return make


@pytest.fixture
def issue_at(clock: Callable[[datetime], None], aws: FakeAws, actor_of: Make) -> Make:
    """Issue credentials at a time: issue_at(grant, utc("2025-05-05 09:00"))."""

    def issue(grant: Grant, at: datetime) -> IssuedCredentials:
        clock(at)
        return issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))

    return issue


@pytest.mark.parametrize(
    ("window", "at", "ends"),
    [
        # The weeks before and after the change, by day: 18:00 by the clocks on the wall.
        (work_hours("Europe/Berlin"), "2025-03-28 09:00", "2025-03-28 17:00"),
        (work_hours("Europe/Berlin"), "2025-03-31 09:00", "2025-03-31 16:00"),
        (work_hours("Europe/Berlin"), "2025-10-24 09:00", "2025-10-24 16:00"),
        (work_hours("Europe/Berlin"), "2025-10-27 09:00", "2025-10-27 17:00"),
        (work_hours("America/New_York"), "2025-03-07 15:00", "2025-03-07 23:00"),
        (work_hours("America/New_York"), "2025-03-10 15:00", "2025-03-10 22:00"),
        (work_hours("America/New_York"), "2025-10-31 15:00", "2025-10-31 22:00"),
        (work_hours("America/New_York"), "2025-11-03 15:00", "2025-11-03 23:00"),
        # The night of the change itself: seven hours long in spring, nine in autumn.
        (nights("Europe/Berlin"), "2025-03-29 23:00", "2025-03-30 04:00"),
        (nights("Europe/Berlin"), "2025-10-25 23:00", "2025-10-26 05:00"),
        (nights("America/New_York"), "2025-03-09 04:00", "2025-03-09 10:00"),
        (nights("America/New_York"), "2025-11-02 04:00", "2025-11-02 11:00"),
    ],
)
def test_a_credential_ends_with_its_window_across_every_change_of_the_clocks(
    windowed: Make, issue_at: Make, window: WindowOrder, at: str, ends: str
) -> None:
    grant, end = windowed(window), utc(ends)
    issued = issue_at(grant, utc(at))
    assert issued.ends_at == AwsSession.objects.get().ends_at == end
    assert issued.length_why == "until the window's end"
    details = AuditEvent.objects.get(type="access.session.issued").details
    assert (details["ends_at"], details["duration_seconds"]) == (
        end.isoformat(),
        (end - utc(at)).total_seconds(),
    )
    last = issue_at(grant, end - SECOND)
    assert last.ends_at == end, "AWS's shortest session is longer: its policy ends it"
    assert "the window's end inside its policy" in last.length_why
    with pytest.raises(ConflictError, match="is open"):
        issue_at(grant, end)


def test_the_policy_of_the_session_carries_the_windows_end(
    windowed: Make, issue_at: Make, aws: FakeAws, make_role: Make, template: Any
) -> None:
    user = make_role("hub-user", method="federation_token", requires_scope=True, max_session_seconds=HOURS)
    template.roles.add(user)
    scope = {"scope_template_id": template.pk, "scope_parameters": {"bucket": "reports"}}
    for role, operation in ((None, "assume_role"), (user, "get_federation_token")):
        grant = windowed(work_hours("Europe/Berlin"), role=role, **(scope if role else {}))
        issue_at(grant, utc("2025-03-28 09:00"))
        [call] = aws.asked(operation)
        assert (call.ends_at, call.duration) == (utc("2025-03-28 17:00"), timedelta(hours=8))


def test_between_two_windows_nothing_is_issued_and_the_grant_lives_on(
    windowed: Make, clock: Make, aws: FakeAws, actor_of: Make
) -> None:
    grant = windowed(work_hours("Europe/Berlin"))
    by = {"aws": aws.ports(), "actor": actor_of(grant.person)}
    clock(utc("2025-03-29 12:00"))
    for refused in (
        lambda: issue_credentials(grant_id=grant.pk, **by),
        lambda: open_console(grant_id=grant.pk, destination=CONSOLE, issuer="https://p.example", **by),
        lambda: make_console_link(grant_id=grant.pk, destination=CONSOLE, **by),
    ):
        with pytest.raises(
            ConflictError, match="Mon-Fri 08:00-18:00 Europe/Berlin only; next at 2025-03-31 06:00:00"
        ):
            refused()
    assert aws.count("assume_role") == 0
    grant.refresh_from_db()
    assert grant.state == "active"
    clock(utc("2025-03-31 06:00"))
    assert issue_credentials(grant_id=grant.pk, **by).ends_at == utc("2025-03-31 16:00")
    clock(utc("2025-12-30 17:00"))
    with pytest.raises(ConflictError, match="and never again"):
        issue_credentials(grant_id=grant.pk, **by)


def test_the_grants_end_cuts_the_last_window_and_its_start_the_first(make_grant: Make, clock: Make) -> None:
    clock(utc("2025-05-05 10:00"))  # Monday, 12:00 in Berlin
    grant = make_grant(ends_at=utc("2025-05-06 09:30:00.9"), window=work_hours("Europe/Berlin"))
    assert grant.current_period(utc("2025-05-05 10:00")) == Period(
        utc("2025-05-05 10:00"), utc("2025-05-05 16:00")
    )
    last = Period(utc("2025-05-06 06:00"), utc("2025-05-06 09:30"))
    assert grant.next_period(utc("2025-05-05 10:00")) == grant.next_period(utc("2025-05-05 20:00")) == last
    assert grant.current_period(last.ends_at - SECOND) == last
    assert grant.usable_until(last.starts_at) == last.ends_at
    for shut in (last.ends_at, utc("2025-05-05 09:59"), utc("2025-05-05 16:00")):
        assert (grant.current_period(shut), grant.is_open(shut), grant.usable_until(shut)) == (
            None,
            False,
            None,
        )
    assert grant.next_period(last.starts_at) is None
    assert grant.next_period(utc("2025-05-01")) == grant.current_period(grant.starts_at)


def test_without_a_window_it_is_open_from_start_to_end(make_grant: Make) -> None:
    grant = make_grant(starts_in=600)
    assert grant.window is None
    assert grant.current_period(grant.starts_at) == grant.period
    assert grant.next_period(grant.starts_at - SECOND) == grant.period
    assert grant.next_period(grant.starts_at) is None


def test_a_window_that_closes_while_aws_is_asked_lets_nothing_out(
    windowed: Make, clock: Make, aws: FakeAws, actor_of: Make
) -> None:
    grant = windowed(work_hours("Europe/Berlin"))
    by = {"grant_id": grant.pk, "aws": aws.ports(), "actor": actor_of(grant.person)}
    clock(utc("2025-05-05 15:59:59"))
    aws.after["assume_role"] = lambda: clock(utc("2025-05-05 16:00"))
    with pytest.raises(ConflictError, match="ended while AWS was asked"):
        issue_credentials(**by)
    assert AwsSession.objects.get().state == "discarded"
    # Nor when the next window is open by the time that AWS answers.
    clock(utc("2025-05-05 15:59:59"))
    aws.after["assume_role"] = lambda: clock(utc("2025-05-06 07:00"))
    with pytest.raises(ConflictError, match="ended while AWS was asked"):
        issue_credentials(**by)
    del aws.after["assume_role"]
    clock(utc("2025-05-05 15:59:58"))
    assert issue_credentials(**by).ends_at == utc("2025-05-05 16:00")


def test_a_console_link_dies_with_the_window(
    windowed: Make, clock: Make, aws: FakeAws, actor_of: Make
) -> None:
    grant = windowed(work_hours("Europe/Berlin"))
    actor = actor_of(grant.person)
    clock(utc("2025-05-05 15:55"))
    link = make_console_link(grant_id=grant.pk, destination=CONSOLE, aws=aws.ports(), actor=actor)
    assert link.expires_at == ConsoleLink.objects.get().expires_at == utc("2025-05-05 16:00")
    assert find_console_link(token=link.token, actor=actor).grant == grant
    clock(utc("2025-05-05 16:00"))
    with pytest.raises(NotFoundError):
        find_console_link(token=link.token, actor=actor)
    clock(utc("2025-05-05 15:30"))
    early = make_console_link(grant_id=grant.pk, destination=CONSOLE, aws=aws.ports(), actor=actor)
    assert early.expires_at == utc("2025-05-05 15:40")


def test_the_contracts_end_ends_what_is_issued(
    windowed: Make, issue_at: Make, aws: FakeAws, ben: Any, partner: Any
) -> None:
    type(partner).objects.update(contract_starts_at=utc("2024-01-01"), contract_ends_at=utc("2026-01-01"))
    type(ben).objects.filter(pk=ben.pk).update(partner=partner)
    grant = windowed(work_hours("UTC"), someone=ben)
    type(partner).objects.update(contract_ends_at=utc("2025-05-05 12:00:00.5"))
    issued = issue_at(grant, utc("2025-05-05 11:59:59"))
    assert issued.ends_at == aws.asked("assume_role")[0].ends_at == utc("2025-05-05 12:00")
    assert "the contract's end" in issued.length_why
    with pytest.raises(ForbiddenError, match="contract with Acme"):
        issue_at(grant, utc("2025-05-05 12:00"))


@pytest.mark.parametrize(
    ("window", "field", "words"),
    [
        (WindowOrder((6, 7), time(8), time(18), "Europe/Berlin"), "window_days", "never opens"),
        (WindowOrder((1,), time(8), time(10), "Europe/Berlin"), "window_days", "never opens"),
        (WindowOrder((), time(8), time(18), "Europe/Berlin"), "window_days", "Choose the days"),
        (WindowOrder((1,), time(8), time(8), "Europe/Berlin"), "window_closes", "another time"),
        (WindowOrder((1,), time(8), time(18), "Berlin"), "window_zone", "Europe/Berlin"),
    ],
)
def test_a_window_that_cannot_be_is_refused(
    make_grant: Make, clock: Make, window: WindowOrder, field: str, words: str
) -> None:
    clock(utc("2025-05-05 10:00"))
    with pytest.raises(InvalidError, match=words) as refused:
        make_grant(ends_at=utc("2025-05-09 20:00"), window=window)
    assert refused.value.field == field
    assert not Grant.objects.exists()
    grant = make_grant(ends_at=utc("2025-05-09 20:00"), window=WindowOrder([5, 1], time(8), time(0), "UTC"))
    grant.refresh_from_db()
    assert (grant.window_days, grant.window.describe()) == ("15", "Mon, Fri 08:00-24:00 UTC")
    assert AuditEvent.objects.get().details["window"] == "Mon, Fri 08:00-24:00 UTC"


def test_the_end_of_a_windowed_grant_is_the_sweeps_as_any_other(windowed: Make) -> None:
    grant = windowed(work_hours("Europe/Berlin"))
    assert expire_batch().grants == 1  # 2025 is over
    grant.refresh_from_db()
    assert grant.state == "expired"
    assert not grant.is_open(utc("2025-05-05 10:00"))
