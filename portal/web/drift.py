"""Differences between partners' roles in AWS and what they should be: look, put right, or accept with a reason."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.access.drift_queries import find_drift
from portal.access.models import RoleDrift
from portal.access.operations.drift.decide_drift import accept_drift, ask_check, repair_drift
from portal.access.partner_queries import places_for_partners
from portal.directory.requests import actor_of
from portal.kernel.errors import ConflictError, InvalidError, NotFoundError
from portal.web.drift_page import drift_page, drifting_role
from portal.web.forms import put_refusal
from portal.web.guard import PersonRequest, signed_in
from portal.web.partner_doors import check_may, check_sees
from portal.web.partner_forms import WhyForm
from portal.web.partners import clock_of
from portal.web.redirects import see_other

Decide = Callable[..., RoleDrift]


@require_safe
@signed_in
def drift(request: PersonRequest) -> HttpResponse:
    check_sees(request.user)
    page = drift_page(request.user, clock_of(request))
    return render(request, "partners/drift.html", {"page": page})


@require_safe
@signed_in
def drift_state(request: PersonRequest) -> HttpResponse:
    """Answer the page that polls: 204 while it is as the page has it."""
    check_sees(request.user)
    if request.headers.get("HX-Request") != "true":
        return see_other(reverse("web:drift"))
    page = drift_page(request.user, clock_of(request))
    if request.GET.get("seen") == page.fingerprint:
        return HttpResponse(status=204)
    return render(request, "partners/polled_drift.html", {"page": page})


@require_POST
@signed_in
def drift_check(request: PersonRequest) -> HttpResponse:
    """Have workers look at one account of ours now, or at all of them."""
    check_sees(request.user)
    sent = request.POST.get("account", "")
    chosen = [each for each in places_for_partners() if not sent or str(each.pk) == sent]
    if not chosen:
        raise NotFoundError("There is no such account.")
    for account in chosen:
        ask_check(account_id=account.pk, actor=actor_of(request))
    where = chosen[0].name if len(chosen) == 1 else f"{len(chosen)} accounts"
    messages.success(request, f"AWS is being asked about {where}. What is found appears here by itself.")
    return see_other(reverse("web:drift"))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def drift_repair(request: PersonRequest, drift_id: UUID) -> HttpResponse:
    check_may(request.user, "access.revoke_grant", "Only an admin who may revoke can have a role put right.")
    words = "It is being put right. This page shows when AWS has it."
    return _decided(request, drift_id, repair_drift, words, "partners/drift_repair.html")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def drift_accept(request: PersonRequest, drift_id: UUID) -> HttpResponse:
    check_may(request.user, "directory.change_partner", "You may look at partners, and not change them.")
    words = "Accepted, as long as it stays as it is."
    return _decided(request, drift_id, accept_drift, words, "partners/drift_accept.html")


def _decided(
    request: PersonRequest, drift_id: UUID, decide: Decide, words: str, template: str
) -> HttpResponse:
    """Ask; once that is answered, decide, and show all differences."""
    found = find_drift(drift_id)
    if found is None:
        raise NotFoundError("There is no such difference.")
    form = WhyForm(request.POST if request.method == "POST" else None)
    if found.over_at is not None and not form.is_bound:
        raise ConflictError("It is as it should be by now.")
    if form.is_valid():
        try:
            decide(drift_id=drift_id, reason=form.cleaned_data["reason"], actor=actor_of(request))
        except InvalidError as refusal:
            put_refusal(form, refusal)
        else:
            messages.success(request, words)
            return see_other(reverse("web:drift"))
    role = drifting_role(found, request.user, clock_of(request))
    context = {"role": role, "row": role.rows[0], "form": form}
    return render(request, template, context, status=400 if form.errors else 200)
