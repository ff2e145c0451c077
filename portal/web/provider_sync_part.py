"""A directory's last sync for its page: how far it is, what it changed, or what it asks."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

from portal.directory.models import IdentityProvider, SyncRun
from portal.directory.provider_queries import newest_sync
from portal.web.presenters import Badge, moment
from portal.web.presenters.providers import SyncChange, SyncPart

State = SyncRun.State
BADGES = {
    State.ASKED: Badge("Asked for", "wait", "clock"),
    State.RUNNING: Badge("Running", "wait", "hourglass"),
    State.DONE: Badge("Done", "live", "check"),
    State.FAILED: Badge("Failed", "danger", "alert"),
    State.STOPPED: Badge("Stopped, and asks", "danger", "alert"),
}
NEVER = Badge("Never read", "wait", "clock")
UNDER_WAY = {State.ASKED, State.RUNNING}
COUNTS = (
    ("people_seen", "People read"),
    ("groups_seen", "Groups read"),
    ("changed", "Changed"),
    ("gone", "Gone"),
    ("back", "Back"),
    ("joined", "Joined groups"),
    ("left", "Left groups"),
)
# Of one that stopped: it took nothing.
WOULD = {"gone": "Would be gone", "left": "Would leave groups"}
WORDS = {
    "gone": "gone",
    "back": "back",
    "changed": "changed",
    "joined": "joined",
    "left": "left",
    "would_go": "would be deactivated",
    "no_place": "is back, and finds no place",
}
SHOWN = 50
# A worker begins within seconds.
SLOW = timedelta(seconds=20)


def sync_part(provider: IdentityProvider, *, now: datetime, zone: tzinfo) -> SyncPart:
    run = newest_sync(provider)
    can_ask = provider.is_enabled
    every = _every(provider)
    if run is None:
        return SyncPart(NEVER, every=every, can_ask=can_ask)
    under_way = run.state in UNDER_WAY
    is_slow = run.state == State.ASKED and run.asked_at < now - SLOW
    return SyncPart(
        badge=BADGES[State(run.state)],
        asked=moment(run.asked_at, now=now, zone=zone),
        asked_by=run.asked_by.name if run.asked_by else "the schedule",
        ended=moment(run.finished_at, now=now, zone=zone) if run.finished_at else None,
        is_under_way=under_way,
        is_slow=is_slow,
        how_far=_how_far(run) if under_way else "",
        counts=tuple(_counts(run)),
        changes=tuple(_change(each) for each in run.changes[:SHOWN]),
        problem=run.problem if run.state == State.FAILED else "",
        question=run.problem if run.state == State.STOPPED else "",
        every=every,
        can_ask=can_ask and (not under_way or is_slow),
    )


def asked_number(run: SyncRun) -> int:
    """Return how many people a stopped sync would take something from: what an admin types to say yes."""
    return max(run.gone, run.left)


def _counts(run: SyncRun) -> Iterator[tuple[str, int]]:
    for name, words in COUNTS:
        if _is_told(run, name):
            yield WOULD.get(name, words) if run.state == State.STOPPED else words, getattr(run, name)


def _is_told(run: SyncRun, name: str) -> bool:
    return bool(getattr(run, name)) or name in {"people_seen", "groups_seen"}


def _how_far(run: SyncRun) -> str:
    if run.state == State.ASKED:
        return ""
    read = f"{run.people_seen:,} people and {run.groups_seen:,} groups read"
    return f"{run.step}: {read}" if run.step else read


def _change(told: Mapping[str, Any]) -> SyncChange:
    what = str(told.get("what", ""))
    more = told.get("why") or told.get("group") or told.get("fields") or ""
    return SyncChange(who=str(told.get("who", "")), what=WORDS.get(what, what), why=str(more))


def _every(provider: IdentityProvider) -> str:
    minutes = provider.ldap.sync_minutes
    return f"every {minutes} minutes" if minutes else "only when it is asked for"
