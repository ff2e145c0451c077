"""From what operators look at to their page: the notices, the lines, and what is next."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings

from portal.access import operating_queries as operating
from portal.access.lifecycle import AlarmKind
from portal.access.models import Alarm, Hold, Sweep
from portal.access.operations.running.hold import open_hold
from portal.access.operations.running.sweep_health import SweepHealth
from portal.web.alarmed_partners import partner_page_of
from portal.web.alarmed_providers import provider_of
from portal.web.now_lines import (
    SHOWN_LATE,
    Operator,
    failures,
    fingerprint,
    grant_line,
    listed,
    waiting_line,
)
from portal.web.presenters import Badge
from portal.web.presenters.charts import Axis
from portal.web.presenters.now import (
    GrantLine,
    Listed,
    NextPart,
    Notice,
    StatePart,
    Tile,
)

SHOWN = 10
# Failures are grouped by where and why: of so many, the oldest.
LOOKED_AT = 200
HOURS = 8
BINS = 32
FINE = Badge("Fine", "live", "check")
OF_PARTNERS = {
    AlarmKind.ROLE_WIDENED,
    AlarmKind.ROLE_LATE,
    AlarmKind.EXTERNAL_ID_NOT_PROVEN,
    AlarmKind.SPONSOR_GONE,
}
TITLES = {
    AlarmKind.REVOCATION_LATE: "A cut-off is late",
    AlarmKind.SWEEP_STOPPED: "The sweep has stopped",
    AlarmKind.DENY_CHANGED: "A deny policy was changed in AWS",
    AlarmKind.PROOF_FAILED: "AWS did not deny what was cut off",
    AlarmKind.HELD: "Sallyport is in hold",
    AlarmKind.ROLE_WIDENED: "A partner's role was widened in AWS",
    AlarmKind.ROLE_LATE: "A partner's role is late",
    AlarmKind.EXTERNAL_ID_NOT_PROVEN: "An ExternalId is not proven",
    AlarmKind.SPONSOR_GONE: "Nobody answers for a partner",
    AlarmKind.SYNC_STOPPED: "A sync stopped and asks",
    AlarmKind.SYNC_FAILED: "A sync failed",
    AlarmKind.METADATA_CHANGED: "An identity provider's metadata asks for a look",
    AlarmKind.BREAK_GLASS_USED: "An emergency account was used",
}


def state_part(who: Operator) -> StatePart:
    sweep, hold, alarms = operating.sweep_row(), open_hold(), operating.open_alarms()
    overdue, late, failing = (
        operating.grants_past_their_end(who.now),
        operating.untried_revocations(who.now),
        operating.failing_revocations(),
    )
    late_grants = listed(
        [grant_line(grant, who) for grant in overdue[:SHOWN_LATE]], operating.counted(overdue)
    )
    waiting = listed([waiting_line(row, who) for row in late[:SHOWN_LATE]], operating.counted(late))
    failed = listed(failures(failing[:LOOKED_AT], who), operating.counted(failing))
    notices = tuple(_notices(sweep, hold, alarms, who))
    tiles = _tiles(sweep, late_grants, waiting, failed, who)
    told = (notices, tiles, _ids(late_grants.lines), waiting, failed)
    return StatePart(
        notices=notices,
        tiles=tiles,
        overdue=late_grants,
        waiting=waiting,
        failing=failed,
        says=_says(notices, tiles),
        may_retry=who.may_retry,
        may_open=who.may_open,
        fingerprint=fingerprint(told),
    )


def next_part(who: Operator) -> NextPart:
    until = who.now + timedelta(hours=HOURS)
    counted = operating.ends_by_minute(who.now, until)
    axis = Axis(who.now, HOURS, BINS, who.zone)
    bars, total = axis.bars(counted) if counted else (), sum(n for _, n in counted)
    lines = tuple(grant_line(grant, who) for grant in operating.next_ends(who.now, limit=SHOWN))
    minute = who.now.replace(second=0, microsecond=0)
    near = sum(1 for line in lines if line.countdown.moment.iso <= who.moment(until).iso)
    return NextPart(
        hours=HOURS,
        total=total,
        bars=bars,
        ticks=axis.ticks(),
        lines=lines,
        more=max(0, total - near),
        may_open=who.may_open,
        fingerprint=fingerprint((minute, total, _ids(lines))),
    )


def _ids(lines: Iterable[object]) -> tuple[object, ...]:
    """Leave out of grants' lines the words that only time changes."""
    return tuple((line.id, line.countdown.moment.iso) for line in lines if isinstance(line, GrantLine))


def _notices(
    sweep: Sweep | None, hold: Hold | None, alarms: Sequence[Alarm], who: Operator
) -> Iterable[Notice]:
    told: set[str] = set()
    if hold is not None:
        told.add(AlarmKind.HELD.value)
        yield Notice(
            "In hold: nothing is issued or revoked",
            f"{hold.reason} Look at what AWS has and what Sallyport believes, then release the hold.",
            who.moment(hold.entered_at),
            who.difference,
            "Look at the difference" if who.difference else "",
        )
    if _is_silent(sweep, who.now):
        told.add(AlarmKind.SWEEP_STOPPED.value)
        yield Notice(
            "The sweep has stopped",
            "Grants are not ended and denies don't reach AWS until worker, beat and Redis run again. "
            "What was issued still ends on time.",
            who.moment(sweep.ran_at) if sweep and sweep.ran_at else None,
        )
    for alarm in alarms:
        if alarm.kind not in told:
            href, action = _where(alarm, who)
            title = TITLES[AlarmKind(alarm.kind)]
            yield Notice(title, alarm.text, who.moment(alarm.raised_at), href, action if href else "")


def _where(alarm: Alarm, who: Operator) -> tuple[str, str]:
    """Return where to look at what an alarm is about, and in what words, for who may."""
    if alarm.kind in OF_PARTNERS:
        return partner_page_of(alarm) if who.sees_partners else ("", "")
    return (provider_of(alarm), "Look at the provider") if who.sees_providers else ("", "")


def _is_silent(sweep: Sweep | None, now: datetime) -> bool:
    age = (now - sweep.ran_at).total_seconds() if sweep and sweep.ran_at else None
    return not SweepHealth(age, float(settings.SWEEP_STOPPED_AFTER)).runs


def _tiles(
    sweep: Sweep | None, overdue: Listed, waiting: Listed, failing: Listed, who: Operator
) -> tuple[Tile, ...]:
    silent = _is_silent(sweep, who.now)
    return (
        Tile(
            "Sweep",
            "Stopped" if silent else "On time",
            Badge("Stopped", "danger", "alert") if silent else FINE,
        ),
        Tile("Past their end", overdue.number, _count_badge(overdue, "Late")),
        Tile("Cut-offs that fail", failing.number, _count_badge(failing, "Failing")),
        Tile("Cut-offs not tried", waiting.number, _count_badge(waiting, "Late")),
    )


def _says(notices: Sequence[Notice], tiles: Sequence[Tile]) -> str:
    wrong = [f"{tile.term}: {tile.value}" for tile in tiles if tile.badge != FINE]
    return ". ".join([*(notice.title for notice in notices), *wrong]) or "Nothing is late and nothing fails"


def _count_badge(listed: Listed, word: str) -> Badge:
    return Badge(word, "danger", "alert") if listed.lines else FINE
