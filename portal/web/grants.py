"""A grant's page, for its holder and for admins."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from portal.access.models import Grant
from portal.access.queries import sessions_of, visible_grants
from portal.access.run_out import run_out
from portal.audit.queries import events_of_grant
from portal.kernel.clock import database_now
from portal.kernel.errors import NotFoundError
from portal.web.cards import shown_choice
from portal.web.grant_page import GrantFacts, Reader, grant_page
from portal.web.guard import PersonRequest, may_grant, may_revoke, sees_all_grants, signed_in, zone_of
from portal.web.partner_grant_part import partner_part
from portal.web.partner_lines import Clock
from portal.web.program_part import programs_of
from portal.web.redirects import see_other


@require_safe
@signed_in
def grant(request: PersonRequest, grant_id: UUID) -> HttpResponse:
    return render(request, "access/grant.html", _shown(request, visible_grant(request, grant_id)))


@require_safe
@signed_in
def grant_role(request: PersonRequest, grant_id: UUID) -> HttpResponse:
    """Answer the page that polls while AWS is behind with a partner's role: 204 while it is as the page has it."""
    shown = _shown(request, visible_grant(request, grant_id))
    part = shown["part"]
    if part is None:
        raise NotFoundError("No role was made for this grant.")
    if request.headers.get("HX-Request") != "true":
        return see_other(reverse("web:grant", args=[grant_id]))
    if request.GET.get("seen") == part.fingerprint:
        return HttpResponse(status=204)
    return render(request, "access/polled_partner_role.html", shown)


def _shown(request: PersonRequest, found: Grant) -> dict[str, Any]:
    person, now = request.user, database_now()
    reader = Reader(
        person_id=person.pk,
        sees_all=sees_all_grants(person),
        may_revoke=may_revoke(person),
        may_grant=may_grant(person),
        zone=zone_of(person),
        now=now,
    )
    facts = GrantFacts(found, sessions_of(found.pk), events_of_grant(found.pk), run_out(found, at=now))
    clock = Clock(now, zone_of(person))
    return {
        "grant": grant_page(facts, reader),
        "part": partner_part(found, person, clock),
        "choice": shown_choice(found),
        "programs": programs_of(found, person, now=now),
    }


def visible_grant(request: PersonRequest, grant_id: UUID) -> Grant:
    """Return the grant when the person may look at it. Raises NotFoundError for another's as for none."""
    grants = visible_grants(request.user.pk, sees_all=sees_all_grants(request.user))
    found = grants.filter(pk=grant_id).first()
    if found is None:
        raise NotFoundError("There is no such grant.")
    return found
