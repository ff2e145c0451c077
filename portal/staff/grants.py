"""Grants are made, shown and revoked here; no form saves one: `make_grant` and `revoke_grant` do."""

from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from brokers.errors import BrokerError
from portal import wiring
from portal.access.lifecycle import LIVING
from portal.access.models import Grant
from portal.access.operations.grants.make_grant import make_grant
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.run_out import run_out, session_end
from portal.access.telling import end_words
from portal.audit.queries import events_of_grant
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.kernel.errors import DomainError, NotFoundError, UpstreamError
from portal.staff.base import ReadOnlyAdmin, brief, clock
from portal.staff.confirm import MOST, RevokeForm, answered, ask
from portal.staff.ending import revoke_question, times_of
from portal.staff.grant_form import GrantForm

SESSIONS_SHOWN = 50
WINDOW = ("window_days", "window_opens", "window_closes", "window_zone")
WINDOW_WORDS = "No days: open from start to end. With days, what is issued ends with the hours of its day."


@admin.register(Grant)
class GrantAdmin(ReadOnlyAdmin[Grant]):
    list_display = ("subject", "role", "state", "ends", "starts", "company", "ticket")
    list_filter = ("state",)
    list_select_related = ("person__partner", "partner_account__partner", "role__account")
    search_fields = (
        *("person__name", "person__partner__name"),
        *("partner_account__partner__name", "partner_account__name", "partner_account__account_id"),
        *("role__title", "role__account__name", "ticket"),
    )
    actions = ("revoke",)
    change_form_template = "admin/access/grant/show.html"
    fieldsets = (
        (None, {"fields": ("subject", "role", "arn", "scope_summary", "scope_policy", "state")}),
        ("When", {"fields": ("begins", "closes", "open_in_week", "ended")}),
        ("Why", {"fields": ("reason", "ticket", "granted_by", "through", "made", "ended_by", "end_reason")}),
    )
    readonly_fields = ("subject", "arn", "begins", "closes", "open_in_week", "ended", "made", "through")

    @admin.display(description="for", ordering="person__name")
    def subject(self, grant: Grant) -> str:
        return grant.subject_name

    @admin.display(description="company", ordering="person__partner__name")
    def company(self, grant: Grant) -> str:
        return grant.partner_name or "own"

    @admin.display(description="starts", ordering="starts_at")
    def starts(self, grant: Grant) -> str:
        return brief(grant.starts_at)

    @admin.display(description="ends", ordering="ends_at")
    def ends(self, grant: Grant) -> str:
        return brief(grant.ends_at)

    @admin.display(description="from")
    def begins(self, grant: Grant) -> str:
        return clock(grant.starts_at)

    @admin.display(description="until")
    def closes(self, grant: Grant) -> str:
        return clock(grant.ends_at)

    @admin.display(description="open")
    def open_in_week(self, grant: Grant) -> str:
        return grant.window.describe() if grant.window else "always"

    @admin.display(description="ended")
    def ended(self, grant: Grant) -> str:
        return clock(grant.ended_at)

    @admin.display(description="made")
    def made(self, grant: Grant) -> str:
        return clock(grant.made_at)

    @admin.display(description="taken through")
    def through(self, grant: Grant) -> str:
        return f"the group {grant.entitlement.group.name}" if grant.entitlement else "no group"

    @admin.display(description="role's ARN")
    def arn(self, grant: Grant) -> str:
        return grant.role.arn

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("access.make_grant")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("access.revoke_grant")

    def has_view_permission(self, request: HttpRequest, obj: Grant | None = None) -> bool:
        """Whoever makes or revokes grants must see them."""
        acts = self.has_add_permission(request) or self.has_revoke_permission(request)
        return acts or super().has_view_permission(request, obj)

    def get_urls(self) -> list[URLPattern]:
        revoke = path(
            "<uuid:grant_id>/revoke/",
            self.admin_site.admin_view(self.revoke_view),
            name="access_grant_revoke",
        )
        return [revoke, *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        del form_url, extra_context
        if not self.has_add_permission(request):
            raise PermissionDenied("You may not make grants.")
        asked = {
            name: request.GET[name] for name in ("person", "role", "scope_template") if name in request.GET
        }
        form = GrantForm(request.POST or None, site=self.admin_site, initial=asked)
        grant = self._make(request, form) if request.method == "POST" and form.is_valid() else None
        if grant is None:
            return self._show_form(request, form)
        address = reverse("admin:access_grant_change", args=[grant.pk])
        words = f"Granted: {grant.subject_name} as {grant.role}, {clock(grant.starts_at)} to {clock(grant.ends_at)}."
        self.message_user(request, words, messages.SUCCESS)
        return redirect(address)

    def _make(self, request: HttpRequest, form: GrantForm) -> Grant | None:
        try:
            return make_grant(order=form.order(), aws=wiring.aws_ports(), actor=actor_of(request))
        except BrokerError as problem:
            form.refuse(UpstreamError(str(problem), upstream_code=problem.code, retryable=problem.retryable))
        except DomainError as refusal:
            form.refuse(refusal)
        return None

    def _show_form(self, request: HttpRequest, form: GrantForm) -> TemplateResponse:
        what = ("person", "role", "accepts_no_kill_switch", "scope_template", *form.parameter_names)
        fieldsets = [
            ("Who gets what", {"fields": what}),
            ("When", {"fields": ("starts_at", "duration", "ends_at")}),
            ("Only at some hours of the week", {"fields": WINDOW, "description": WINDOW_WORDS}),
            ("Why", {"fields": ("reason", "ticket")}),
        ]
        adminform = AdminForm(form, fieldsets, {}, model_admin=self)  # type: ignore[arg-type]  # the stubs want a ModelForm
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,  # noqa: SLF001  # Django's documented name for it
            "title": "Grant access",
            "adminform": adminform,
            "errors": form.errors,
            "zones": sorted(available_timezones()),
            "media": self.media + adminform.media,
        }
        return TemplateResponse(request, "admin/access/grant/make.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        grant = self.get_object(request, object_id)
        if grant is None:
            return super().change_view(request, object_id, form_url, extra_context)
        sessions = grant.aws_sessions.order_by("-asked_at")[:SESSIONS_SHOWN]
        living, may_revoke = grant.state in LIVING, self.has_revoke_permission(request)
        left, revocation = run_out(grant, at=database_now()), getattr(grant, "revocation", None)
        cuttable = grant.sessions_run_out and left.total > 0 and grant.role.has_kill_switch
        context = {
            "title": f"Grant: {grant.subject_name} as {grant.role}",
            "subtitle": None,
            "sessions": [(s, clock(s.asked_at), clock(session_end(s, grant))) for s in sessions],
            "events": [(event, clock(event.at)) for event in events_of_grant(grant.pk)],
            "revocation": revocation,
            "end_words": "" if living else end_words(grant, revocation, left, clock),
            "times": times_of(revocation),
            "may_revoke": may_revoke and living,
            "may_cut": may_revoke and cuttable,
            "may_extend": self.has_add_permission(request) and living and grant.person_id != request.user.pk,
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, grants: QuerySet[Grant]) -> HttpResponse | None:
        form = answered(request, RevokeForm)
        chosen = list(grants.select_related("person", "partner_account__partner", "role__account")[:MOST])
        if not form.is_bound or not form.is_valid():
            return ask(self, request, revoke_question(chosen), form)
        for grant in chosen:
            self._revoke_one(request, grant, form)
        return None

    def revoke_view(self, request: HttpRequest, grant_id: UUID) -> HttpResponse:
        """One grant's own revoke page: the same question, the same act."""
        if not self.has_revoke_permission(request):
            raise PermissionDenied("You may not revoke grants.")
        found = Grant.objects.filter(pk=grant_id)
        if not found.exists():
            raise NotFoundError("There is no such grant.")
        return self.revoke(request, found) or redirect("admin:access_grant_change", grant_id)

    def _revoke_one(self, request: HttpRequest, grant: Grant, form: RevokeForm) -> None:
        reason = form.cleaned_data["reason"]
        try:
            ended = revoke_grant(grant_id=grant.pk, reason=reason, cut=form.cuts, actor=actor_of(request))
        except DomainError as refusal:
            self.message_user(request, f"{grant}: {refusal}", messages.ERROR)
            return
        left = run_out(ended, at=database_now())
        how = end_words(ended, getattr(ended, "revocation", None), left, clock)
        address = reverse("admin:access_grant_change", args=[grant.pk])
        words = format_html('Revoked: <a href="{}">{}</a>. {}', address, str(grant), how)
        self.message_user(request, words, messages.SUCCESS)
