"""Partners: their records, and their suspension, which ends all that they hold."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html

from portal.access.models import PartnerRole
from portal.access.operations.partners.suspend_partner import (
    preview_suspension,
    resume_partner,
    suspend_partner,
)
from portal.directory.models import Partner
from portal.directory.requests import actor_of
from portal.kernel.errors import DomainError, NotFoundError
from portal.staff.base import RecordedAdmin, brief, clock
from portal.staff.confirm import MOST, Question, ReasonForm, answered, ask
from portal.staff.ending import HEADERS, rows_of, uncuttable
from portal.staff.partner_form import PartnerForm
from portal.staff.partner_inlines import ContactInline, DocumentInline, PartnerAccountInline


@admin.register(Partner)
class PartnerAdmin(RecordedAdmin[Partner]):
    form = PartnerForm
    list_display = ("name", "sponsor", "contract", "suspended", "contact")
    list_select_related = ("sponsor",)
    list_filter = ("data_class",)
    search_fields = ("name", "legal_name", "slug", "contact")
    autocomplete_fields = ("sponsor", "deputy")
    fieldsets = (
        (None, {"fields": ("name", "legal_name", "slug", "contact", "data_class")}),
        ("Who answers for it", {"fields": ("sponsor", "deputy")}),
        ("Contract", {"fields": ("contract_starts_at", "contract_ends_at", "people_quota", "suspended")}),
        ("Notes", {"fields": ("notes",), "description": "Its own people don't see these."}),
    )
    readonly_fields = ("suspended",)
    inlines = (ContactInline, DocumentInline, PartnerAccountInline)
    change_form_template = "admin/directory/partner/change.html"

    @admin.display(description="contract ends", ordering="contract_ends_at")
    def contract(self, partner: Partner) -> str:
        over = " (over)" if partner.contract_ends_at <= timezone.now() else ""
        return format_html("{}{}", brief(partner.contract_ends_at), over)

    @admin.display(description="suspended since", ordering="suspended_at")
    def suspended(self, partner: Partner) -> str:
        return brief(partner.suspended_at)

    def get_readonly_fields(self, request: HttpRequest, obj: Partner | None = None) -> tuple[str, ...]:
        """The short name stays once a role was made for it: it stands in the role's path in AWS."""
        fixed = tuple(str(name) for name in super().get_readonly_fields(request, obj))
        has_roles = (
            obj is not None and PartnerRole.objects.filter(grant__partner_account__partner=obj).exists()
        )
        return (*fixed, "slug") if has_roles else fixed

    def get_inlines(self, request: HttpRequest, obj: Partner | None) -> Any:
        inlines = super().get_inlines(request, obj)
        return inlines if obj else [each for each in inlines if each is not PartnerAccountInline]

    def get_urls(self) -> list[URLPattern]:
        pages = (("suspend", self.suspend_view), ("resume", self.resume_view))
        own = [
            path(
                f"<uuid:partner_id>/{word}/",
                self.admin_site.admin_view(view),
                name=f"directory_partner_{word}",
            )
            for word, view in pages
        ]
        return [*own, *super().get_urls()]

    def suspend_view(self, request: HttpRequest, partner_id: UUID) -> HttpResponse:
        """Show what would end, by name and number; then suspend."""
        partner, form = self._found(request, partner_id), answered(request, ReasonForm)
        if form.is_bound and form.is_valid():
            return self._suspend(request, partner, form.cleaned_data["reason"])
        return ask(self, request, _suspend_question(partner), form)

    def resume_view(self, request: HttpRequest, partner_id: UUID) -> HttpResponse:
        partner, form = self._found(request, partner_id), answered(request, ReasonForm)
        if form.is_bound and form.is_valid():
            return self._resume(request, partner, form.cleaned_data["reason"])
        return ask(self, request, _resume_question(partner), form)

    def _found(self, request: HttpRequest, partner_id: UUID) -> Partner:
        if not self.has_change_permission(request):
            raise PermissionDenied("You may not suspend or resume partners.")
        partner = Partner.objects.filter(pk=partner_id).first()
        if partner is None:
            raise NotFoundError("There is no such partner.")
        return partner

    def _suspend(self, request: HttpRequest, partner: Partner, reason: str) -> HttpResponse:
        try:
            ended = suspend_partner(partner_id=partner.pk, reason=reason, actor=actor_of(request))
        except DomainError as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
        else:
            words = (
                f"{partner.name} is suspended; grants ended: {ended.grants}. "
                f"Being cut off in AWS: {ended.revocations}."
            )
            self.message_user(request, words, messages.SUCCESS)
        return redirect("admin:directory_partner_change", partner.pk)

    def _resume(self, request: HttpRequest, partner: Partner, reason: str) -> HttpResponse:
        try:
            resume_partner(partner_id=partner.pk, reason=reason, actor=actor_of(request))
        except DomainError as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
        else:
            words = f"{partner.name} may be given access again. What ended stays ended."
            self.message_user(request, words, messages.SUCCESS)
        return redirect("admin:directory_partner_change", partner.pk)


def _suspend_question(partner: Partner) -> Question:
    found = preview_suspension(partner.pk)
    number, live = len(found.grants), sum(found.live_sessions.values())
    more = f" The first {MOST} are listed." if number > MOST else ""
    return Question(
        title=f"Suspend {partner.name}",
        lead=f"{number} grant{'' if number == 1 else 's'} of its people end now and for good, with {live} live "
        f"session{'' if live == 1 else 's'} in AWS; until it is resumed they are given nothing.{more}"
        f"{uncuttable(found.grants, found.live_sessions)}",
        button=f"Suspend {partner.name}",
        action="suspend",
        headers=HEADERS,
        rows=rows_of(found.grants[:MOST], found.live_sessions),
        ids=[str(partner.pk)],
        nothing="Its people hold nothing now.",
    )


def _resume_question(partner: Partner) -> Question:
    return Question(
        title=f"Resume {partner.name}",
        lead="Its people may be given access again. Nothing comes back by itself: what ended stays ended.",
        button=f"Resume {partner.name}",
        action="resume",
        headers=("Partner", "Suspended since", "Contract ends"),
        rows=[(partner.name, clock(partner.suspended_at), clock(partner.contract_ends_at))],
        ids=[str(partner.pk)],
        danger=False,
    )
