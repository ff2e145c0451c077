"""The difference between AWS and Sallyport: look, choose what to repair, be asked, and have it repaired."""

from collections.abc import Mapping

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.access.models import Reconciliation
from portal.access.operations.drift.reconcile import (
    ask_comparison,
    last_made,
    not_compared,
    not_taken_over,
    repair_chosen,
)
from portal.access.operations.running.hold import REASON_LIMIT, open_hold, release_hold
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError
from portal.web.aws import aws_ports
from portal.web.difference_page import SHOWN, difference_page, repair_view, repairable
from portal.web.forms import put_refusal
from portal.web.guard import PersonRequest, may_revoke, signed_in, zone_of
from portal.web.redirects import see_other


@require_safe
@signed_in
def difference(request: PersonRequest) -> HttpResponse:
    """Show the last comparison. Asked by the page itself while one is under way: the part that changes alone."""
    _check_may_look(request)
    page = difference_page(now=database_now(), zone=zone_of(request.user))
    asked_by_page = request.headers.get("HX-Request") == "true"
    template = "difference/_report.html" if asked_by_page else "difference/difference.html"
    return render(request, template, {"page": page})


@require_POST
@signed_in
def look(request: PersonRequest) -> HttpResponse:
    _check_may_look(request)
    try:
        ask_comparison(actor=actor_of(request))
    except ConflictError as refusal:  # somebody else asked: its result is theirs, too
        messages.info(request, str(refusal))
    return see_other(reverse("web:difference"))


@require_POST
@signed_in
def repair(request: PersonRequest) -> HttpResponse:
    """Say what the repair of what was ticked does; once that is confirmed, do it."""
    _check_may_look(request)
    made = _still_newest(request.POST.get("report", ""))
    everything = request.POST.get("everything") == "yes"
    keys = {each.key for each in repairable(made)}
    if not everything:
        keys &= set(request.POST.getlist("key"))
    if not keys:
        messages.warning(request, "Nothing was ticked that can be repaired.")
        return see_other(reverse("web:difference"))
    if request.POST.get("confirmed") != "yes":
        return render(
            request, "difference/repair.html", {"view": repair_view(made, None if everything else keys)}
        )
    repaired = repair_chosen(made=made, keys=keys, actor=actor_of(request), aws=aws_ports())
    if repaired.done:
        messages.success(
            request, f"Repaired: {len(repaired.done)}. What a worker does follows within seconds."
        )
    if repaired.refused:
        messages.warning(request, f"Not repaired: {len(repaired.refused)}. Each says why below.")
    return see_other(reverse("web:difference"))


class ReleaseHoldForm(forms.Form):
    """`lifts`: how many denies the first writing would, or may, lift; releasing takes a tick then."""

    reason = forms.CharField(
        label="Why",
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The audit trail keeps it.",
        error_messages={"required": "Say why."},
    )
    lifts = forms.BooleanField(
        label="I know that AWS lets these sessions in again",
        error_messages={"required": "Take them over first, or tick this."},
    )

    def __init__(self, data: Mapping[str, object] | None = None, *, lifts: int) -> None:
        super().__init__(data)
        if not lifts:
            del self.fields["lifts"]


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def release(request: PersonRequest) -> HttpResponse:
    """Release the hold, with what that would lift shown before."""
    _check_may_look(request)
    left, unknown = not_taken_over(), not_compared()
    form = ReleaseHoldForm(request.POST if request.method == "POST" else None, lifts=len(left) + len(unknown))
    hold = open_hold()
    if hold is None:
        raise ConflictError("Sallyport is not in hold.")
    if form.is_valid():
        try:
            release_hold(reason=form.cleaned_data["reason"], actor=actor_of(request))
        except InvalidError as refusal:
            put_refusal(form, refusal)
        else:
            messages.success(request, "Released: grants are issued and revoked again.")
            return see_other(reverse("web:now"))
    context = {
        "form": form,
        "hold": hold,
        "left": left[:SHOWN],
        "number": len(left),
        "unknown": unknown[:SHOWN],
    }
    return render(request, "difference/release.html", context, status=400 if form.errors else 200)


def _still_newest(text: str) -> Reconciliation:
    made = last_made()
    if made is None or made.report is None or not text.isdecimal():
        raise InvalidError("Look at the difference first: there is nothing to repair.")
    if str(made.pk) != text:
        raise ConflictError("The difference was looked at anew meanwhile. Nothing was repaired.")
    return made


def _check_may_look(request: PersonRequest) -> None:
    if not may_revoke(request.user):
        raise ForbiddenError("This page is for those who may revoke.")
