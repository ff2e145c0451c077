"""Who is who at which provider: whoever could change this could be anybody, so superusers alone do."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from portal.directory.models import ExternalIdentity, IdentityProvider
from portal.directory.requests import actor_of
from portal.identity.operations.ask_anew import SUBJECT_FORMAT
from portal.identity.operations.unlink_identity import unlink_identity
from portal.kernel.errors import DomainError, NotFoundError
from portal.staff.base import CheckedForm, RecordedAdmin, SuperuserWrites, brief, clock
from portal.staff.confirm import Question, ReasonForm, answered, ask

LAST_ASCII = 126
# OpenID Connect Core 1.0, section 2.
# saml-core-2.0-os, 8.3.1
UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
LONGEST_SUB = 255
GUIDS = {"entryuuid", "objectguid"}
Kind = IdentityProvider.Kind


class IdentityForm(CheckedForm[ExternalIdentity]):
    def clean_subject(self) -> str:
        subject = str(self.cleaned_data["subject"])
        if any(not "!" <= letter <= chr(LAST_ASCII) for letter in subject):
            raise forms.ValidationError("Only visible ASCII without spaces: that is what sign-in accepts.")
        return subject

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        told = self.cleaned_data
        provider, person = told.get("provider"), told.get("person")
        if provider and person and provider.partner_id != person.partner_id:
            self.add_error("provider", "This provider vouches for another company's people.")
        if provider and told.get("subject"):
            self._check_kind(provider, told["subject"])
        return cleaned

    def _check_kind(self, provider: IdentityProvider, subject: str) -> None:
        if provider.kind == Kind.LOCAL:
            self.add_error("provider", "Accounts of the portal's own are made by their command.")
        if provider.kind != Kind.SAML and "subject_format" in self.changed_data:
            self.add_error("subject_format", "Only SAML has NameID formats: leave it empty.")
        elif provider.kind == Kind.SAML and not self.cleaned_data.get("subject_format"):
            # What sign-ins without a format are taken for: left blank, none would ever match it.
            self.cleaned_data["subject_format"] = self.instance.subject_format = UNSPECIFIED
        elif provider.kind == Kind.LDAP:
            self.cleaned_data["subject_format"] = self.instance.subject_format = SUBJECT_FORMAT
        if provider.kind == Kind.OIDC and len(subject) > LONGEST_SUB:
            self.add_error("subject", f"A sub has at most {LONGEST_SUB} characters.")
        settings = getattr(provider, "ldap", None)
        if provider.kind == Kind.LDAP and settings and settings.id_attribute.lower() in GUIDS:
            try:
                self.cleaned_data["subject"] = self.instance.subject = str(UUID(subject))
            except ValueError:
                self.add_error(
                    "subject",
                    f"Write the entry's {settings.id_attribute}: 9d2f1c1e-0b6a-4f0e-8d1c-2f6b3a7e5c40.",
                )


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
