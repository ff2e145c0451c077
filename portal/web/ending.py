"""Revoke, give back, cut off after all: each page says what ends, by name and number; then that is done."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from portal.access.models import Grant
from portal.access.operations.cutting.cut_sessions import cut_sessions
from portal.access.operations.grants.release_grant import release_grant
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.queries import others_at_work
from portal.access.run_out import RunOut, run_out
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError
from portal.web.cards import account_label
from portal.web.forms import ReasonForm, ReleaseForm, RevokeForm, put_refusal
from portal.web.grants import visible_grant
from portal.web.guard import PersonRequest, may_revoke, signed_in, zone_of
from portal.web.presenters import EndView, countdown, moment
from portal.web.redirects import see_other

ENDED = "This grant has ended already."


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def revoke(request: PersonRequest, grant_id: UUID) -> HttpResponse:
    found = visible_grant(request, grant_id)
    _check_may_revoke(request)
    now = database_now()
    left = run_out(found, at=now)
    form = RevokeForm(
        request.POST if request.method == "POST" else None,
        choice=left.total > 0 and found.role.has_kill_switch,
        run_out_words=_run_out_words(request, left, now),
    )

    def act() -> str:
        reason = form.cleaned_data["reason"]
        ended = revoke_grant(grant_id=grant_id, reason=reason, cut=form.cuts, actor=actor_of(request))
        rest = "" if form.cuts else " What is open runs out by itself."
        return f"Revoked: {ended.role.title} for {found.subject_name}.{rest}"

    if found.ended_at is not None and not form.is_bound:
        raise ConflictError(ENDED)
    return _asked_or_done(request, found, form, act, "access/revoke.html")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def release(request: PersonRequest, grant_id: UUID) -> HttpResponse:
    found = visible_grant(request, grant_id)
    if found.person_id != request.user.pk:
        raise ForbiddenError("Only its holder can give a grant back; revoke it instead.")
    form = ReleaseForm(request.POST if request.method == "POST" else None)

    def act() -> str:
        release_grant(grant_id=grant_id, reason=form.cleaned_data["reason"], actor=actor_of(request))
        return f"Given back: {found.role.title} in {found.role.account.name}."

    if found.ended_at is not None and not form.is_bound:
        raise ConflictError(ENDED)
    return _asked_or_done(request, found, form, act, "access/release.html")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def cut(request: PersonRequest, grant_id: UUID) -> HttpResponse:
    """Cut off what was let run out when the grant was revoked."""
    found = visible_grant(request, grant_id)
    _check_may_revoke(request)
    form = ReasonForm(request.POST if request.method == "POST" else None)

    def act() -> str:
        cut_sessions(grant_id=grant_id, reason=form.cleaned_data["reason"], actor=actor_of(request))
        return f"AWS is being told to refuse the sessions of {found.subject_name}."

    if not found.sessions_run_out and not form.is_bound:
        raise ConflictError("No session of this grant was left to run out.")
    return _asked_or_done(request, found, form, act, "access/cut_sessions.html")


def _asked_or_done(
    request: PersonRequest,
    found: Grant,
    form: forms.Form,
    act: Callable[[], str],
    template: str,
) -> HttpResponse:
    """Ask; once that is answered, do it, and show the grant with what was done."""
    if form.is_valid():
        try:
            messages.success(request, act())
        except InvalidError as refusal:
            put_refusal(form, refusal)
        else:
            return see_other(reverse("web:grant", args=[found.pk]))
    context = {"view": _view(request, found), "form": form}
    return render(request, template, context, status=400 if form.errors else 200)


def _check_may_revoke(request: PersonRequest) -> None:
    if not may_revoke(request.user):
        raise ForbiddenError("Only an admin can revoke a grant.")


def _run_out_words(request: PersonRequest, left: RunOut, now: datetime) -> str:
    if left.until is None:
        return ""
    until = moment(left.until, now=now, zone=zone_of(request.user)).clock
    return f"{left.describe()} may live on, the longest until {until}. Nothing more is issued."


def _view(request: PersonRequest, found: Grant) -> EndView:
    now, zone = database_now(), zone_of(request.user)
    left = run_out(found, at=now)
    return EndView(
        grant_id=str(found.pk),
        person=found.subject_name,
        role_name=found.role.title,
        account=account_label(found),
        countdown=countdown(found.starts_at, found.ends_at, now=now, zone=zone),
        live_console=left.console,
        live_credentials=left.credentials,
        longest=moment(left.until, now=now, zone=zone) if left.until else None,
        has_kill_switch=found.role.has_kill_switch,
        others_on_role=others_at_work(found, at=now),
        is_for_account=found.role.is_made_for_partner,
    )
