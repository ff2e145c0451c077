from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from portal.access.lifecycle import PartnerRoleState
from portal.access.models import PartnerRole
from portal.access.operations.credentials.account_hubs import reached_exactly
from portal.catalog.models import AwsAccount
from portal.staff.account_hubs import HubInline
from portal.staff.base import SHOWN, CheckedForm, RecordedAdmin

# Of a hub's row.
TOLD = frozenset({"kind", "region", "access_key_id", "role_arn", "token_file"})


class AccountForm(CheckedForm[AwsAccount]):
    def clean_revoker_role_arn(self) -> str:
        return self._plain("revoker_role_arn")

    def clean_provisioner_role_arn(self) -> str:
        arn = self._plain("provisioner_role_arn")
        standing = PartnerRole.objects.filter(role__account=self.instance)
        number = standing.exclude(state=PartnerRoleState.GONE.value).count()
        if number and not arn:
            raise ValidationError(
                f"{number} roles were made here for partners, and it is by this one that they are closed and taken "
                "away: revoke their grants first."
            )
        return arn

    def _plain(self, field: str) -> str:
        arn = str(self.cleaned_data[field])
        if not arn.isascii():
            raise ValidationError("IAM's names are plain ASCII letters.")
        return arn


@admin.register(AwsAccount)
class AccountAdmin(RecordedAdmin[AwsAccount]):
    form = AccountForm
    list_display = ("name", "account_id", "partition", "revoker_role_arn", "provisioner_role_arn")
    list_filter = ("partition",)
    search_fields = ("name", "account_id")
    fields = (
        *("name", "account_id", "partition", "revoker_role_arn", "provisioner_role_arn"),
        *("is_reached", "created_at"),
    )
    readonly_fields = ("is_reached", "created_at")
    inlines = (HubInline,)

    def told_of_rows(self, formset: Any) -> dict[str, str]:
        """Tell the trail as whom the account is reached from now on: all but the secret and the ExternalId."""
        told = super().told_of_rows(formset)
        for form in formset.forms if told else ():
            shown = {
                name: str(form.cleaned_data.get(name))[:SHOWN] for name in form.changed_data if name in TOLD
            }
            kept_back = sorted(set(form.changed_data) - set(shown))
            told |= {f"{formset.prefix}.{name}": value for name, value in shown.items()}
            told |= {f"{formset.prefix}.{name}": "changed" for name in kept_back}
        return told

    @admin.display(description="reached as")
    def is_reached(self, account: AwsAccount) -> str:
        return reached_exactly(account)

    def get_readonly_fields(self, request: HttpRequest, obj: AwsAccount | None = None) -> tuple[str, ...]:
        """Which account it is stays, once there are roles: their grants and denies name it."""
        fixed = tuple(str(name) for name in super().get_readonly_fields(request, obj))
        used = obj is not None and obj.roles.exists()
        return (*fixed, "account_id", "partition") if used else fixed
