"""What the parts of the operators' page are made of: who looks, and lines of grants and revocations."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from django.urls import reverse

from portal.access import operating_queries as operating
from portal.access.models import Grant, Revocation
from portal.web.cards import account_label, countdown_of
from portal.web.presenters import AccountLabel, Moment, badge, moment
from portal.web.presenters.now import Failure, GrantLine, Listed, WaitingLine

SHOWN_LATE = 5


@dataclass(frozen=True, slots=True)
class Operator:
    """Who looks, and when. `may_open`: whether grants' own pages are theirs to see; `sees_…`: providers', partners'."""

    may_retry: bool
    may_open: bool
    zone: tzinfo
    now: datetime
    sees_providers: bool = False
    sees_partners: bool = False

    @property
    def difference(self) -> str:
        """Where AWS is compared with what the portal believes, for those who may; else nothing."""
        return reverse("web:difference") if self.may_retry else ""

    def moment(self, at: datetime) -> Moment:
        return moment(at, now=self.now, zone=self.zone)

    def instant(self, at: datetime) -> Moment:
        """The same, with seconds at a glance: for what is about to happen, or just did."""
        return replace(self.moment(at), words=f"{at.astimezone(self.zone):%H:%M:%S}")


def fingerprint(told: object) -> str:
    """Return a short digest of frozen values."""
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def listed(lines: Sequence[GrantLine | WaitingLine | Failure], number: int) -> Listed:
    words = f"{number:,}" if number <= operating.MOST else f"over {operating.MOST:,}"
    shown = tuple(lines[:SHOWN_LATE])
    told = sum(len(line.grants) + line.more if isinstance(line, Failure) else 1 for line in shown)
    more = f"{number - told:,}" if number <= operating.MOST else f"over {operating.MOST - told:,}"
    return Listed(shown, words, more if number > told else "")


def grant_line(grant: Grant, who: Operator) -> GrantLine:
    return GrantLine(
        id=str(grant.pk),
        role=grant.role.title,
        account=account_label(grant),
        person=grant.subject_name,
        partner=grant.partner_name,
        countdown=countdown_of(grant, now=who.now, zone=who.zone),
    )


def waiting_line(row: Revocation, who: Operator) -> WaitingLine:
    return WaitingLine(
        grant_id=str(row.grant_id),
        role=row.grant.role.title,
        account=account_label(row.grant),
        person=row.grant.subject_name,
        since=who.moment(row.asked_at),
        badge=badge(row.state),
    )


def failures(rows: Iterable[Revocation], who: Operator) -> list[Failure]:
    alike: dict[tuple[int, str], list[Revocation]] = {}
    for row in rows:
        alike.setdefault((row.document_id, row.last_error), []).append(row)
    return [_failure(group, who) for group in alike.values()]


def _failure(group: Sequence[Revocation], who: Operator) -> Failure:
    first = group[0]
    document, named = first.document, group[:3]
    return Failure(
        document_id=document.pk,
        where=f"{document.kind} {document.name}",
        account=AccountLabel(document.account.name, document.account.account_id),
        reason=first.last_error,
        attempts=max(row.attempts for row in group),
        since=who.moment(first.asked_at),
        next_try=who.instant(min(row.next_try_at for row in group)),
        grants=tuple(
            (str(row.grant_id), f"{row.grant.subject_name}, {row.grant.role.title}") for row in named
        ),
        more=len(group) - len(named),
    )
