"""My access: what can I use right now, and until when?"""

from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from portal.access.offers import offers_to
from portal.access.queries import grants_of
from portal.directory.vouching import why_too_old
from portal.kernel.clock import database_now
from portal.web.aws import sign_in_origins
from portal.web.cards import Refused, card
from portal.web.csp import allow_forms_to
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.presenters import MyAccess
from portal.web.presenters import my_access as in_reading_order
from portal.web.redirects import see_other
from portal.web.sponsor_questions import questions_for
from portal.web.taking import offer

SUSPENDED = (
    "{partner} is suspended: what its people held has ended, and they are given nothing until it is resumed."
)


@require_safe
@signed_in
def my_access(request: PersonRequest) -> HttpResponse:
    return my_access_page(request)


def my_access_page(
    request: PersonRequest, *, refused: Refused | None = None, status: int = 200
) -> HttpResponse:
    """Return the page; with `refused`, the address that was typed stands in its card again, with the reason."""
    now = database_now()
    asked = questions_for(request.user, now=now, zone=zone_of(request.user))
    context = {"access": _access(request, refused, now), "questions": asked}
    page = render(request, "access/my_access.html", context, status=status)
    return allow_forms_to(page, sign_in_origins())


@require_safe
@signed_in
def grants_fragment(request: PersonRequest) -> HttpResponse:
    """Answer the page that polls: 204 while nothing changed. A session never lives longer for being polled."""
    if request.headers.get("HX-Request") != "true":
        return see_other(reverse("web:my-access"))  # a fragment by itself is no page
    access = _access(request, None, database_now())
    if request.GET.get("seen") == access.fingerprint:
        return HttpResponse(status=204)
    return render(request, "access/_grants.html", {"access": access})


def _access(request: PersonRequest, refused: Refused | None, now: datetime) -> MyAccess:
    zone = zone_of(request.user)
    grants = grants_of(request.user.pk, at=now)
    partner = request.user.partner
    suspended = partner is not None and partner.suspended_at is not None
    held = {grant.entitlement_id for grant in grants if grant.ended_at is None and now < grant.ends_at}
    offers = [] if suspended else [one for one in offers_to(request.user.pk) if one.pk not in held]
    too_old = why_too_old(request.user.pk, at=now) if (grants or offers) and not suspended else ""
    return in_reading_order(
        (card(grant, now=now, zone=zone, refused=refused) for grant in grants),
        notice=SUSPENDED.format(partner=partner) if suspended else too_old,
        signs_in_again=bool(too_old),
        offers=[offer(one) for one in offers],
    )
