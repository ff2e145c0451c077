"""The doctor's pages: 'the partner says it doesn't work', and a person's own 'why was I refused?'."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.access.models import Grant
from portal.access.operations.doctor.diagnose import diagnose
from portal.access.operations.doctor.explain_refusal import explain_refusal, last_refusals
from portal.access.operations.doctor.find_doctored import asker_of, find_grant
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError, NotFoundError
from portal.web.aws import aws_ports, hub_is_chained
from portal.web.doctor_form import DoctorForm
from portal.web.doctor_page import doctor_result, grant_page
from portal.web.forms import put_refusal
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.presenters import moment
from portal.web.presenters.doctor import DoctorResult, RefusalRow


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def doctor(request: PersonRequest) -> HttpResponse:
    """Ask about a partner's role; for everybody else, the refusals of their own."""
    asker = asker_of(actor_of(request))
    if not asker.may_ask_of_partners:
        return render(request, "doctor/own.html", {"refusals": _own(request)})
    grant = _grant_asked_for(request)
    # Times are read and shown by the clocks of the zone that is active.
    with timezone.override(zone_of(request.user)):
        form = DoctorForm(request.POST if request.method == "POST" else None, initial=_initial(grant))
        result = _ask(request, form, grant) if form.is_valid() else None
        back = grant_page(grant, request.user) if grant else ""
        context = {"form": form, "result": result, "back": back, "is_partners": not asker.sees_all}
        return render(request, "doctor/doctor.html", context, status=400 if form.errors else 200)


@require_safe
@signed_in
def why(request: PersonRequest, grant_id: UUID) -> HttpResponse:
    """Say why a grant of a person's gave nothing; read from what stands, nothing is asked or written."""
    grant, steps = explain_refusal(
        grant_id=grant_id, hub_is_chained=hub_is_chained(), actor=actor_of(request)
    )
    result = doctor_result(steps, grant=grant, at=database_now(), reader=request.user)
    return render(request, "doctor/why.html", {"result": result, "grant_id": grant.pk})


def _ask(request: PersonRequest, form: DoctorForm, grant: Grant | None) -> DoctorResult | None:
    """Return what was found, or None when the question was refused; the form then says why."""
    try:
        found = diagnose(
            order=form.order(grant.pk if grant else None), aws=aws_ports(), actor=actor_of(request)
        )
    except InvalidError as refusal:
        put_refusal(form, refusal)
        return None
    return doctor_result(found.steps, grant=found.grant, at=found.at, reader=request.user)


def _grant_asked_for(request: PersonRequest) -> Grant | None:
    """Return the grant of the address, `?grant=ID`. Raises NotFoundError for one that is not theirs to know."""
    told = request.GET.get("grant", "")
    if not told:
        return None
    try:
        grant_id = UUID(told)
    except ValueError:
        raise NotFoundError("There is no such grant.") from None
    found = find_grant(grant_id, asker_of(actor_of(request)))
    if found.partner_account_id is None:
        raise NotFoundError("There is no such grant to a partner's account.")
    return found


def _initial(grant: Grant | None) -> dict[str, str]:
    if grant is None or grant.partner_account is None:
        return {}
    return {"role_arn": grant.role.arn, "partner_account_number": grant.partner_account.account_id}


def _own(request: PersonRequest) -> list[RefusalRow]:
    now, zone = database_now(), zone_of(request.user)
    return [
        RefusalRow(
            when=moment(refusal.at, now=now, zone=zone),
            role=grant.role.title,
            why=refusal.why,
            href=reverse("web:why", args=[grant.pk]),
        )
        for grant, refusal in last_refusals(actor=actor_of(request))
    ]
