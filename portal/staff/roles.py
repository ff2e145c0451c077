"""AWS roles: refused where AWS would refuse them, read from AWS when saved; what has no kill switch says so."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Field, QuerySet
from django.forms import TypedChoiceField
from django.http import HttpRequest

from brokers.errors import BrokerError
from portal import wiring
from portal.audit.events import EventType
from portal.catalog.models import AwsRole
from portal.staff.base import CheckedForm, RecordedAdmin, record_of

KILL_SWITCH_WORDS = (
    "Service-linked roles and those of IAM Identity Center have none, whatever is chosen here: AWS alone writes them. "
    "A role without one can be enabled, and each grant of it must accept that its sessions can't be cut short."
)
FACTOR_WORDS = (
    "A second factor is asked for at the click, from people and through the API: a passkey, an authenticator app, a "
    "recovery code, or the provider's own where it says so. 5 to 15 minutes suit what could do damage; 60 and more "
    "ask about once in a morning. Credentials that were given go on until their own end."
)
CALL_WORDS = (
    "AssumeRole: via, for a role that is reached through another. AssumeRoleWithSAML: the provider in IAM, and who "
    "vouches. AssumeRoleWithWebIdentity: who vouches, and the audience. Cognito: the identity pool and the login's "
    "name; for its own call also who vouches, and the audience. AssumeRoot: the task; the AWS name is only a name "
    "here then. GetSessionToken: none of these; the AWS name is the person's own IAM user."
)
IDENTITY = ("account", "method", "path", "name")
# A second person granted this task, and no other.
FIXED = (*IDENTITY, "root_task")
CALL = (
    *("region", "via", "provider_arn", "vouched_by", "audience", "identity_pool_id", "login_name"),
    "root_task",
)
Method = AwsRole.Method
# What each call needs, and may have besides; a field that is in neither is left empty.
NEEDED: Mapping[str, Sequence[str]] = {
    Method.SAML: ("provider_arn", "vouched_by"),
    Method.WEB_IDENTITY: ("vouched_by", "audience"),
    Method.COGNITO: ("identity_pool_id", "login_name", "vouched_by", "audience"),
    Method.COGNITO_DEVELOPER: ("identity_pool_id", "login_name"),
    Method.ROOT_TASK: ("root_task",),
}
OPTIONAL: Mapping[str, Sequence[str]] = {
    Method.ASSUME_ROLE: ("via",),
    Method.WEB_IDENTITY: ("provider_arn",),
}
VOUCHES = {Method.SAML: "saml", Method.WEB_IDENTITY: "oidc", Method.COGNITO: "oidc"}


NO_KILL_SWITCH = (
    "{role} has no kill switch: the portal can write no deny to it, so that nothing cuts its sessions short; they run "
    "to the end that they were issued with, at most {hours} h. Whoever grants it has to accept that, on each grant."
)


class RoleForm(CheckedForm[AwsRole]):
    """Says, field by field, what the role's call needs and what it can't have."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        told = {**{name: getattr(self.instance, name) for name in CALL}, **self.cleaned_data}
        method = str(told.get("method") or self.instance.method)
        needed = NEEDED.get(method, ())
        allowed = {"region", *needed, *OPTIONAL.get(method, ())}
        words = dict(Method.choices).get(method, method)
        for name in CALL:
            if name in self.errors:
                continue
            if name in needed and not told.get(name):
                self._refuse(name, f"{words} needs this.")
            elif name not in allowed and told.get(name):
                self._refuse(name, f"{words} has no use for this: leave it empty.")
        self._check_words(told, method)
        return cleaned

    def _check_words(self, told: Mapping[str, Any], method: str) -> None:
        vouches, via, account = told.get("vouched_by"), told.get("via"), told.get("account")
        kind = VOUCHES.get(Method(method)) if method in Method.values else None
        if vouches is not None and kind is not None and vouches.kind != kind:
            wanted = (
                "a SAML provider's assertions" if kind == "saml" else "an OpenID Connect provider's tokens"
            )
            self._refuse("vouched_by", f"It is {wanted} that open this.")
        if via is not None and (via.method != Method.ASSUME_ROLE or via.via_id or via.pk == self.instance.pk):
            self._refuse(
                "via", "Choose another role that is reached by AssumeRole, without a third one between."
            )
        start = f"arn:{account.partition}:iam::{account.account_id}:" if account else ""
        if told.get("provider_arn") and not str(told["provider_arn"]).startswith(start):
            self._refuse("provider_arn", f"It must be in the role's account: {start}…")
        if method == Method.ROOT_TASK and not told.get("factor_minutes"):
            self._refuse("factor_minutes", "A root task asks for a fresh second factor: 1 minute at least.")

    def _refuse(self, name: str, words: str) -> None:
        self.add_error(name if name in self.fields else None, words)


