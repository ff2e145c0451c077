"""The forms of identity providers: what all kinds share, and the settings of each. Secrets go in and never come out."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import models

from brokers.errors import BrokerError
from portal import wiring
from portal.directory.models import IdentityProvider, LdapSettings, OidcSettings, SamlSettings
from portal.kernel.sealing import seal
from portal.staff import provider_checks as checks
from portal.staff.base import CheckedForm
from portal.staff.line_fields import LinesField, NamesField

M = TypeVar("M", bound=models.Model)
CODE = {"spellcheck": "false"}
AREA = forms.Textarea(attrs={"rows": 6, "cols": 70, **CODE})
Kind = IdentityProvider.Kind
# What each kind calls a person's name and e-mail, and what they are in.
ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    Kind.SAML: {"name_attribute": "displayName", "email_attribute": "email", "groups_attribute": "groups"},
    Kind.LDAP: {"name_attribute": "displayName", "email_attribute": "mail", "groups_attribute": ""},
    Kind.OIDC: {"name_attribute": "name", "email_attribute": "email", "groups_attribute": "groups"},
}


class ProviderForm(CheckedForm[IdentityProvider]):
    """`kind` is chosen before the form is shown, and stays."""

    kind: ClassVar[str] = Kind.SAML
    group_names = NamesField(
        required=False,
        help_text="Groups that are called otherwise here, one per line: 0f1e2d3c-… = platform-engineers",
    )
    factor_contexts = LinesField(
        required=False,
        label="Words for a second factor",
        help_text="What it says of a sign-in with a second factor, one per line: SAML's AuthnContext classes, OIDC's "
        "acr and amr values. Such as mfa, or https://refeds.org/profile/mfa.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in set(self.declared_fields) - set(self._meta.fields or ()):
            del self.fields[name]  # not every kind has them
        if self.instance._state.adding:  # noqa: SLF001  # Django's documented name for it
            self.instance.kind = self.kind
            for name, value in ATTRIBUTES.get(self.kind, {}).items():
                setattr(self.instance, name, value)
                self.initial[name] = value


class SettingsForm(CheckedForm[M]):
    """The settings of one kind. `secrets`: fields to type a secret into, and the columns that keep it sealed.

    A secret that is kept is never shown. An empty field keeps it; `remove_…` takes it away.
    """

    unchecked = ("provider",)  # made in the same transaction
    secrets: ClassVar[Mapping[str, str]] = {}
    derived: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, column in self.secrets.items():
            if getattr(self.instance, column):
                self.fields[name].help_text = "One is kept, and never shown. Empty: it stays."
            else:
                nothing = self.fields[f"remove_{name}"]  # it stays in the form, as the admin lays it out
                nothing.widget, nothing.disabled = forms.HiddenInput(), True

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        for name, column in self.secrets.items():
            typed = self.cleaned_data.get(name)
            removed = self.cleaned_data.get(f"remove_{name}")
            if typed and removed:
                self.add_error(name, "Type a new one, or remove the one that is kept: not both.")
            elif typed:
                setattr(self.instance, column, seal(typed.encode()))
            elif removed:
                setattr(self.instance, column, None)
        return cleaned

    def save(self, commit: bool = True) -> M:  # noqa: FBT001, FBT002  # Django's signature
        """Write only what was changed: what a refresh or a sync noted meanwhile stays."""
        if not commit or self.instance._state.adding:  # noqa: SLF001  # as above
            return super().save(commit)
        columns = {field.name for field in self.instance._meta.concrete_fields}  # noqa: SLF001  # as above
        kept = {column for name, column in self.secrets.items() if self._touches(name)}
        self.instance.save(update_fields=columns & {*self.changed_data, *self.derived} | kept)
        return self.instance

    def told(self) -> Iterator[tuple[str, str]]:
        """Return what was changed, for the audit trail: of a secret only that it was."""
        for name in self.changed_data:
            if name in self.secrets:
                yield name, "set"
            elif name.startswith("remove_"):
                yield name.removeprefix("remove_"), "removed"
            else:
                yield name, str(self.cleaned_data.get(name))

    def _touches(self, name: str) -> bool:
        return name in self.changed_data or f"remove_{name}" in self.changed_data

    def checked(self, name: str, check: Any, *args: Any, **kwargs: Any) -> None:
        """Have a field that is filled in and fine so far judged by `check`."""
        value = self.cleaned_data.get(name)
        if not value or name in self.errors:
            return
        try:
            check(value, *args, **kwargs)
        except ValidationError as problem:
            self.add_error(name, problem)


class SamlForm(SettingsForm[SamlSettings]):
    derived = ("entity_id",)

    class Meta:
        widgets = {
            "metadata": forms.Textarea(attrs={"rows": 14, "cols": 100, **CODE}),
            "metadata_signer": AREA,
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

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        self.checked("metadata_url", checks.check_https, "The metadata address")
        self.checked("metadata_signer", checks.check_certificates, most=1)
        if self.cleaned_data.get("metadata_signer") and not self.cleaned_data.get("metadata_url"):
            self.add_error("metadata_signer", "It signs what an address brings: give the address too.")
        return cleaned


def secret_field(label: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        strip=False,
        max_length=2000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "size": 40}),
    )


class LdapForm(SettingsForm[LdapSettings]):
    secrets: ClassVar[Mapping[str, str]] = {"bind_password": "sealed_bind_password"}
    urls = LinesField(
        label="Addresses",
        help_text="One per line, tried in this order: ldaps://dc1.example.com",
        widget=forms.Textarea(attrs={"rows": 3, "cols": 50, **CODE}),
        error_messages={"required": "Say where the directory is, such as ldaps://dc1.example.com."},
    )
    bind_password = secret_field("Bind password")
    remove_bind_password = forms.BooleanField(label="Remove the bind password", required=False)

    class Meta:
        widgets = {"ca_certificates": AREA}

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        told = self.cleaned_data
        self.checked("urls", checks.check_ldap_urls, start_tls=bool(told.get("start_tls")))
        self.checked("ca_certificates", checks.check_certificates)
        for name in ("people_base", "groups_base"):
            self.checked(name, checks.check_dn)
        for name in ("people_filter", "groups_filter"):
            self.checked(name, checks.check_filter)
        for name in ("login_attribute", "id_attribute", "group_name_attribute"):
            self.checked(name, checks.check_attribute)
        self._check_bind()
        if told.get("nesting") == "in_chain" and told.get("flavour") == "ldap":
            self.add_error("nesting", "Only Active Directory has that rule: choose level by level.")
        return cleaned

    def _check_bind(self) -> None:
        """A name without its password is an anonymous bind that looks like a real one (RFC 4513, section 5.1.2)."""
        named, has_password = self.cleaned_data.get("bind_dn"), bool(self.instance.sealed_bind_password)
        if "bind_dn" in self.errors or "bind_password" in self.errors:
            return
        if self.cleaned_data.get("bind_by_kerberos"):
            if named or has_password:
                self.add_error(
                    "bind_by_kerberos",
                    "The keytab says who it is: leave the name empty, and remove the bind password.",
                )
        elif named and not has_password:
            self.add_error(
                "bind_password", f"{named} needs its password. To ask as nobody, leave both empty."
            )
        elif has_password and not named:
            self.add_error("bind_dn", "Whose password is it? Say as whom to bind, or remove the password.")


class OidcForm(SettingsForm[OidcSettings]):
    secrets: ClassVar[Mapping[str, str]] = {"client_secret": "sealed_client_secret"}
    issuer = forms.URLField(
        max_length=500,
        assume_scheme="https",
        widget=forms.URLInput(attrs={"size": 60}),
        help_text="Exactly as its discovery document has it.",
    )
    client_secret = secret_field("Client secret")
    remove_client_secret = forms.BooleanField(label="Remove the client secret", required=False)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        self.checked("issuer", checks.check_https, "The issuer")
        if "openid" not in str(self.cleaned_data.get("scopes", "openid")).split():
            self.add_error("scopes", "One of them must be openid: without it nobody is signed in.")
        return cleaned
