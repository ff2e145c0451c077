"""Entitlements: what a group's members may take for themselves. Checked here as taking will be.

Nobody entitles a group that they are in: it would be granting to themselves.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone

from brokers.errors import BrokerError
from brokers.types import Scope
from portal import wiring
from portal.catalog.filling import FilledScope, fill_scope
from portal.catalog.models import AwsRole, Entitlement, ScopeTemplate
from portal.directory.models import Person
from portal.staff.base import CheckedForm, RecordedAdmin
from portal.staff.line_fields import NamesField
from portal.staff.roles import NO_KILL_SWITCH

WHAT = ("group", "role")


class EntitlementForm(CheckedForm[Entitlement]):
    """`by`: who fills it in."""

    by: Person
    scope_parameters = NamesField(
        required=False,
        label="Its parameters",
        help_text="One per line, as the scope names them: bucket = acme-reports",
    )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.errors:
            return cleaned
        told = self.cleaned_data
        group = told.get("group") or self.instance.group
        role: AwsRole = told.get("role") or self.instance.role
        self._check_other_than_own(group.pk)
        self._check_kill_switch(role, accepted=bool(told.get("accepts_no_kill_switch")))
        self._check_scope(role, told.get("scope_template"), told.get("scope_parameters") or {})
        return cleaned

    def _check_other_than_own(self, group_id: UUID) -> None:
        only_switched_off = self.changed_data == ["is_enabled"] and not self.cleaned_data["is_enabled"]
        if self.by.memberships.filter(group=group_id).exists() and not only_switched_off:
            self.add_error(None, "You are in this group: somebody else has to say what it may take.")

    def _check_kill_switch(self, role: AwsRole, *, accepted: bool) -> None:
        if accepted and role.has_kill_switch:
            self.add_error(
                "accepts_no_kill_switch",
                f"{role.title} has a kill switch: there is nothing to accept. Leave this empty.",
            )
        if not accepted and not role.has_kill_switch:
            self.add_error(
                "accepts_no_kill_switch",
                f"{role.title} has no kill switch: nothing cuts its sessions short, and nobody could take it unless "
                "you accept that here.",
            )

    def _check_scope(self, role: AwsRole, template: ScopeTemplate | None, values: Mapping[str, str]) -> None:
        if template is None:
            if role.requires_scope:
                self.add_error("scope_template", "This role can be taken with a scope only; choose one.")
            if values:
                self.add_error("scope_parameters", "Parameters need a scope.")
            return
        if not template.roles.filter(pk=role.pk).exists():
            self.add_error("scope_template", "Choose a scope that is made for this role.")
            return
        try:
            filled = fill_scope(template=template, values=values, account=role.account)
        except ValidationError as problem:
            self.add_error("scope_parameters", problem.messages)
            return
        self._check_sendable(role, filled)

    def _check_sendable(self, role: AwsRole, filled: FilledScope) -> None:
        arns = filled.managed_policy_arns
        if foreign := [arn for arn in arns if arn.split(":")[4] not in {"aws", role.account.account_id}]:
            self.add_error(
                "scope_template", f"It names {foreign[0]}, which is in another account than the role."
            )
        try:
            check = wiring.aws_ports().check_scope
        except BrokerError:
            return  # without a hub there is nothing to try it with; taking will
        try:
            check(Scope(filled.policy, arns), timezone.now() + timedelta(days=1))
        except BrokerError as problem:
            self.add_error("scope_template", f"AWS would not take it: {problem}.")


@admin.register(Entitlement)
class EntitlementAdmin(RecordedAdmin[Entitlement]):
    form = EntitlementForm
    list_display = ("group", "role", "scope_template", "longest", "is_enabled", "kill_switch")
    list_filter = ("is_enabled",)
    list_select_related = ("group", "role__account", "scope_template")
    search_fields = ("group__name", "role__title", "role__account__name")
    autocomplete_fields = ("group", "role", "scope_template")
    fields = (
        *WHAT,
        *("scope_template", "scope_parameters", "longest_minutes"),
        *("accepts_no_kill_switch", "is_enabled"),
    )

    @admin.display(description="longest", ordering="longest_minutes")
    def longest(self, entitlement: Entitlement) -> str:
        hours, minutes = divmod(entitlement.longest_minutes, 60)
        return " ".join(
            words for number, words in ((hours, f"{hours} h"), (minutes, f"{minutes} min")) if number
        )

    @admin.display(description="kill switch")
    def kill_switch(self, entitlement: Entitlement) -> str:
        return "yes" if entitlement.role.has_kill_switch else "none"

    def get_form(
        self,
        request: HttpRequest,
        obj: Entitlement | None = None,
        change: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        **kwargs: Any,
    ) -> Any:
        made = super().get_form(request, obj, change, **kwargs)
        return type(made.__name__, (made,), {"by": request.user})

    def get_readonly_fields(self, request: HttpRequest, obj: Entitlement | None = None) -> tuple[str, ...]:
        """Whose it is and of what stays, once it was taken: whoever leaves the group loses what they took by it."""
        fixed = tuple(str(name) for name in super().get_readonly_fields(request, obj))
        return (*fixed, *WHAT) if obj is not None and obj.grants.exists() else fixed

    def save_model(self, request: HttpRequest, obj: Entitlement, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's signature
        super().save_model(request, obj, form, change)
        if obj.is_enabled and not obj.role.has_kill_switch:
            hours = f"{obj.role.max_session_seconds / 3600:g}"
            words = NO_KILL_SWITCH.format(role=obj.role.title, hours=hours)
            self.message_user(request, words, messages.WARNING)
