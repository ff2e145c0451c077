"""From a grant's row to its card: what My access and the grant's page show first."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.conf import settings

from brokers.types import Partition
from portal.access.choice import Choice
from portal.access.lifecycle import ENDED, GrantState
from portal.access.models import Grant
from portal.access.operations.credentials.explain_choice import choice_of, role_sentence
from portal.access.operations.grants.may_use import switched_off
from portal.catalog.models import AwsRole
from portal.kernel.clock import database_now
from portal.web.aws import hub_is_chained
from portal.web.destinations import destinations
from portal.web.presenters import AccountLabel, Countdown, GrantCard, badge, countdown, moment


@dataclass(frozen=True, slots=True)
class Refused:
    """A console destination that somebody typed and that can't be opened; shown again beside its reason."""

    grant_id: str
    typed: str
    why: str


def card(grant: Grant, *, now: datetime, zone: tzinfo, refused: Refused | None = None) -> GrantCard:
    role = grant.role
    mine = refused if refused and refused.grant_id == str(grant.pk) else None
    is_open = grant.is_open(now)
    return GrantCard(
        id=str(grant.pk),
        role_name=role.title,
        role_description=role.description,
        account=account_label(grant),
        scope=grant.scope_summary or "Everything the role allows",
        countdown=countdown_of(grant, now=now, zone=zone),
        badge=badge(shown_state(grant, now)),
        granted_by=granter(grant),
        reason=grant.reason,
        explanation=explanation(role),
        partner=grant.partner_name,
        console_allowed=role.allows_console and not role.needs_proof,
        credentials_allowed=role.allows_credentials and not role.needs_proof,
        needs_proof=role.needs_proof,
        destinations=destinations(Partition(role.account.partition), region=settings.AWS_REGION),
        typed_destination=mine.typed if mine else "",
        destination_error=mine.why if mine else "",
        is_open=is_open,
        window=grant.window.describe() if grant.window else "",
        window_now=window_now(grant, now=now, zone=zone),
        shut=(switched_off(grant, now) or "") if is_open else "",
        no_kill_switch=not role.has_kill_switch,
        factor_minutes=role.factor_minutes,
    )


def granter(grant: Grant) -> str:
    """Say by whom it was made, or through which group its person took it."""
    if grant.entitlement is not None:
        return f"the group {grant.entitlement.group.name}, whose members may take it"
    return grant.granted_by.name if grant.granted_by else "an operator, by command"


def account_label(grant: Grant) -> AccountLabel:
    return AccountLabel(grant.role.account.name, grant.role.account.account_id)


def shown_state(grant: Grant, now: datetime) -> str:
    """Return the state by the clock: the sweep may be a second behind, the page must not be."""
    if grant.state in ENDED:
        return grant.state
    if now >= grant.ends_at:
        return GrantState.EXPIRED.value
    if now < grant.starts_at:
        return GrantState.SCHEDULED.value
    return GrantState.ACTIVE.value if grant.is_open(now) else "closed"


def countdown_of(grant: Grant, *, now: datetime, zone: tzinfo) -> Countdown:
    """Count to what comes next: the end, or while there are several windows, the close or opening of one.

    A revoke ends a grant before its time, maybe before its start.
    """
    end = min(grant.ends_at, grant.ended_at) if grant.ended_at else grant.ends_at
    if grant.window is not None and now < end:
        period = grant.current_period(now) or grant.next_period(now)
        if period is not None:
            begin = "starts" if period.starts_at == grant.starts_at else "opens"
            finish = "ends" if period.ends_at == grant.ends_at else "closes"
            return countdown(period.starts_at, period.ends_at, now=now, zone=zone, edges=(begin, finish))
    return countdown(min(grant.starts_at, end), end, now=now, zone=zone)


def window_now(grant: Grant, *, now: datetime, zone: tzinfo) -> str:
    """Say how a recurring window stands, by the reader's own clock; nothing without one, or after the end."""
    if grant.window is None or grant.ended_at is not None or now >= grant.ends_at:
        return ""
    if current := grant.current_period(now):
        until = f"Open now until {moment(current.ends_at, now=now, zone=zone).clock}."
        last = current.ends_at == grant.ends_at
        return until if last else f"{until} The grant ends {moment(grant.ends_at, now=now, zone=zone).clock}."
    if coming := grant.next_period(now):
        again = "again " if now >= grant.starts_at else ""
        return f"Opens {again}{moment(coming.starts_at, now=now, zone=zone).clock}."
    return "It does not open again before the grant ends."


def explanation(role: AwsRole) -> str:
    """Say by which AWS call credentials come, and why that one."""
    if role.is_made_for_partner:
        return (
            "Its own programs call sts:AssumeRole on this role, with the ExternalId. Nothing is issued here."
        )
    return role_sentence(role, hub_is_chained=hub_is_chained())


def shown_choice(grant: Grant) -> Choice:
    """Explain by which call a grant's credentials come, for how long and why, as it stands now."""
    return choice_of(grant, hub_is_chained=hub_is_chained(), now=database_now())
