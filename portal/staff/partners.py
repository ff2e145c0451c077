from typing import Any

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html

from portal.access.lifecycle import LIVING
from portal.access.models import Grant
from portal.directory.models import Partner
from portal.staff.base import CheckedForm, RecordedAdmin, brief


class PartnerForm(CheckedForm[Partner]):
    def clean(self) -> dict[str, Any] | None:
        """Refuse a contract that its people's living grants would outlive."""
        cleaned = super().clean()
        ends_at = self.cleaned_data.get("contract_ends_at")
        if ends_at and "contract_ends_at" in self.changed_data:
            longer = Grant.objects.filter(
                person__partner=self.instance, state__in=[s.value for s in LIVING], ends_at__gt=ends_at
            ).count()
            if longer:
                self.add_error(
                    "contract_ends_at",
                    f"{longer} of its people's grants end after this: revoke them first, then shorten the contract.",
                )
        sponsor = self.cleaned_data.get("sponsor")
        if sponsor and sponsor.partner_id:
            self.add_error("sponsor", "A sponsor is one of the own company's people.")
        return cleaned


@admin.register(Partner)
class PartnerAdmin(RecordedAdmin[Partner]):
    form = PartnerForm
    list_display = ("name", "sponsor", "contract", "contact")
    list_select_related = ("sponsor",)
    search_fields = ("name", "contact")
    autocomplete_fields = ("sponsor",)
    fields = ("name", "sponsor", "contact", "contract_starts_at", "contract_ends_at", "notes")

    @admin.display(description="contract ends", ordering="contract_ends_at")
    def contract(self, partner: Partner) -> str:
        over = " (over)" if partner.contract_ends_at <= timezone.now() else ""
        return format_html("{}{}", brief(partner.contract_ends_at), over)
