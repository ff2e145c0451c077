"""Suspend a company: what ends, by name and number, before the button; then what came of it, until AWS has it all."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from portal.access.models import AwsSession, PartnerRole
from portal.access.operations.partners.suspend_partner import (
    preview_suspension,
    resume_partner,
    suspend_partner,
)
from portal.access.partner_queries import ClosedRoles, closed_roles, last_suspension, people_of_partner
from portal.directory.models import Partner
from portal.directory.requests import actor_of
from portal.kernel.errors import ConflictError, InvalidError, NotFoundError
from portal.web.cards import account_label
from portal.web.forms import put_refusal
from portal.web.guard import PersonRequest, sees_all_grants, signed_in
from portal.web.now_lines import fingerprint
from portal.web.partner_doors import found, found_to_change
from portal.web.partner_forms import WhyForm
from portal.web.partner_lines import Clock, counted, grant_lines, listing
from portal.web.partner_roles import role_state
from portal.web.partners import clock_of
from portal.web.presenters.charts import seconds_words
from portal.web.presenters.partners import Progress, RoleProgress, SuspensionView
from portal.web.redirects import see_other

SHOWN = 50


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def partner_suspend(request: PersonRequest, slug: str) -> HttpResponse:
    partner = found_to_change(request.user, slug)
    form = WhyForm(request.POST if request.method == "POST" else None)
    if partner.suspended_at is not None and not form.is_bound:
        raise ConflictError(f"{partner.name} is suspended already.")
    if form.is_valid():
        try:
            reason = form.cleaned_data["reason"]
            ended = suspend_partner(partner_id=partner.pk, reason=reason, actor=actor_of(request))
        except InvalidError as refusal:
            put_refusal(form, refusal)
        else:
            words = f"{partner.name} is suspended. Grants ended: {ended.grants}; roles to go: {ended.roles}."
            messages.success(request, words)
            return see_other(reverse("web:partner-ended", args=[slug]))
    context = {"view": _suspension(partner, clock_of(request)), "form": form}
    return render(request, "partners/suspend.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def partner_resume(request: PersonRequest, slug: str) -> HttpResponse:
    partner = found_to_change(request.user, slug)
    form = WhyForm(request.POST if request.method == "POST" else None)
    if partner.suspended_at is None and not form.is_bound:
        raise ConflictError(f"{partner.name} is not suspended.")
    if form.is_valid():
        try:
            reason = form.cleaned_data["reason"]
            resume_partner(partner_id=partner.pk, reason=reason, actor=actor_of(request))
        except InvalidError as refusal:
            put_refusal(form, refusal)
        else:
            messages.success(request, f"{partner.name} may be granted access again. What ended stays ended.")
            return see_other(reverse("web:partner", args=[slug]))
    context = {"partner": partner, "form": form}
    return render(request, "partners/resume.html", context, status=400 if form.errors else 200)


@require_safe
@signed_in
def partner_ended(request: PersonRequest, slug: str) -> HttpResponse:
    """Show how far AWS is with what a suspension ended."""
    progress = _progress(found(request.user, slug), clock_of(request))
    context = {"progress": progress, "may_open": sees_all_grants(request.user)}
    return render(request, "partners/ended.html", context)


@require_safe
@signed_in
def partner_ended_state(request: PersonRequest, slug: str) -> HttpResponse:
    """Answer the page that polls: 204 while it is as the page has it."""
    partner = found(request.user, slug)
    if request.headers.get("HX-Request") != "true":
        return see_other(reverse("web:partner-ended", args=[slug]))
    progress = _progress(partner, clock_of(request))
    if request.GET.get("seen") == progress.fingerprint:
        return HttpResponse(status=204)
    context = {"progress": progress, "may_open": sees_all_grants(request.user)}
    return render(request, "partners/polled_progress.html", context)


def _suspension(partner: Partner, clock: Clock) -> SuspensionView:
    preview = preview_suspension(partner.pk)
    shown = preview.grants[:SHOWN]
    uncut = [
        f"{grant.subject_name}, {grant.role.title}"
        for grant in preview.grants
        if not grant.role.has_kill_switch and preview.live_sessions.get(grant.pk)
    ]
    return SuspensionView(
        slug=partner.slug,
        name=partner.name,
        grants=grant_lines(shown, clock),
        grants_listing=listing(len(preview.grants), len(shown)),
        roles=listing(len(preview.roles), min(SHOWN, len(preview.roles))),
        role_names=tuple(f"{each.role.account.name}: {each.role.name}" for each in preview.roles[:SHOWN]),
        sessions=listing(sum(preview.live_sessions.values()), min(SHOWN, len(preview.sessions))),
        session_names=tuple(_session(each) for each in preview.sessions[:SHOWN]),
        uncut=tuple(uncut[:SHOWN]),
        people=counted(people_of_partner(partner.pk, limit=0)[1]),
    )


def _session(session: AwsSession) -> str:
    grant = session.grant
    return f"{grant.holder.name}: {session.get_kind_display()} on {grant.role.title} ({session.session_name})"


def _progress(partner: Partner, clock: Clock) -> Progress:
    since = last_suspension(partner)
    if since is None:
        raise NotFoundError(f"{partner.name} was never suspended.")
    closed = closed_roles(partner.pk, since=since, limit=SHOWN)
    is_done = closed.gone == closed.total and not closed.cutting
    took = (closed.last_gone_at - since).total_seconds() if closed.last_gone_at else 0.0
    rows = tuple(_row(role, clock) for role in closed.first)
    return Progress(
        slug=partner.slug,
        name=partner.name,
        is_suspended=partner.suspended_at is not None,
        since=clock.moment(since),
        total=closed.total,
        gone=closed.gone,
        percent=round(100 * closed.gone / closed.total) if closed.total else 100,
        rows=rows,
        more=f"{closed.total - len(rows):,}" if closed.total > len(rows) else "",
        is_done=is_done,
        seconds=seconds_words(took) if is_done and closed.total else "",
        says=_says(closed, is_done=is_done),
        fingerprint=fingerprint((closed.gone, closed.cutting, [row.state.fingerprint for row in rows])),
        cutting=counted(closed.cutting) if closed.cutting else "",
    )


def _row(role: PartnerRole, clock: Clock) -> RoleProgress:
    grant = role.grant
    return RoleProgress(
        grant_id=str(grant.pk),
        subject=grant.subject_name,
        name=role.role.name,
        account=account_label(grant),
        state=role_state(role, now=clock.now, zone=clock.zone),
    )


def _says(closed: ClosedRoles, *, is_done: bool) -> str:
    if not closed.total and is_done:
        return "Nothing of it stands in AWS."
    roles = f"{closed.gone} of {closed.total} roles are gone from AWS"
    return f"All {closed.total} roles are gone from AWS." if is_done else f"{roles}; it goes on by itself."
