"""Who is who at which provider: whoever could change this could be anybody, so superusers alone do."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from portal.directory.models import ExternalIdentity, IdentityProvider
from portal.directory.requests import actor_of
from portal.identity.operations.subjects import checked_subject
from portal.identity.operations.unlink_identity import unlink_identity
from portal.kernel.errors import DomainError, InvalidError, NotFoundError
from portal.staff.base import CheckedForm, RecordedAdmin, SuperuserWrites, brief, clock
from portal.staff.confirm import Question, ReasonForm, answered, ask


class IdentityForm(CheckedForm[ExternalIdentity]):
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        told = self.cleaned_data
        provider, person = told.get("provider"), told.get("person")
        if provider and person and provider.partner_id != person.partner_id:
            self.add_error("provider", "This provider vouches for another company's people.")
        if provider and told.get("subject"):
            self._check_subject(provider, told["subject"])
        return cleaned

    def _check_subject(self, provider: IdentityProvider, subject: str) -> None:
        told = self.cleaned_data.get("subject_format", "") if "subject_format" in self.changed_data else ""
        if provider.kind == IdentityProvider.Kind.SAML:
            told = self.cleaned_data.get("subject_format", "")
        try:
            subject, subject_format = checked_subject(provider, subject, told)
        except InvalidError as refusal:
            self.add_error(refusal.field if refusal.field in self.fields else None, str(refusal))
            return
        self.cleaned_data["subject"] = self.instance.subject = subject
        self.cleaned_data["subject_format"] = self.instance.subject_format = subject_format


@admin.register(ExternalIdentity)
class IdentityAdmin(SuperuserWrites[ExternalIdentity], RecordedAdmin[ExternalIdentity]):
    form = IdentityForm
    list_display = ("subject", "login", "provider", "person", "seen", "gone")
    list_select_related = ("provider", "person")
    search_fields = ("subject", "login", "person__name")
    autocomplete_fields = ("provider", "person")
    readonly_fields = (
        *("login", "linked_at", "last_seen_at", "confirmed_at"),
        *("is_provisioned", "gone"),
    )
    fields = ("provider", "person", "subject", "subject_format", *readonly_fields)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the reason, then unlink: what came by the identity goes with it."""
        del extra_context
        identity = self.get_object(request, unquote(object_id))
        if identity is None:
            raise NotFoundError("There is no such identity.")
        if not self.has_delete_permission(request, identity):
            raise PermissionDenied("Only superusers unlink identities.")
        form = answered(request, ReasonForm)
        if not form.is_bound or not form.is_valid():
            return ask(self, request, _unlink_question(identity), form)
        try:
            unlink_identity(
                identity_id=identity.pk, actor=actor_of(request), reason=form.cleaned_data["reason"]
            )
        except DomainError as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
        else:
            words = f"{identity.person.name} is no longer {identity.subject} at {identity.provider.name}."
            self.message_user(request, words, messages.SUCCESS)
        return redirect("admin:directory_externalidentity_changelist")

    @admin.display(description="last sign-in", ordering="last_seen_at")
    def seen(self, identity: ExternalIdentity) -> str:
        return brief(identity.last_seen_at)

    @admin.display(description="gone since", ordering="gone_at")
    def gone(self, identity: ExternalIdentity) -> str:
        return gone_words(identity)

    def get_readonly_fields(
        self, request: HttpRequest, obj: ExternalIdentity | None = None
    ) -> tuple[str, ...]:
        """Whose it is stays: another's is linked anew, so that what this one gave ends with it."""
        fixed = tuple(str(name) for name in super().get_readonly_fields(request, obj))
        return fixed if obj is None else (*fixed, "provider", "person")


def _unlink_question(identity: ExternalIdentity) -> Question:
    person, provider = identity.person, identity.provider
    others = person.identities.filter(gone_at=None).exclude(pk=identity.pk).count()
    more = f"{others} other identities stay." if others else "They have no other way to sign in then."
    return Question(
        title=f"Unlink {person.name} from {provider.name}",
        lead="Sign-ins by this identity end at once. The provider's groups go with it, and so does what was taken "
        f"through them. {more}",
        button="Unlink",
        action="unlink",
        headers=("Person", "Provider", "Subject", "Last sign-in"),
        rows=[(person.name, provider.name, identity.subject, clock(identity.last_seen_at))],
        ids=[str(identity.pk)],
    )


def gone_words(identity: ExternalIdentity) -> str:
    """Return since when the provider says that they left, and why."""
    return f"{clock(identity.gone_at)}: {identity.gone_why}" if identity.gone_at else "-"
