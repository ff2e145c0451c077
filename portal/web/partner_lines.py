"""Lines of grants and counts on the pages about partners, and who looks at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from portal.access.models import Grant
from portal.access.partner_queries import MOST
from portal.directory.models import Partner
from portal.web.cards import account_label, countdown_of, granter, shown_state
from portal.web.partner_roles import role_of, role_state
from portal.web.presenters import Badge, Moment, badge, moment
from portal.web.presenters.partners import Listing, PartnerGrantLine
from portal.web.presenters.timeline import Span

SUSPENDED = Badge("Suspended", "danger", "ban")
OVER = Badge("Contract over", "danger", "stop")
NOT_YET = Badge("Contract not begun", "wait", "clock")
NOBODY = Badge("Nobody answers", "danger", "alert")
ACTIVE = Badge("Active", "live", "check")


@dataclass(frozen=True, slots=True)
class Clock:
    """When it is, and by whose clocks times are said."""

    now: datetime
    zone: tzinfo

    def moment(self, at: datetime) -> Moment:
        return moment(at, now=self.now, zone=self.zone)


def counted(number: int) -> str:
    return f"{number:,}" if number <= MOST else f"over {MOST:,}"


def listing(number: int, shown: int) -> Listing:
    more = number - shown
    if more <= 0:
        return Listing(counted(number))
    return Listing(counted(number), f"{more:,}" if number <= MOST else f"over {MOST - shown:,}")


def partner_badge(partner: Partner, now: datetime) -> Badge:
    """Say what matters most of how a company stands."""
    if partner.suspended_at is not None:
        return SUSPENDED
    if now >= partner.contract_ends_at:
        return OVER
    if partner.sponsor is None or not partner.sponsor.is_active:
        return NOBODY
    return NOT_YET if now < partner.contract_starts_at else ACTIVE


def grant_line(grant: Grant, clock: Clock) -> PartnerGrantLine:
    role = role_of(grant)
    return PartnerGrantLine(
        id=str(grant.pk),
        subject=_subject(grant),
        is_account=grant.partner_account_id is not None,
        role=grant.role.title,
        account=account_label(grant),
        scope=grant.scope_summary or "Everything the role allows",
        granted_by=granter(grant),
        begin=clock.moment(grant.starts_at),
        end=clock.moment(grant.ended_at or grant.ends_at),
        countdown=countdown_of(grant, now=clock.now, zone=clock.zone),
        badge=badge(shown_state(grant, clock.now)),
        role_state=role_state(role, now=clock.now, zone=clock.zone) if role else None,
    )


def grant_lines(grants: Sequence[Grant], clock: Clock) -> tuple[PartnerGrantLine, ...]:
    return tuple(grant_line(grant, clock) for grant in grants)


def span_of(grant: Grant, clock: Clock) -> Span:
    """Return the grant's period for the picture; its times stand in the table."""
    tones = {"active": "live", "closed": "live", "scheduled": "wait"}
    tone = tones.get(shown_state(grant, clock.now), "quiet")
    words = _short(f"{_subject(grant)}: {grant.scope_summary or grant.role.title}")
    return Span(words, grant.starts_at, grant.ended_at or grant.ends_at, tone)


def _subject(grant: Grant) -> str:
    """Whom it is to, without the company's name, which stands above."""
    if grant.partner_account is not None:
        return f"AWS: {grant.partner_account.name}"
    return grant.subject_name


def _short(words: str, most: int = 44) -> str:
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"
