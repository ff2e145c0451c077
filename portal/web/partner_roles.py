"""How the IAM role that is made for a grant to a partner stands: as word, shape, sentence and seconds."""

from datetime import datetime, tzinfo

from portal.access.lifecycle import PartnerRoleState
from portal.access.models import Grant, PartnerRole
from portal.web.now_lines import fingerprint
from portal.web.presenters import Badge, moment
from portal.web.presenters.charts import seconds_words
from portal.web.presenters.partners import RoleState

State = PartnerRoleState
MAKING = Badge("Being made", "wait", "hourglass")
CHANGING = Badge("Being changed", "wait", "hourglass")
STANDING = Badge("Stands in AWS", "live", "check")
CLOSING = Badge("Being closed", "wait", "hourglass")
CLOSED = Badge("Closed, being deleted", "wait", "hourglass")
GONE = Badge("Gone from AWS", "quiet", "stop")
RETRYING = Badge("Retrying", "danger", "alert")
MADE_WORDS = "The role is being made in AWS."


def role_of(grant: Grant) -> PartnerRole | None:
    return getattr(grant, "partner_role", None)


def role_state(role: PartnerRole, *, now: datetime, zone: tzinfo) -> RoleState:
    badge, words, seconds = _told(role)
    is_settled = _is_settled(role)
    failing = not is_settled and bool(role.last_error)
    told = (role.state, role.wanted, role.written, role.attempts, role.last_error, str(role.closed_at))
    return RoleState(
        badge=RETRYING if failing and role.attempts > 1 else badge,
        words=words,
        is_settled=is_settled,
        seconds=seconds,
        attempts=role.attempts if failing else 0,
        next_try=moment(role.due_at, now=now, zone=zone) if failing and role.due_at else None,
        last_error=role.last_error if failing else "",
        fingerprint=fingerprint(told),
    )


def _is_settled(role: PartnerRole) -> bool:
    if role.state == State.STANDING:
        return role.written >= role.wanted
    return role.state == State.GONE


def _told(role: PartnerRole) -> tuple[Badge, str, str]:
    if role.state == State.GONE:
        after = _after(role.closing_at, role.gone_at)
        shut = _after(role.closing_at, role.closed_at)
        closed = f" Nobody could get in from {shut} on." if shut else ""
        return GONE, f"AWS says that there is no such role, {after} after the end.{closed}", after
    if role.state == State.CLOSING and role.closed_at is not None:
        after = _after(role.closing_at, role.closed_at)
        return CLOSED, f"Nobody can get in since {after} after the end, and its sessions are cut.", after
    if role.state == State.CLOSING:
        return CLOSING, "Its trust is being closed and its sessions cut; then it is deleted.", ""
    if role.state == State.STANDING and role.written < role.wanted:
        return CHANGING, "It stands, and is being brought up to what it should be.", ""
    if role.state == State.STANDING:
        after = _after(role.asked_at, role.made_at)
        return STANDING, f"AWS showed it as it should be after {after}.", after
    return MAKING, MADE_WORDS, ""


def _after(since: datetime | None, at: datetime | None) -> str:
    return seconds_words((at - since).total_seconds()) if since and at else ""
