"""A partner's own page: what does my company have here, until when, and who answers for it?"""

from datetime import datetime, tzinfo

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.access.models import Grant
from portal.access.partner_queries import living
from portal.access.queries import RECENT
from portal.directory.models import Partner, Person
from portal.directory.people_quota import active_people
from portal.kernel.clock import database_now
from portal.web.cards import account_label, countdown_of, shown_state
from portal.web.company_doors import admins_of, company_of
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.hand_over_page import account_of
from portal.web.partner_lines import partner_badge
from portal.web.presenters import AccountLabel, badge, countdown, moment
from portal.web.presenters.company import CompanyGrant, CompanyPage, Contact

SHOWN = 200
SUSPENDED = "{name} is suspended: what it had has ended, and it is given nothing until it is resumed."
OVER = "The contract is over: nothing can be granted under it."


@require_safe
@signed_in
def company(request: PersonRequest) -> HttpResponse:
    partner = company_of(request)
    page = _page(partner, request.user, now=database_now(), zone=zone_of(request.user))
    return render(request, "company/company.html", {"page": page})


def _page(partner: Partner, reader: Person, *, now: datetime, zone: tzinfo) -> CompanyPage:
    grants = _grants(partner, now)
    lines = tuple(_line(grant, now=now, zone=zone) for grant in grants[:SHOWN])
    return CompanyPage(
        name=partner.name,
        contract=countdown(partner.contract_starts_at, partner.contract_ends_at, now=now, zone=zone),
        begins=moment(partner.contract_starts_at, now=now, zone=zone),
        ends=moment(partner.contract_ends_at, now=now, zone=zone),
        badge=partner_badge(partner, now),
        sponsor=_contact(partner.sponsor),
        deputy=_contact(partner.deputy),
        grants=lines,
        more=max(0, len(grants) - SHOWN),
        people=people_words(partner),
        admins=tuple(person.name for person in admins_of(partner)),
        may_manage=reader.is_partner_admin,
        notice=_notice(partner, now),
    )


def people_words(partner: Partner) -> str:
    taken, most = active_people(partner.pk), partner.people_quota
    return f"{taken} of {most} place{'' if most == 1 else 's'} taken"


def _grants(partner: Partner, now: datetime) -> list[Grant]:
    """Return the grants to its accounts that live, the next end first, then those that ended within a week."""
    rows = Grant.objects.filter(partner_account__partner=partner).select_related(
        "role__account", "partner_account__partner"
    )
    lives = list(rows.filter(living(now)).order_by("ends_at", "pk")[: SHOWN + 1])
    over = rows.exclude(living(now)).filter(ends_at__gt=now - RECENT)
    ended = rows.filter(ended_at__gt=now - RECENT) | over
    return [*lives, *ended.order_by("-ends_at", "pk")[: max(0, SHOWN + 1 - len(lives))]]


def _line(grant: Grant, *, now: datetime, zone: tzinfo) -> CompanyGrant:
    account = account_of(grant)
    return CompanyGrant(
        id=str(grant.pk),
        scope=grant.scope_summary or grant.role.title,
        theirs=AccountLabel(account.name, account.account_id),
        ours=account_label(grant),
        countdown=countdown_of(grant, now=now, zone=zone),
        badge=badge(shown_state(grant, now)),
    )


def _contact(person: Person | None) -> Contact | None:
    if person is None or not person.is_active or person.partner_id is not None:
        return None
    return Contact(person.name, person.email)


def _notice(partner: Partner, now: datetime) -> str:
    if partner.suspended_at is not None:
        return SUSPENDED.format(name=partner.name)
    return OVER if now >= partner.contract_ends_at else ""
