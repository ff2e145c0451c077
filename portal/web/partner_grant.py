"""Grant a company's AWS account access, in two steps: say what, then see what it will let them do, and make it."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.access.models import Grant
from portal.access.operations.partners.make_partner_grant import (
    PartnerGrantPreview,
    make_partner_grant,
    preview_partner_grant,
)
from portal.access.partner_queries import places_for_partners, templates_for_partners
from portal.directory.models import Partner
from portal.directory.requests import actor_of
from portal.kernel.errors import ConflictError, InvalidError
from portal.web.aws import aws_ports
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.partner_doors import check_may, found
from portal.web.partner_grant_form import PartnerGrantForm
from portal.web.partner_grant_page import preview_view
from portal.web.partner_lines import Clock
from portal.web.partners import clock_of
from portal.web.redirects import see_other

NO_GRANTING = "Only an admin who may grant access can do this."
# What the form's buttons send: show the scope's own fields, go back to change something, look, or make it.
FIELDS, CHANGE, MAKE = "fields", "change", "make"


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def partner_grant(request: PersonRequest, slug: str) -> HttpResponse:
    partner = found(request.user, slug)
    check_may(request.user, "access.make_grant", NO_GRANTING)
    clock = clock_of(request)
    _check_may_get(partner, clock)
    act = request.POST.get("act", "") if request.method == "POST" else ""
    with timezone.override(zone_of(request.user)):
        if request.method != "POST":
            chosen = {"partner_account": request.GET.get("account", "")}
            return _show(request, partner, _form(partner, clock, chosen))
        typed = request.POST.dict()
        if act in {FIELDS, CHANGE}:
            return _show(request, partner, _form(partner, clock, typed))
        return _look_or_make(request, partner, _form(partner, clock, typed, data=request.POST), act)


def _look_or_make(request: PersonRequest, partner: Partner, form: PartnerGrantForm, act: str) -> HttpResponse:
    if form.is_valid():
        try:
            if act == MAKE:
                return _made(request, _make(request, form))
            preview = preview_partner_grant(order=form.order(), aws=aws_ports(), actor=actor_of(request))
        except InvalidError as refusal:
            form.put_refusal(refusal)
        else:
            return _show_preview(request, partner, form, preview)
    return _show(request, partner, form)


def _make(request: PersonRequest, form: PartnerGrantForm) -> Grant:
    return make_partner_grant(order=form.order(), aws=aws_ports(), actor=actor_of(request))


def _made(request: PersonRequest, grant: Grant) -> HttpResponse:
    messages.success(request, "Granted. Its role is being made in AWS; this page shows when it stands.")
    return see_other(reverse("web:grant", args=[grant.pk]))


def _check_may_get(partner: Partner, clock: Clock) -> None:
    if partner.suspended_at is not None:
        raise ConflictError(f"{partner.name} is suspended: it is given nothing until it is resumed.")
    if clock.now >= partner.contract_ends_at:
        raise ConflictError(
            f"The contract of {partner.name} is over: set its new end first, if there is one."
        )


def _form(
    partner: Partner, clock: Clock, chosen: Mapping[str, Any], *, data: Mapping[str, Any] | None = None
) -> PartnerGrantForm:
    return PartnerGrantForm(
        data,
        theirs=list(partner.aws_accounts.filter(closed_at=None)),
        places=list(places_for_partners()),
        templates=list(templates_for_partners()),
        contract_ends_at=partner.contract_ends_at,
        now=clock.now,
        chosen=chosen,
    )


def _show(request: PersonRequest, partner: Partner, form: PartnerGrantForm) -> HttpResponse:
    """Return the form; only the scope's own fields where a script asks for those."""
    if request.headers.get("HX-Request") == "true":
        return render(request, "partners/_scope_fields.html", {"form": form})
    context = {
        "partner": partner,
        "form": form,
        "has_accounts": partner.aws_accounts.filter(closed_at=None).exists(),
    }
    status = 400 if form.is_bound and form.errors else 200
    return render(request, "partners/grant.html", context, status=status)


def _show_preview(
    request: PersonRequest, partner: Partner, form: PartnerGrantForm, preview: PartnerGrantPreview
) -> HttpResponse:
    view = preview_view(partner, preview, form, clock_of(request))
    return render(request, "partners/grant_preview.html", {"view": view})
