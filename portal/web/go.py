"""A link that says what is meant, such as /go/111122223333/ReadOnly?to=s3, and gives nothing by itself.

It can be sent to anybody: each opens what they hold themselves, or may take, or learns how to ask. It looks only at
what is the reader's own, so that it tells nobody else whether such an account or role exists.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from brokers.errors import BrokerError
from brokers.types import Partition
from portal.access.models import Grant
from portal.access.offers import offers_to
from portal.access.operations.grants.may_use import switched_off
from portal.access.queries import grants_of
from portal.catalog.models import AwsRole
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError, UpstreamError
from portal.web.aws import aws_ports, sign_in_origins, sign_out_url
from portal.web.cards import countdown_of
from portal.web.csp import allow_forms_to
from portal.web.destinations import place
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.presenters import AccountLabel, Countdown, Destination
from portal.web.presenters.offers import Offer
from portal.web.taking import offer

LONGEST: Final = 2048


@dataclass(frozen=True, slots=True)
class Way:
    """A grant that could open it. `shut`: why it doesn't now; empty: it does."""

    grant_id: str
    scope: str
    reason: str
    countdown: Countdown
    shut: str


@dataclass(frozen=True, slots=True)
class Going:
    """What the link opens for its reader. `problem`: why its place can't be opened."""

    role_name: str
    account: AccountLabel
    to: Destination
    problem: str
    open: tuple[Way, ...]
    shut: tuple[Way, ...]
    offers: tuple[Offer, ...]
    here: str


@require_safe
@signed_in
def go(request: PersonRequest, account: str, role: str) -> HttpResponse:
    """Show what it opens; the button, which posts, opens it."""
    now = database_now()
    found = grants_of(request.user.pk, at=now).filter(ended_at=None, ends_at__gt=now)
    held = [grant for grant in found if _is_meant(grant.role, account, role)]
    partner = request.user.partner
    is_suspended = partner is not None and partner.suspended_at is not None
    taken = {grant.entitlement_id for grant in held}
    offered = [] if is_suspended else [each for each in offers_to(request.user.pk) if each.pk not in taken]
    offered = [each for each in offered if _is_meant(each.role, account, role)]
    meant = [grant.role for grant in held] or [each.role for each in offered]
    if not meant:
        return render(request, "access/go_nothing.html", status=404)
    to, problem = _place(request, meant[0])
    ways = _ways(request, held, now)
    going = Going(
        role_name=meant[0].title,
        account=AccountLabel(meant[0].account.name, meant[0].account.account_id),
        to=to,
        problem=problem,
        open=tuple(way for way in ways if not way.shut),
        shut=tuple(way for way in ways if way.shut),
        offers=tuple(offer(each) for each in offered),
        here=quote(request.get_full_path(), safe=""),
    )
    page = render(
        request,
        "access/go.html",
        {"going": going, "sign_out_url": sign_out_url()},
        status=400 if problem else 200,
    )
    return allow_forms_to(page, sign_in_origins())


def go_link(role: AwsRole, *, to: str = "") -> str:
    """Return the link that opens a role's console for whoever may."""
    address = settings.PORTAL_URL + reverse("web:go", args=[role.account.account_id, role.name])
    return f"{address}?to={quote(to, safe='')}" if to else address


def is_opened_here(role: AwsRole) -> bool:
    """Whether a button can open the role's console: not where each call takes somebody's own proof along."""
    return role.allows_console and not role.needs_proof


def _is_meant(role: AwsRole, account: str, name: str) -> bool:
    """By the account's number, or its name as in an address; by the role's name in AWS, which has no case there."""
    number, slug = role.account.account_id, slugify(role.account.name)
    is_account = account == number or account.lower() == slug
    return is_account and name.casefold() == role.name.casefold()


def _place(request: PersonRequest, role: AwsRole) -> tuple[Destination, str]:
    to, region = request.GET.get("to", "")[:LONGEST], request.GET.get("region", "")
    partition = Partition(role.account.partition)
    try:
        found = place(partition, to, region=region)
        aws_ports().console.check_destination(partition, found.value)
    except (InvalidError, BrokerError) as refusal:
        return Destination("", ""), str(refusal)
    except UpstreamError:
        return found, ""  # the page itself works; opening it judges the place anew
    return found, ""


def _ways(request: PersonRequest, held: Sequence[Grant], now: datetime) -> list[Way]:
    zone = zone_of(request.user)
    return [
        Way(
            grant_id=str(grant.pk),
            scope=grant.scope_summary or "Everything the role allows",
            reason=grant.reason,
            countdown=countdown_of(grant, now=now, zone=zone),
            shut=_shut(grant, now),
        )
        for grant in held
    ]


def _shut(grant: Grant, now: datetime) -> str:
    if not is_opened_here(grant.role):
        return "This role's console can't be opened from here."
    if now < grant.starts_at:
        return "It has not started yet."
    if not grant.is_open(now):
        return "It is closed now, and opens again by its hours."
    return switched_off(grant, now) or ""