@admin.register(AwsRole)
class RoleAdmin(RecordedAdmin[AwsRole]):
    form = RoleForm
    derived = ("unique_id",)  # another principal has another id: the model empties it
    list_display = ("title", "account", "method", "name", "is_enabled", "kill_switch", "unique_id")
    list_filter = ("is_enabled", "method", "requires_scope")
    list_select_related = ("account",)
    search_fields = ("title", "name", "account__name", "account__account_id")
    autocomplete_fields = ("account", "via")
    actions = ("read_from_aws",)
    fieldsets = (
        (None, {"fields": ("title", "description", "is_enabled")}),
        ("In AWS", {"fields": (*IDENTITY, "arn", "unique_id", "max_session_seconds")}),
        ("What its call needs", {"fields": CALL, "description": CALL_WORDS}),
        ("What it gives", {"fields": ("allows_console", "allows_credentials", "requires_scope")}),
        ("Who opens it", {"fields": ("factor_minutes",), "description": FACTOR_WORDS}),
        ("What is sent along", {"fields": ("sends_tags", "sets_source_identity")}),
        ("The kill switch", {"fields": ("is_writable", "probe"), "description": KILL_SWITCH_WORDS}),
    )
    readonly_fields = ("arn", "unique_id")

    @admin.display(description="kill switch")
    def kill_switch(self, role: AwsRole) -> str:
        return "yes" if role.has_kill_switch else "none"

    @admin.display(description="ARN")
    def arn(self, role: AwsRole) -> str:
        return role.arn if role.account_id else "-"

    def get_readonly_fields(self, request: HttpRequest, obj: AwsRole | None = None) -> tuple[str, ...]:
        """Which role it is stays, once it was granted: its denies name it."""
        fixed = tuple(str(name) for name in super().get_readonly_fields(request, obj))
        return (*fixed, *FIXED) if obj is not None and obj.grants.exists() else fixed

    def get_fieldsets(self, request: HttpRequest, obj: AwsRole | None = None) -> Any:
        """Show only what the role's call takes, or still has, where its call can't be changed any more."""
        whole = super().get_fieldsets(request, obj)
        if obj is None or "method" not in self.get_readonly_fields(request, obj):
            return whole
        taken = {"region", *NEEDED.get(obj.method, ()), *OPTIONAL.get(obj.method, ())}
        shown = tuple(name for name in CALL if name in taken or getattr(obj, name))
        return [(title, {"fields": shown} if told["fields"] == CALL else told) for title, told in whole]

    def has_change_permission(self, request: HttpRequest, obj: AwsRole | None = None) -> bool:
        """What was made for a partner's grant stays as it was made, and goes with it."""
        return not (obj is not None and obj.is_made_for_partner) and super().has_change_permission(
            request, obj
        )

    def has_delete_permission(self, request: HttpRequest, obj: AwsRole | None = None) -> bool:
        return not (obj is not None and obj.is_made_for_partner) and super().has_delete_permission(
            request, obj
        )

    def formfield_for_choice_field(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> TypedChoiceField | None:
        """Nobody adds a role for a partner by hand."""
        if db_field.name == "method":
            kwargs["choices"] = [
                each for each in AwsRole.Method.choices if each[0] != AwsRole.Method.CROSS_ACCOUNT
            ]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AwsRole], search_term: str
    ) -> tuple[QuerySet[AwsRole], bool]:
        found, duplicates = super().get_search_results(request, queryset, search_term)
        wanted_by = request.GET.get("model_name")  # of the form that has the picker
        if wanted_by:
            found = found.exclude(method=AwsRole.Method.CROSS_ACCOUNT)
        return (found.filter(is_enabled=True) if wanted_by == "grant" else found), duplicates

    def save_model(self, request: HttpRequest, obj: AwsRole, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's signature
        super().save_model(request, obj, form, change)
        if obj.is_enabled and not obj.has_kill_switch:
            words = NO_KILL_SWITCH.format(role=obj.title, hours=f"{obj.max_session_seconds / 3600:g}")
            granted = obj.grants.filter(ended_at=None).count() if "is_writable" in form.changed_data else 0
            if granted:
                words += f" {granted} of its grants are living now: they have none from now on."
            self.message_user(request, words, messages.WARNING)
        if obj.method != Method.ROOT_TASK and (not change or set(IDENTITY) & set(form.changed_data)):
            # After the commit: no call to AWS inside a transaction.
            transaction.on_commit(lambda: self._read_id(request, obj))

    @admin.action(description="Read from AWS: is it there, which id has it?", permissions=["change"])
    def read_from_aws(self, request: HttpRequest, roles: QuerySet[AwsRole]) -> None:
        for role in roles.exclude(method=Method.ROOT_TASK).select_related("account")[:20]:
            self._read_id(request, role)

    def _read_id(self, request: HttpRequest, role: AwsRole) -> None:
        try:
            found = wiring.aws_ports().principals.unique_id(role.deny_target)
        except BrokerError as problem:
            words = f"{role.title} is kept, but was not found in AWS: {problem}. Mend it, then choose 'Read from AWS'."
            self.message_user(request, words, messages.WARNING)
            return
        with transaction.atomic():
            if AwsRole.objects.filter(pk=role.pk).exclude(unique_id=found).update(unique_id=found):
                record_of(request, EventType.RECORD_CHANGED, role, {"unique_id": found})
        self.message_user(request, f"{role.title} is in AWS as {found}.", messages.SUCCESS)
