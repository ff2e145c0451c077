"""Identity providers: whoever could change these could be anybody, so superusers alone do.

The kind is chosen before the form is shown, and stays: each has settings of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.forms import BaseInlineFormSet, Field
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from portal.directory.models import IdentityProvider, LdapSettings, OidcSettings, SamlSettings, SignIn
from portal.directory.requests import actor_of
from portal.identity.operations.end_sign_ins import end_sign_ins
from portal.staff.base import SHOWN, RecordedAdmin, SuperuserWrites, is_superuser
from portal.staff.provider_forms import LdapForm, OidcForm, ProviderForm, SamlForm, SettingsForm

M = TypeVar("M", bound=models.Model)
Kind = IdentityProvider.Kind


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody may add. `initial`: what its settings begin with."""

    key: str
    kind: str
    label: str
    words: str
    initial: Mapping[str, Any] = field(default_factory=dict)


CHOICES = (
    Choice(
        "saml", Kind.SAML, "SAML 2.0", "Entra ID, Okta, Google Workspace, Keycloak, ADFS: by its metadata."
    ),
    Choice(
        "oidc",
        Kind.OIDC,
        "OpenID Connect",
        "Cognito, Google, Entra ID, Keycloak: by its issuer and a client.",
    ),
    Choice(
        "ad",
        Kind.LDAP,
        "Active Directory",
        "People sign in here with the password they have there; people and groups are synced.",
        {
            "flavour": LdapSettings.Flavour.ACTIVE_DIRECTORY.value,
            "login_attribute": "sAMAccountName",
            "id_attribute": "objectGUID",
            "people_filter": "(&(objectCategory=person)(objectClass=user))",
            "groups_filter": "(objectClass=group)",
            "nesting": LdapSettings.Nesting.IN_CHAIN.value,
        },
    ),
    Choice("ldap", Kind.LDAP, "LDAP directory", "OpenLDAP, 389 Directory Server and others: as above."),
)


class SettingsFormSet(BaseInlineFormSet[Any, IdentityProvider, Any]):
    def clean(self) -> None:
        super().clean()
        if self.total_form_count() < 1:
            raise ValidationError("A provider can't be without the settings of its kind.")


class SettingsInline(admin.StackedInline[M, IdentityProvider]):
    """One kind's settings: there always is one row, and no more."""

    formset = SettingsFormSet
    can_delete = False
    min_num = max_num = 1
    extra = 0

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Field | None:
        if isinstance(db_field, models.URLField):
            kwargs["assume_scheme"] = "https"
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # Django's signature
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # as above
        return is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # as above
        """Whoever may see the provider may see what it is made of; the secrets are never shown."""
        return bool(request.user.has_perm("directory.view_identityprovider"))


class SamlInline(SettingsInline[SamlSettings]):
    model = SamlSettings
    form = SamlForm
    verbose_name = "SAML"
    fields = (
        *("metadata", "entity_id", "metadata_url", "metadata_signer"),
        *("allow_aes_cbc", "max_assertion_minutes", "allows_unasked"),
    )
    readonly_fields = ("entity_id",)


class LdapInline(SettingsInline[LdapSettings]):
    model = LdapSettings
    form = LdapForm
    verbose_name = "the directory"
    fieldsets = (
        (None, {"fields": ("flavour", "urls", "start_tls", "ca_certificates")}),
        (
            "Who looks people up",
            {"fields": ("bind_dn", "bind_password", "remove_bind_password", "bind_by_kerberos")},
        ),
        ("Where people are", {"fields": ("people_base", "people_filter", "login_attribute", "id_attribute")}),
        (
            "Where groups are",
            {"fields": ("groups_base", "groups_filter", "group_name_attribute", "nesting", "max_depth")},
        ),
        ("Asking", {"fields": ("timeout_seconds", "page_size", "sync_minutes")}),
    )


class OidcInline(SettingsInline[OidcSettings]):
    model = OidcSettings
    form = OidcForm
    verbose_name = "OpenID Connect"
    fields = (
        *("issuer", "client_id", "client_secret", "remove_client_secret"),
        *("scopes", "keeps_id_token"),
    )


INLINES: Mapping[str, type[admin.StackedInline[Any, IdentityProvider]]] = {
    Kind.SAML: SamlInline,
    Kind.LDAP: LdapInline,
    Kind.OIDC: OidcInline,
}
ABOUT = ("name", "slug", "partner", "is_enabled")
NAMES = ("admits_people", "name_attribute", "email_attribute")
SCIM = ("SCIM", {"fields": ("scim_subject", "scim_subject_format")})
SIGN_IN = ("sign_in_hours", "max_age_hours")
FACTORS = ("factor_contexts", "step_up_context")
FIELDSETS: Mapping[str, Sequence[tuple[str | None, dict[str, Any]]]] = {
    Kind.SAML: (
        (None, {"fields": ABOUT}),
        ("People", {"fields": (*NAMES, "groups_attribute", "group_names", "gone_everywhere")}),
        ("Sign-in", {"fields": (*SIGN_IN, *FACTORS)}),
        SCIM,
    ),
    Kind.LDAP: (
        (None, {"fields": ABOUT}),
        ("People", {"fields": (*NAMES, "group_names", "gone_everywhere", "most_gone_percent")}),
        ("Sign-in", {"fields": SIGN_IN}),
    ),
    Kind.OIDC: (
        (None, {"fields": ABOUT}),
        ("People", {"fields": (*NAMES, "groups_attribute", "group_names", "gone_everywhere")}),
        ("Sign-in", {"fields": (*SIGN_IN, *FACTORS)}),
        ("SCIM", {"fields": ("scim_subject",)}),
    ),
    Kind.LOCAL: (
        (None, {"fields": ("name", "slug", "is_enabled")}),
        ("Sign-in", {"fields": SIGN_IN}),
    ),
}


