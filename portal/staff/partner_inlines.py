"""What belongs to a partner's record: whom to write to, papers elsewhere; and its AWS accounts, to look at."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from portal.directory.models import Partner, PartnerAccount, PartnerContact, PartnerDocument
from portal.staff.base import brief, clock

CHANGE, VIEW = "directory.change_partner", "directory.view_partner"


class _PartOfPartner(admin.TabularInline[Any, Partner]):
    """Whoever may change the partner may change what belongs to it."""

    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # Django's signature
        return request.user.has_perm(VIEW) or request.user.has_perm(CHANGE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # as above
        return request.user.has_perm(CHANGE)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # as above
        return request.user.has_perm(CHANGE)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # as above
        return request.user.has_perm(CHANGE)


class ContactInline(_PartOfPartner):
    model = PartnerContact
    fields = ("name", "what_for", "email", "phone")
    verbose_name, verbose_name_plural = "contact", "contacts"


class DocumentInline(_PartOfPartner):
    """Links alone, and https ones: the papers are kept elsewhere."""

    model = PartnerDocument
    fields = ("title", "url")
    verbose_name, verbose_name_plural = "document", "documents"


class PartnerAccountInline(admin.TabularInline[PartnerAccount, Partner]):
    model = PartnerAccount
    fields = readonly_fields = ("account", "number", "partition", "external_id", "added", "closed")
    extra = 0
    can_delete = False
    verbose_name_plural = "AWS accounts"

    @admin.display(description="name")
    def account(self, account: PartnerAccount) -> str:
        page = reverse("web:partner", args=[account.partner.slug])
        return format_html('<a href="{}">{}</a>', page, account.name)

    @admin.display(description="number")
    def number(self, account: PartnerAccount) -> str:
        return account.account_id

    @admin.display(description="ExternalId")
    def external_id(self, account: PartnerAccount) -> str:
        """Show the current one, and older ones with the end of their time."""
        lines = [
            (row.value, f" until {clock(row.accepted_until)}" if row.accepted_until else "")
            for row in account.external_ids.all()[:3]
        ]
        return format_html_join(mark_safe("<br>"), "<code>{}</code>{}", lines) or "-"

    @admin.display(description="added")
    def added(self, account: PartnerAccount) -> str:
        return brief(account.added_at)

    @admin.display(description="closed")
    def closed(self, account: PartnerAccount) -> str:
        return brief(account.closed_at)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # Django's signature
        return request.user.has_perm(VIEW) or request.user.has_perm(CHANGE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # as above
        return False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # as above
        return False
