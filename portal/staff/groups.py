"""Groups: a provider's are as it says and can only be looked at; the portal's own are the admins' to fill.

Whoever is taken out of a group loses what they took through it, in the same transaction.
"""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.forms import BaseInlineFormSet, ModelForm
from django.http import HttpRequest

from portal.catalog.models import Entitlement
from portal.directory.models import Group, GroupMembership
from portal.directory.requests import actor_of
from portal.identity.operations.own_groups import check_may_join, leave_group, note_joined
from portal.kernel.actor import Actor
from portal.kernel.errors import ForbiddenError
from portal.staff.base import RecordedAdmin


class MembershipFormSet(BaseInlineFormSet[GroupMembership, Group, ModelForm[GroupMembership]]):
    """`actor` is put in by the inline: nobody adds themselves."""

    actor: Actor

    def clean(self) -> None:
        super().clean()
        for form in self.extra_forms:
            person = form.cleaned_data.get("person") if form.is_valid() else None
            if person is None:
                continue
            try:
                check_may_join(person_id=person.pk, actor=self.actor)
            except ForbiddenError as refusal:
                raise ValidationError(str(refusal)) from None


class MembershipInline(admin.TabularInline[GroupMembership, Group]):
    model = GroupMembership
    formset = MembershipFormSet
    extra = 0
    autocomplete_fields = ("person",)
    readonly_fields = ("since",)
    verbose_name_plural = "members"

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        made = super().get_formset(request, obj, **kwargs)
        return type(made.__name__, (made,), {"actor": actor_of(request)})

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_ours(obj) and super().has_add_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_ours(obj) and super().has_delete_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # Django's signature
        """Never: one person in another's place would be a leaving that ends nothing. Remove, and add."""
        return False


class EntitlementInline(admin.TabularInline[Entitlement, Group]):
    model = Entitlement
    fields = readonly_fields = ("role", "scope_template", "longest_minutes", "is_enabled")
    extra = 0
    can_delete = False
    show_change_link = True
    verbose_name_plural = "its members may take"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # Django's signature
        return False


def is_ours(group: Group | None) -> bool:
    """A provider's groups are as the provider says."""
    return group is None or group.provider_id is None


@admin.register(Group)
class GroupAdmin(RecordedAdmin[Group]):
    list_display = ("name", "provider", "members_now")
    list_select_related = ("provider",)
    search_fields = ("name",)
    fields = ("name", "provider")
    readonly_fields = ("provider",)
    inlines = (MembershipInline, EntitlementInline)

    @admin.display(description="members")
    def members_now(self, group: Group) -> int:
        return int(getattr(group, "number", 0))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(number=Count("memberships"))

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return is_ours(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return is_ours(obj) and super().has_delete_permission(request, obj)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001  # Django's signature
        if formset.model is not GroupMembership:
            super().save_formset(request, form, formset, change)
            return
        actor = actor_of(request)
        added = formset.save(commit=False)
        ended = 0
        # By person, so that two admins who do the same take the people's locks in one order.
        for membership in sorted(formset.deleted_objects, key=lambda each: each.person_id):
            ended += leave_group(membership=membership, actor=actor)
        for membership in added:
            membership.save(force_insert=True)
            note_joined(membership=membership, actor=actor)
        if ended:
            words = f"Grants ended with their leaving: {ended}. Live sessions are being cut off in AWS."
            self.message_user(request, words, messages.WARNING)

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        """Everybody leaves first: what was held through it ends."""
        actor = actor_of(request)
        for membership in obj.memberships.order_by("person_id"):
            leave_group(membership=membership, actor=actor)
        super().delete_model(request, obj)
