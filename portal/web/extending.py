"""Extend a grant: a new end, by the admin's own clock; what is open keeps the end that it has."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.access.models import Grant
from portal.access.operations.grants.extend_grant import extend_grant
from portal.access.run_out import run_out
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError
from portal.web.aws import aws_ports
from portal.web.cards import account_label, countdown_of
from portal.web.forms import ExtendForm, put_refusal
from portal.web.grants import visible_grant
from portal.web.guard import PersonRequest, may_grant, signed_in, zone_of
from portal.web.presenters import ExtendView, moment
from portal.web.redirects import see_other


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def extend(request: PersonRequest, grant_id: UUID) -> HttpResponse:
    found = visible_grant(request, grant_id)
    if not may_grant(request.user):
        raise ForbiddenError("Only an admin can extend a grant.")
    if found.person_id == request.user.pk:
        raise ForbiddenError("Nobody extends their own access: ask another admin.")
    # The form reads and shows times by the clocks of the zone that is active.
    with timezone.override(zone_of(request.user)):
        form = ExtendForm(
            request.POST if request.method == "POST" else None, initial={"ends_at": found.ends_at}
        )
        extended = _extend(request, found, form) if form.is_valid() else None
        if extended is not None:
            until = moment(extended.ends_at, now=database_now(), zone=zone_of(request.user)).clock
            messages.success(
                request, f"Extended: {found.role.title} for {found.subject_name}, until {until}."
            )
            return see_other(reverse("web:grant", args=[grant_id]))
        if found.ended_at is not None and not form.is_bound:
            raise ConflictError("This grant has ended already; make a new one.")
        context = {"view": _view(request, found), "form": form}
        return render(request, "access/extend.html", context, status=400 if form.errors else 200)


def _extend(request: PersonRequest, found: Grant, form: ExtendForm) -> Grant | None:
    """Return the extended grant, or None when it was refused; the form then says why."""
    asked = form.cleaned_data
    try:
        return extend_grant(
            grant_id=found.pk,
            ends_at=asked["ends_at"],
            reason=asked["reason"],
            aws=aws_ports(),
            actor=actor_of(request),
        )
    except InvalidError as refusal:
        put_refusal(form, refusal)
        return None


def _view(request: PersonRequest, found: Grant) -> ExtendView:
    now, zone = database_now(), zone_of(request.user)
    left, partner = run_out(found, at=now), found.partner
    return ExtendView(
        grant_id=str(found.pk),
        person=found.subject_name,
        role_name=found.role.title,
        account=account_label(found),
        countdown=countdown_of(found, now=now, zone=zone),
        end=moment(found.ends_at, now=now, zone=zone),
        live=left.describe() if left.total else "",
        window=found.window.describe() if found.window else "",
        contract=moment(partner.contract_ends_at, now=now, zone=zone).clock if partner else "",
    )