@admin.register(IdentityProvider)
class ProviderAdmin(SuperuserWrites[IdentityProvider], RecordedAdmin[IdentityProvider]):
    form = ProviderForm
    list_display = ("name", "slug", "kind", "partner", "is_enabled")
    list_filter = ("is_enabled", "kind")
    list_select_related = ("partner",)
    search_fields = ("name", "slug", "saml__entity_id")
    autocomplete_fields = ("partner",)
    prepopulated_fields = {"slug": ("name",)}
    change_form_template = "admin/directory/identityprovider/change.html"

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the kind first: the form follows from it."""
        chosen = _chosen(request)
        if chosen is None and self.has_add_permission(request):
            context = {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": "Add identity provider",
                "choices": CHOICES,
            }
            return TemplateResponse(request, "admin/directory/identityprovider/choose.html", context)
        title = f"Add identity provider: {chosen.label}" if chosen else ""
        return super().add_view(request, form_url, {"title": title, **(extra_context or {})})

    def get_form(
        self,
        request: HttpRequest,
        obj: IdentityProvider | None = None,
        change: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        **kwargs: Any,
    ) -> Any:
        made = super().get_form(request, obj, change, **kwargs)
        return type(made.__name__, (made,), {"kind": _kind(request, obj)})

    def get_fieldsets(self, request: HttpRequest, obj: IdentityProvider | None = None) -> Any:
        first, *others = FIELDSETS[_kind(request, obj)]
        if obj is None:
            return (first, *others)
        return ((None, {"fields": ("kind", *first[1]["fields"])}), *others)

    def get_inlines(self, request: HttpRequest, obj: IdentityProvider | None = None) -> Any:
        inline = INLINES.get(_kind(request, obj))
        return () if inline is None else (inline,)

    def get_formset_kwargs(
        self, request: HttpRequest, obj: IdentityProvider, inline: Any, prefix: str
    ) -> dict[str, Any]:
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        chosen = _chosen(request)
        if obj._state.adding and chosen is not None:  # noqa: SLF001  # Django's documented name for it
            kwargs["initial"] = [dict(chosen.initial)]
        return kwargs

    def get_readonly_fields(
        self, request: HttpRequest, obj: IdentityProvider | None = None
    ) -> tuple[str, ...]:
        """What it is stays; and whose people it vouches for, once it has vouched for some."""
        fixed = tuple(str(name) for name in super().get_readonly_fields(request, obj))
        if obj is None:
            return fixed
        return (*fixed, "kind", "partner") if obj.identities.exists() else (*fixed, "kind")

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: IdentityProvider | None = None
    ) -> dict[str, Any]:
        may_edit = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return dict(super().get_prepopulated_fields(request, obj)) if may_edit else {}

    def save_model(self, request: HttpRequest, obj: IdentityProvider, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's signature
        """Who is switched off may have been broken into: whoever came in by it goes, but for the hand that does it."""
        super().save_model(request, obj, form, change)
        if change and "is_enabled" in form.changed_data and not obj.is_enabled:
            others = SignIn.objects.filter(identity__provider=obj)
            others = others.exclude(session_key=request.session.session_key or "")
            ended = end_sign_ins(others, why="provider switched off", actor=actor_of(request))
            words = f"{obj.name} is switched off; sign-ins ended: {ended}. Grants go on, but nothing is issued by it."
            self.message_user(request, words, messages.WARNING)

    def told_of_rows(self, formset: Any) -> dict[str, str]:
        """Say which settings were changed, and to what; of a secret only that it was."""
        forms = [form for form in formset.forms if isinstance(form, SettingsForm) and form.has_changed()]
        return {f"{formset.prefix}.{name}": value[:SHOWN] for form in forms for name, value in form.told()}

    def has_delete_permission(self, request: HttpRequest, obj: IdentityProvider | None = None) -> bool:  # noqa: ARG002  # Django's signature
        """Never: it is disabled instead, and what it vouched for stays known."""
        return False


def _chosen(request: HttpRequest) -> Choice | None:
    return next((choice for choice in CHOICES if choice.key == request.GET.get("kind")), None)


def _kind(request: HttpRequest, obj: IdentityProvider | None) -> str:
    if obj is not None:
        return obj.kind
    chosen = _chosen(request)
    return chosen.kind if chosen else Kind.SAML.value
