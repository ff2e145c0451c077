"""A partner's own audit trail, for its admins: page by page, and as CSV."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from portal.audit.models import AuditEvent
from portal.audit.partner_trail import events_of_partner
from portal.directory.models import Partner
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError
from portal.web.company_doors import company_to_manage
from portal.web.company_events import company_event, names_of, trail_of
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.presenters.company import CompanyEvent, TrailPage

PAGE = 50
EXPORTED = 5000
COLUMNS = ("When (UTC)", "What", "About", "Who", "From", "Why")
# What a spreadsheet takes for a formula, or skips before it looks for one.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")
LONGEST_NUMBER = 18


@require_safe
@signed_in
def company_trail(request: PersonRequest) -> HttpResponse:
    partner = company_to_manage(request)
    before = _before(request)
    events = events_of_partner(trail_of(partner), limit=PAGE + 1, before=before)
    older = urlencode({"before": events[PAGE - 1].pk}) if len(events) > PAGE else ""
    page = TrailPage(
        company=partner.name,
        events=tuple(_told(request, partner, events[:PAGE])),
        older=f"{reverse('web:company-trail')}?{older}" if older else "",
        is_first=before is None,
    )
    return render(request, "company/trail.html", {"page": page, "exported": f"{EXPORTED:,}"})


@require_safe
@signed_in
def company_trail_csv(request: PersonRequest) -> HttpResponse:
    """Answer with the newest events as CSV (RFC 4180), no cell of which is a formula."""
    partner = company_to_manage(request)
    events = events_of_partner(trail_of(partner), limit=EXPORTED)
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for event, told in zip(events, _told(request, partner, events), strict=True):
        at = f"{event.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        row = told.row
        rows.writerow([at, *map(cell, (row.event, told.about, row.actor, row.origin, row.detail))])
    headers = {"Content-Disposition": 'attachment; filename="audit-trail.csv"'}
    return HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


def cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe before what looks like one."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def _told(request: PersonRequest, partner: Partner, events: Iterable[AuditEvent]) -> list[CompanyEvent]:
    shown, now, zone = list(events), database_now(), zone_of(request.user)
    names = names_of(partner, shown)
    return [company_event(event, names, now=now, zone=zone) for event in shown]


def _before(request: PersonRequest) -> int | None:
    told = request.GET.get("before", "")
    if not told:
        return None
    if not told.isascii() or not told.isdecimal() or len(told) > LONGEST_NUMBER:
        raise InvalidError("This page of the trail can't be found: begin with the newest.", field="before")
    return int(told)
