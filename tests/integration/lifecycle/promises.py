"""What must hold after every step, whatever was done and whatever went wrong: security.md's promises, as code."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from brokers.aws.session_names import grant_of
from portal.access.lifecycle import LIVING, STANDING, WAITING, AlarmKind, GrantState, RevocationState
from portal.access.models import Alarm, DenyDocument, Grant, Revocation
from portal.access.windows import WeeklyWindow
from tests.integration.lifecycle.watched_aws import Minted, WatchedAws


@dataclass(frozen=True)
class View:
    """The database's rows at one moment, and what AWS has."""

    at: datetime
    aws: WatchedAws
    grants: dict[UUID, Grant]
    revocations: dict[UUID, Revocation]

    @classmethod
    def now(cls, at: datetime, aws: WatchedAws) -> "View":
        grants = {grant.pk: grant for grant in Grant.objects.select_related("role")}
        return cls(at, aws, grants, {row.grant_id: row for row in Revocation.objects.all()})

    def grant_of(self, session: Minted) -> Grant:
        pk = grant_of(session.name)
        assert pk is not None, f"AWS made a session that belongs to no grant: {session.name}"
        return self.grants[pk]

    def is_cut(self, grant: Grant) -> bool:
        """Whether its end was to cut what lives, and can."""
        return grant.ended_at is not None and not grant.sessions_run_out and grant.role.has_kill_switch


def check_always(view: View, *, touched: bool) -> None:
    """Ask what holds in any weather. `touched`: somebody changed a deny in AWS, and nobody has looked since."""
    for grant in view.grants.values():
        _check_row(view, grant)
    for session in view.aws.minted:
        _check_end(view, session)
    _check_neighbours(view)
    for grant_id, row in view.revocations.items():
        _check_revocation(view, view.grants[grant_id], row, touched=touched)
    _check_none_forgotten(view)


def check_swept(view: View) -> None:
    """After a sweep nothing living is past its end, and nothing due is scheduled still."""
    for grant in view.grants.values():
        living = grant.state in LIVING
        # The sweep ran a moment ago: what came due in that moment is the next one's.
        before = view.at - timedelta(seconds=1)
        assert not (living and grant.ends_at <= before), f"living past its end: {grant.ends_at}"
        due = grant.state == GrantState.SCHEDULED and grant.starts_at <= before
        assert not due, f"still scheduled after its start: {grant.starts_at}"
    alarms = Alarm.objects.filter(kind=AlarmKind.REVOCATION_LATE.value, cleared_at=None)
    alarmed = set(alarms.values_list("subject", flat=True))
    for row in view.revocations.values():
        late = row.state in WAITING and row.asked_at < view.at - timedelta(minutes=5)
        assert not late or str(row.pk) in alarmed, (
            "AWS has not taken it for five minutes, and no alarm is out"
        )


def check_healed(view: View) -> None:
    """After work_off with AWS healthy: whoever was cut off is denied, and that is all that AWS denies."""
    waiting = [row.last_error for row in view.revocations.values() if row.state in WAITING]
    assert waiting == [], "AWS is healthy, and revocations still wait"
    for session in view.aws.minted:
        grant = view.grant_of(session)
        if view.is_cut(grant):
            assert not view.aws.allows(session, view.at), f"cut off ({grant.state}), and AWS allows it"
    wanted = {userid for row in view.revocations.values() if row.state in STANDING for userid in row.userids}
    assert view.aws.denied() == wanted, "AWS denies others than those that were cut off"


def check_empty(view: View) -> None:
    """After the longest lifetime: nothing lives, nothing is denied, nothing is left to do."""
    assert not [grant for grant in view.grants.values() if grant.state in LIVING]
    assert {row.state for row in view.revocations.values()} <= {RevocationState.CLEANED.value}
    assert view.aws.documents == {}, "denies outlive those whom they concern"
    assert not DenyDocument.objects.exclude(recheck_at=None).exists()


def _check_row(view: View, grant: Grant) -> None:
    if grant.ended_at is None:
        return
    row = view.revocations.get(grant.pk)
    if not grant.role.has_kill_switch:
        assert row is None, "a revocation where nothing can be written"
    if grant.sessions_run_out:
        assert row is None, "sessions were to run out, and are cut off"


def _check_end(view: View, session: Minted) -> None:
    grant = view.grant_of(session)
    assert session.ends_at <= grant.ends_at, "a session's policy ends after its grant"
    window = grant.window
    if window is None:
        return
    for at in _instants(session.issued_at, session.ends_at):
        local = at.astimezone(ZoneInfo(window.zone))
        assert _is_open(window, local), f"a session may work at {local:%a %H:%M}, when its grant is closed"


def _is_open(window: WeeklyWindow, local: datetime) -> bool:
    """Say it by what the wall clock there reads, without any reckoning of periods."""
    yesterday, clock = local - timedelta(days=1), local.time()
    if window.opens < window.closes:
        return local.isoweekday() in window.days and window.opens <= clock < window.closes
    return (local.isoweekday() in window.days and clock >= window.opens) or (
        yesterday.isoweekday() in window.days and clock < window.closes
    )


def _instants(start: datetime, end: datetime) -> Iterable[datetime]:
    at = start
    while at < end:
        yield at
        at += timedelta(minutes=20)
    if start < end:
        yield end - timedelta(milliseconds=1)


def _check_neighbours(view: View) -> None:
    """Nobody is ever denied whose grant lives, or was let run out: not even for a moment, in no weather."""
    denied = view.aws.denied()
    cut_all = any(standing.issued_before for standing in view.aws.documents.values())
    assert not cut_all, "everybody on the role is cut off"
    for session in view.aws.minted:
        if session.userid in denied:
            grant = view.grant_of(session)
            assert view.is_cut(grant), f"a neighbour is cut off: its grant is {grant.state}"


def _check_revocation(view: View, grant: Grant, row: Revocation, *, touched: bool) -> None:
    state = RevocationState(row.state)
    assert grant.ended_at is not None, "a living grant is being revoked"
    if state in WAITING:
        assert row.next_try_at <= view.at + timedelta(minutes=2), "a revocation sleeps too long"
    if state in STANDING and not touched and row.covers_until > view.at:
        assert set(row.userids) <= view.aws.denied(), "recorded as standing, and AWS does not have it"


def _check_none_forgotten(view: View) -> None:
    """Whoever may live though cut off has a revocation: waiting and tried again, or standing."""
    for session in view.aws.minted:
        if view.at >= session.expires_at:
            continue
        grant = view.grant_of(session)
        if not view.is_cut(grant):
            continue
        row = view.revocations.get(grant.pk)
        assert row is not None, f"cut off ({grant.state}), alive in AWS, and nobody is at it"
        assert session.userid in row.userids, "a live session of a grant that was cut is not named"
        assert row.state != RevocationState.CLEANED, "cleaned while a session lives"
        assert row.covers_until >= session.expires_at - timedelta(seconds=1), "covered for too short"
