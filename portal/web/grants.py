"""A grant's page, for its holder and for admins; and its revocation, asked before it is done."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from portal.access.models import Grant
from portal.access.operations.revoke_grant import revoke_grant
from portal.access.queries import live_sessions_by_kind, others_at_work, sessions_of, visible_grants
from portal.audit.queries import events_of_grant
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from portal.web.cards import account_label, countdown_of
from portal.web.forms import RevokeForm, put_refusal
from portal.web.grant_page import GrantFacts, Reader, grant_page
from portal.web.guard import PersonRequest, may_revoke, sees_all_grants, signed_in, zone_of
from portal.web.presenters import RevokeView
from portal.web.redirects import see_other


@require_safe
@signed_in
def grant(request: PersonRequest, grant_id: UUID) -> HttpResponse:
    found, person = _visible(request, grant_id), request.user
    reader = Reader(
        person_id=person.pk,
        sees_all=sees_all_grants(person),
        may_revoke=may_revoke(person),
        zone=zone_of(person),
        now=database_now(),
    )
    facts = GrantFacts(found, sessions_of(found.pk), events_of_grant(found.pk))
    return render(request, "access/grant.html", {"grant": grant_page(facts, reader)})


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def revoke(request: PersonRequest, grant_id: UUID) -> HttpResponse:
    """Say what a revoke ends, by name and number; then end it."""
    found = _visible(request, grant_id)
    if not may_revoke(request.user):
        raise ForbiddenError("Only an admin can revoke a grant.")
    form = RevokeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            revoke_grant(grant_id=grant_id, reason=form.cleaned_data["reason"], actor=actor_of(request))
        except InvalidError as refusal:
            put_refusal(form, refusal)
        else:
            messages.success(request, f"Revoked: {found.role.title} for {found.person.name}.")
            return see_other(reverse("web:grant", args=[grant_id]))
    if found.ended_at is not None:
        raise ConflictError("This grant has ended already.")
    context = {"view": _revoke_view(request, found), "form": form}
    return render(request, "access/revoke.html", context, status=400 if form.errors else 200)


def _visible(request: PersonRequest, grant_id: UUID) -> Grant:
    grants = visible_grants(request.user.pk, sees_all=sees_all_grants(request.user))
    found = grants.filter(pk=grant_id).first()
    if found is None:
        raise NotFoundError("There is no such grant.")
    return found


def _revoke_view(request: PersonRequest, found: Grant) -> RevokeView:
    now = database_now()
    live = live_sessions_by_kind(found.pk, at=now)
    return RevokeView(
        grant_id=str(found.pk),
        person=found.person.name,
        role_name=found.role.title,
        account=account_label(found),
        countdown=countdown_of(found, now=now, zone=zone_of(request.user)),
        live_console=live.get("console", 0),
        live_credentials=live.get("credentials", 0),
        others_on_role=others_at_work(found, at=now),
    )
