"""Take what one of my groups is entitled to: say how long and why, and it is mine at once."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from portal.access.models import Grant
from portal.access.offers import offers_to, scope_words
from portal.access.operations.grants.take_entitlement import take_entitlement
from portal.catalog.models import Entitlement
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError, NotFoundError
from portal.web.aws import aws_ports
from portal.web.forms import put_refusal
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.presenters import AccountLabel, moment
from portal.web.presenters.offers import Offer, span_words
from portal.web.redirects import own_path, see_other
from portal.web.taking_form import TakeForm


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def take(request: PersonRequest, entitlement_id: UUID) -> HttpResponse:
    offered = offers_to(request.user.pk).filter(pk=entitlement_id).first()
    if offered is None:
        raise NotFoundError("There is nothing of this kind that you may take.")
    form = TakeForm(request.POST if request.method == "POST" else None, longest=offered.longest_minutes)
    taken = _take(request, offered, form) if form.is_valid() else None
    if taken is not None:
        until = moment(taken.ends_at, now=database_now(), zone=zone_of(request.user)).clock
        messages.success(request, f"{offered.role.title} is yours until {until}.")
        # Where a link led here, as an own path, or My access.
        return see_other(own_path(request.GET.get("next", "")))
    context = {"offer": offer(offered), "form": form}
    return render(request, "access/take.html", context, status=400 if form.errors else 200)


def offer(entitlement: Entitlement) -> Offer:
    role = entitlement.role
    return Offer(
        id=str(entitlement.pk),
        role_name=role.title,
        role_description=role.description,
        account=AccountLabel(role.account.name, role.account.account_id),
        scope=scope_words(entitlement),
        longest=span_words(entitlement.longest_minutes),
        group=entitlement.group.name,
        no_kill_switch=not role.has_kill_switch,
    )


def _take(request: PersonRequest, offered: Entitlement, form: TakeForm) -> Grant | None:
    """Return the grant, or None when it was refused; the form then says why."""
    asked = form.cleaned_data
    try:
        return take_entitlement(
            entitlement_id=offered.pk,
            minutes=int(asked["minutes"]),
            reason=asked["reason"],
            aws=aws_ports(),
            actor=actor_of(request),
        )
    except InvalidError as refusal:
        put_refusal(form, refusal)
        return None
