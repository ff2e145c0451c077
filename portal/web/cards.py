"""From a grant's row to its card: what My access and the grant's page show first."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.conf import settings

from brokers.types import Partition
from portal.access.lifecycle import ENDED, GrantState
from portal.access.models import Grant
from portal.access.operations.call_aws import explain
from portal.catalog.models import AwsRole
from portal.web.aws import hub_is_chained
from portal.web.destinations import destinations
from portal.web.presenters import AccountLabel, Countdown, GrantCard, badge, countdown


@dataclass(frozen=True, slots=True)
class Refused:
    """A console destination that somebody typed and that can't be opened; shown again beside its reason."""

    grant_id: str
    typed: str
    why: str


def card(grant: Grant, *, now: datetime, zone: tzinfo, refused: Refused | None = None) -> GrantCard:
    role = grant.role
    mine = refused if refused and refused.grant_id == str(grant.pk) else None
    return GrantCard(
        id=str(grant.pk),
        role_name=role.title,
        role_description=role.description,
        account=account_label(grant),
        scope=grant.scope_summary or "Everything the role allows",
        countdown=countdown_of(grant, now=now, zone=zone),
        badge=badge(shown_state(grant, now)),
        granted_by=grant.granted_by.name if grant.granted_by else "an operator, by command",
        reason=grant.reason,
        explanation=explanation(role),
        partner=grant.person.partner.name if grant.person.partner else "",
        console_allowed=role.allows_console,
        credentials_allowed=role.allows_credentials,
        destinations=destinations(Partition(role.account.partition), region=settings.AWS_REGION),
        typed_destination=mine.typed if mine else "",
        destination_error=mine.why if mine else "",
    )


def account_label(grant: Grant) -> AccountLabel:
    return AccountLabel(grant.role.account.name, grant.role.account.account_id)


def shown_state(grant: Grant, now: datetime) -> str:
    """Return the state by the clock: the sweep may be a second behind, the page must not be."""
    if grant.state in {state.value for state in ENDED}:
        return grant.state
    if now >= grant.ends_at:
        return GrantState.EXPIRED.value
    return (GrantState.ACTIVE if now >= grant.starts_at else GrantState.SCHEDULED).value


def countdown_of(grant: Grant, *, now: datetime, zone: tzinfo) -> Countdown:
    """Count to the end that counts: a revoke ends a grant before its time, maybe before its start."""
    end = min(grant.ends_at, grant.ended_at) if grant.ended_at else grant.ends_at
    return countdown(min(grant.starts_at, end), end, now=now, zone=zone)


def explanation(role: AwsRole) -> str:
    """Say by which AWS call credentials come, and why that one."""
    return explain(role, hub_is_chained=hub_is_chained())
