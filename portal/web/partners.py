"""Partners for admins: all of them, one by one, and a new one."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from brokers.types import Partition
from portal.access.operations.partners.keep_partner import FirstAccount, PartnerOrder, create_partner
from portal.access.partner_queries import colleagues, listed_partners
from portal.directory.models import DataClass, Partner
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.partner_doors import check_may, check_sees, found, may_add
from portal.web.partner_forms import NewPartnerForm, colleague_words, put_partner_refusal
from portal.web.partner_lines import Clock, listing
from portal.web.partner_page import partner_line, partner_page, roles_part
from portal.web.redirects import see_other
from portal.web.sponsor_questions import question_of

SHOWN = 50
SUGGESTED = 8
LONGEST_SEARCH = 120
NO_ADDING = "You may look at partners, and not add any."


def clock_of(request: PersonRequest) -> Clock:
    return Clock(database_now(), zone_of(request.user))


@require_safe
@signed_in
def partners(request: PersonRequest) -> HttpResponse:
    check_sees(request.user)
    search, clock = request.GET.get("q", "")[:LONGEST_SEARCH].strip(), clock_of(request)
    listed, number = listed_partners(search, at=clock.now, limit=SHOWN)
    context = {
        "partners": [partner_line(each, clock) for each in listed],
        "listing": listing(number, len(listed)),
        "search": search,
        "may_add": may_add(request.user),
    }
    return render(request, "partners/partners.html", context)


@require_safe
@signed_in
def partner(request: PersonRequest, slug: str) -> HttpResponse:
    shown, clock = found(request.user, slug), clock_of(request)
    page = partner_page(shown, request.user, clock)
    question = question_of(shown.pk, request.user, now=clock.now, zone=clock.zone)
    return render(request, "partners/partner.html", {"page": page, "question": question})


@require_safe
@signed_in
def partner_roles(request: PersonRequest, slug: str) -> HttpResponse:
    """Answer the page that polls while AWS is behind: 204 while it is as the page has it."""
    shown = found(request.user, slug)
    if request.headers.get("HX-Request") != "true":
        return see_other(reverse("web:partner", args=[slug]))
    part = roles_part(shown, request.user, clock_of(request))
    if request.GET.get("seen") == part.fingerprint:
        return HttpResponse(status=204)
    return render(request, "partners/polled_roles.html", {"roles": part})


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def partner_new(request: PersonRequest) -> HttpResponse:
    check_may(request.user, "directory.add_partner", NO_ADDING)
    with timezone.override(zone_of(request.user)):
        form = NewPartnerForm(
            request.POST if request.method == "POST" else None,
            today=timezone.localdate(database_now()),
            sponsor=request.user,
        )
        made = _create(request, form) if form.is_valid() else None
        if made is not None:
            messages.success(request, f"{made.name} is added. It has nothing yet: grant it access.")
            return see_other(reverse("web:partner", args=[made.slug]))
        return render(request, "partners/new.html", {"form": form}, status=400 if form.errors else 200)


@require_safe
@signed_in
def partner_colleagues(request: PersonRequest) -> HttpResponse:
    """Suggest people of the own company for a form that asks who answers for a partner."""
    check_may(request.user, "directory.add_partner", NO_ADDING)
    words = (request.GET.get("sponsor") or request.GET.get("deputy") or "").strip()[:LONGEST_SEARCH]
    suggested = [colleague_words(one) for one in colleagues(words, limit=SUGGESTED)] if words else []
    return render(request, "partners/_colleagues.html", {"suggested": suggested})


def _create(request: PersonRequest, form: NewPartnerForm) -> Partner | None:
    """Return the partner, or None when it was refused; the form then says why."""
    asked = form.cleaned_data
    starts_at, ends_at = form.contract(zone_of(request.user))
    account = FirstAccount(
        name=asked["account_name"] or "main",
        account_id=asked["account_id"],
        partition=Partition(asked["partition"]),
    )
    order = PartnerOrder(
        name=asked["name"],
        slug=asked["slug"],
        sponsor_id=asked["sponsor"].pk,
        deputy_id=asked["deputy"].pk if asked["deputy"] else None,
        contract_starts_at=starts_at,
        contract_ends_at=ends_at,
        data_class=DataClass(asked["data_class"]),
        account=account if asked["account_id"] else None,
    )
    try:
        return create_partner(order=order, actor=actor_of(request))
    except InvalidError as refusal:
        put_partner_refusal(form, refusal)
        return None
