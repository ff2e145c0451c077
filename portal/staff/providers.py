"""Identity providers and who is who there: whoever could change these could be anybody, so superusers alone do."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from brokers.errors import BrokerError
from portal import wiring
from portal.directory.models import ExternalIdentity, IdentityProvider, SamlSettings
from portal.staff.base import CheckedForm, RecordedAdmin, SuperuserWrites

LAST_ASCII = 126


class SamlForm(CheckedForm[SamlSettings]):
    class Meta:
        widgets = {
            "metadata": forms.Textarea(attrs={"rows": 14, "cols": 100, "spellcheck": "false"}),
            "metadata_signer": forms.Textarea(attrs={"rows": 6, "cols": 70, "spellcheck": "false"}),
        }

    def clean_metadata(self) -> str:
        """Read the document as sign-in will, and take the entity id from it: nobody types it."""
        metadata = str(self.cleaned_data["metadata"])
        try:
            described = wiring.saml_ports().read_metadata(metadata.encode())
        except BrokerError as problem:
            raise forms.ValidationError(f"This metadata can't be used: {problem}.") from None
        known = self.instance.entity_id
        if known and known != described.entity_id and self.instance.provider.identities.exists():
            raise forms.ValidationError(
                f"This is {described.entity_id}, another provider than {known}, which people sign in with: "
                "add it as a provider of its own."
            )
        self.instance.entity_id = described.entity_id
        return metadata


class SamlInline(admin.StackedInline[SamlSettings, IdentityProvider]):
    model = SamlSettings
    form = SamlForm
    can_delete = False
    verbose_name_plural = "SAML"
    fields = (
        "metadata",
        "entity_id",
        "metadata_url",
        "metadata_signer",
        "allow_aes_cbc",
        "max_assertion_minutes",
        "allows_unasked",
    )
    readonly_fields = ("entity_id",)


@admin.register(IdentityProvider)
class ProviderAdmin(SuperuserWrites[IdentityProvider], RecordedAdmin[IdentityProvider]):
    list_display = ("name", "slug", "kind", "partner", "is_enabled")
    list_filter = ("is_enabled", "kind")
    list_select_related = ("partner",)
    search_fields = ("name", "slug", "saml__entity_id")
    autocomplete_fields = ("partner",)
    prepopulated_fields = {"slug": ("name",)}
    inlines = (SamlInline,)
    fieldsets = (
        (None, {"fields": ("name", "slug", "kind", "partner", "is_enabled")}),
        (
            "People",
            {
                "fields": (
                    *(
                        "admits_people",
                        "name_attribute",
                        "email_attribute",
                        "groups_attribute",
                        "group_names",
                    ),
                    *("gone_everywhere", "most_gone_percent"),
                )
            },
        ),
        ("Sign-in", {"fields": ("sign_in_hours", "max_age_hours", "factor_contexts", "step_up_context")}),
        ("SCIM", {"fields": ("scim_subject", "scim_subject_format")}),
    )

    def get_readonly_fields(
        self, request: HttpRequest, obj: IdentityProvider | None = None
    ) -> tuple[str, ...]:
        """Whose people it vouches for stays, once it has vouched for some."""
        fixed = tuple(str(name) for name in super().get_readonly_fields(request, obj))
        return (*fixed, "partner") if obj is not None and obj.identities.exists() else fixed

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: IdentityProvider | None = None
    ) -> dict[str, Any]:
        may_edit = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return dict(super().get_prepopulated_fields(request, obj)) if may_edit else {}

    def has_delete_permission(self, request: HttpRequest, obj: IdentityProvider | None = None) -> bool:  # noqa: ARG002  # Django's signature
        """Never: it is disabled instead, and what it vouched for stays known."""
        return False


class IdentityForm(CheckedForm[ExternalIdentity]):
    def clean_subject(self) -> str:
        subject = str(self.cleaned_data["subject"])
        if any(not "!" <= letter <= chr(LAST_ASCII) for letter in subject):
            raise forms.ValidationError("Only visible ASCII without spaces: that is what sign-in accepts.")
        return subject

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        provider, person = self.cleaned_data.get("provider"), self.cleaned_data.get("person")
        if provider and person and provider.partner_id != person.partner_id:
            self.add_error("provider", "This provider vouches for another company's people.")
        return cleaned


@admin.register(ExternalIdentity)
class IdentityAdmin(SuperuserWrites[ExternalIdentity], RecordedAdmin[ExternalIdentity]):
    form = IdentityForm
    list_display = ("subject", "provider", "person", "linked_at", "last_seen_at")
    list_select_related = ("provider", "person")
    search_fields = ("subject", "person__name")
    autocomplete_fields = ("provider", "person")
    fields = ("provider", "person", "subject", "subject_format", "linked_at", "last_seen_at")
    readonly_fields = ("linked_at", "last_seen_at")
