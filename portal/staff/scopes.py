from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.utils import timezone

from brokers.errors import BrokerError
from brokers.types import Scope
from portal import wiring
from portal.catalog.models import ScopeTemplate
from portal.staff.base import CheckedForm, RecordedAdmin


class ScopeForm(CheckedForm[ScopeTemplate]):
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if "policy" in self.cleaned_data:
            self._check_sendable()
        return cleaned

    def _check_sendable(self) -> None:
        """Try it as issuing would, placeholders and all; the size of the values comes on top when it is granted."""
        try:
            check = wiring.aws_ports().check_scope
        except BrokerError:
            return  # without a hub there is nothing to try it with; granting will
        arns = tuple(self.cleaned_data.get("managed_policy_arns") or ())
        try:
            check(Scope(self.cleaned_data["policy"], arns), timezone.now() + timedelta(days=1))
        except BrokerError as problem:
            self.add_error("policy", f"AWS would not take it: {problem}.")


@admin.register(ScopeTemplate)
class ScopeAdmin(RecordedAdmin[ScopeTemplate]):
    form = ScopeForm
    list_display = ("name", "summary")
    search_fields = ("name", "summary")
    autocomplete_fields = ("roles",)
    fields = ("name", "summary", "policy", "parameters", "managed_policy_arns", "roles")
