from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from portal.catalog.models import AwsAccount
from portal.staff.base import CheckedForm, RecordedAdmin


class AccountForm(CheckedForm[AwsAccount]):
    def clean(self) -> dict[str, Any] | None:
        """The role that writes denies stands in this account and partition: another's would be written in its place."""
        cleaned = super().clean()
        arn = self.cleaned_data.get("revoker_role_arn")
        number = self.cleaned_data.get("account_id", self.instance.account_id)
        partition = self.cleaned_data.get("partition", self.instance.partition)
        if arn and not arn.startswith(f"arn:{partition}:iam::{number}:role/"):
            self.add_error(
                "revoker_role_arn",
                f"This role is not in account {number} of partition {partition}; it must be.",
            )
        if arn and not arn.isascii():
            self.add_error("revoker_role_arn", "IAM's names are plain ASCII letters.")
        return cleaned


@admin.register(AwsAccount)
class AccountAdmin(RecordedAdmin[AwsAccount]):
    form = AccountForm
    list_display = ("name", "account_id", "partition", "revoker_role_arn")
    list_filter = ("partition",)
    search_fields = ("name", "account_id")
    fields = ("name", "account_id", "partition", "revoker_role_arn", "created_at")
    readonly_fields = ("created_at",)

    def get_readonly_fields(self, request: HttpRequest, obj: AwsAccount | None = None) -> tuple[str, ...]:
        """Which account it is stays, once there are roles: their grants and denies name it."""
        fixed = tuple(str(name) for name in super().get_readonly_fields(request, obj))
        used = obj is not None and obj.roles.exists()
        return (*fixed, "account_id", "partition") if used else fixed
