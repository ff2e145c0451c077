"""Now: what ends next, what is late, what fails? For operators; its parts are asked anew while it is open."""

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from portal.access.operating_queries import MOST, failing_revocations
from portal.access.operations.cutting.retry_revocations import retry_revocations
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError, InvalidError
from portal.web.guard import PersonRequest, may_revoke, operates, sees_all_grants, signed_in, zone_of
from portal.web.now_cutoffs import cut_off_part
from portal.web.now_lines import Operator
from portal.web.now_page import next_part, state_part
from portal.web.partner_doors import sees_partners
from portal.web.presenters.now import CutOffPart, NextPart, StatePart
from portal.web.provider_doors import sees_providers
from portal.web.redirects import see_other

View = Callable[[PersonRequest], HttpResponse]
Make = Callable[[Operator], StatePart | NextPart | CutOffPart]


def for_operators(view: View) -> View:
    @wraps(view)
    def guarded(request: PersonRequest) -> HttpResponse:
        if not operates(request.user):
            raise ForbiddenError("This page is for those who look after revocations.")
        return view(request)

    return guarded


@require_safe
@signed_in
@for_operators
def now(request: PersonRequest) -> HttpResponse:
    who = _operator(request)
    parts = {"state": state_part(who), "next": next_part(who), "cutoffs": cut_off_part(who)}
    return render(request, "now/now.html", parts)


@require_POST
@signed_in
@for_operators
def retry(request: PersonRequest) -> HttpResponse:
    """Try what fails again at once: of one AWS document, or all of it, at most 1,000 at a time."""
    failing = failing_revocations()
    document = request.POST.get("document", "")
    if document:
        if not document.isascii() or not document.isdecimal() or len(document) > 18:  # noqa: PLR2004  # a bigint
            raise InvalidError("That is not one of the AWS documents.", field="document")
        failing = failing.filter(document=int(document))
    chosen = list(failing.values_list("pk", flat=True)[:MOST])
    tried = retry_revocations(revocation_ids=chosen, actor=actor_of(request))
    if tried:
        messages.success(request, f"Being tried now: {tried}. This page shows what comes of it.")
    else:
        messages.info(request, "None of these fails any more.")
    return see_other(reverse("web:now"))


def _fragment(template: str, name: str, make: Make) -> Callable[..., HttpResponse]:
    """Return the view of one part: 204 while it is as the page has it. A session never lives longer for it."""

    @require_safe
    @signed_in
    @for_operators
    def fragment(request: PersonRequest) -> HttpResponse:
        if request.headers.get("HX-Request") != "true":
            return see_other(reverse("web:now"))
        part = make(_operator(request))
        if request.GET.get("seen") == part.fingerprint:
            return HttpResponse(status=204)
        return render(request, template, {name: part})

    return fragment


now_state = _fragment("now/polled_state.html", "state", state_part)
now_next = _fragment("now/_next.html", "next", next_part)
now_cutoffs = _fragment("now/_cutoffs.html", "cutoffs", cut_off_part)


def _operator(request: PersonRequest) -> Operator:
    person = request.user
    return Operator(
        may_retry=may_revoke(person),
        may_open=sees_all_grants(person),
        zone=zone_of(person),
        now=database_now(),
        sees_providers=sees_providers(person),
        sees_partners=sees_partners(person),
    )
