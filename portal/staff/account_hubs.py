"""As whom an account is reached, beside its record: a secret goes in and never comes out."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from portal.catalog.models import AccountHub, AwsAccount
from portal.kernel.clock import database_now
from portal.kernel.sealing import seal
from portal.staff.base import CheckedForm

CHANGE, VIEW = "catalog.change_awsaccount", "catalog.view_awsaccount"
Kind = AccountHub.Kind
# What each kind needs, and may have besides.
NEEDED = {
    Kind.KEYS: ("access_key_id",),
    Kind.ROLE: ("role_arn",),
    Kind.AMBIENT: (),
    Kind.WEB_IDENTITY: ("role_arn", "token_file"),
}
OPTIONAL = {Kind.ROLE: ("external_id",), Kind.WEB_IDENTITY: ("external_id",)}
FIELDS = ("access_key_id", "role_arn", "external_id", "token_file")


class HubForm(CheckedForm[AccountHub]):
    """An empty secret keeps the one that is kept; another kind than keys drops it."""

    unchecked = ("account",)  # made in the same transaction
    new_secret = forms.CharField(
        required=False,
        max_length=128,
        label="Secret access key",
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="For an IAM user's access key. One that is kept is never shown; empty: it stays.",
    )

    class Meta:
        model = AccountHub
        fields = ("kind", "region", *FIELDS)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        told = self.cleaned_data
        kind = told.get("kind")
        if kind not in NEEDED:
            return cleaned
        words = dict(Kind.choices)[kind]
        for name in FIELDS:
            if name in NEEDED[kind] and not told.get(name):
                self.add_error(name, f"Needed for {words}.")
            elif name not in (*NEEDED[kind], *OPTIONAL.get(kind, ())) and told.get(name):
                self.add_error(name, f"Not used for {words}: leave it empty.")
        self._put_secret(kind, told.get("new_secret") or "")
        return cleaned

    def _put_secret(self, kind: str, typed: str) -> None:
        if kind != Kind.KEYS:
            if typed:
                self.add_error("new_secret", "Only an IAM user's access key has one.")
            self.instance.secret = b""
        elif typed:
            self.instance.secret = seal(typed.strip().encode())
        elif not self.instance.secret or "access_key_id" in self.changed_data:
            self.add_error("new_secret", "Type the secret of this key.")

    def save(self, commit: bool = True) -> AccountHub:  # noqa: FBT001, FBT002  # Django's signature
        self.instance.changed_at = database_now()
        return super().save(commit)


class HubInline(admin.StackedInline[AccountHub, AwsAccount]):
    """Whoever may change the account may change as whom it is reached."""

    model = AccountHub
    form = HubForm
    fields = ("kind", "region", "access_key_id", "new_secret", "role_arn", "external_id", "token_file")
    extra = 0
    max_num = 1
    verbose_name = "hub of its own"
    verbose_name_plural = "hub of its own (none: the portal's is called)"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # Django's signature
        return request.user.has_perm(VIEW) or request.user.has_perm(CHANGE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # as above
        return request.user.has_perm(CHANGE)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # as above
        return request.user.has_perm(CHANGE)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # as above
        return request.user.has_perm(CHANGE)
