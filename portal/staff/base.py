"""What every admin page shares: each write leaves its audit row in the same transaction; history is never edited."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import models
from django.forms import Field, ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import capfirst

from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.catalog.models import AwsRole
from portal.directory.models import Partner, Person
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.staff.widgets import KeySelect

M = TypeVar("M", bound=models.Model)
MOST_COUNTED = 10_000
SHOWN = 200


class CappedPaginator(Paginator[M]):
    """Counts no further than a list is ever read by hand: a million rows cost what ten thousand do."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        return rows[:MOST_COUNTED].count() if isinstance(rows, models.QuerySet) else len(rows)


class CheckedForm(ModelForm[M], Generic[M]):
    """Checks the whole row, also fields that this form doesn't show: a constraint fails here, not in the database.

    `unchecked`: what only saving fills in.
    """

    unchecked: Collection[str] = ()

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # not in the stubs
        if self.errors:
            return
        try:
            self.instance.full_clean(exclude=self.unchecked)
        except ValidationError as problem:
            for field, messages in problem.message_dict.items():
                self.add_error(field if field in self.fields else None, messages)


class BoundedAdmin(admin.ModelAdmin[M]):
    """A list that costs the same over a million rows as over a page of them, under its own name."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = CappedPaginator
    list_per_page = 50

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        name = capfirst(str(self.opts.verbose_name_plural))
        return super().changelist_view(request, {"title": name, **(extra_context or {})})


class RecordedAdmin(BoundedAdmin[M]):
    """Adds, changes and deletes, each with an audit row. `derived`: fields that a form's checks fill in."""

    form = CheckedForm  # type: ignore[assignment]  # made for each model by Django
    derived: Sequence[str] = ()

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Field | None:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(db_field, models.DateTimeField):
            field.help_text = f"{field.help_text} {zone_words()}".strip()
        return field

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = KeySelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: M, form: Any, change: bool) -> None:  # noqa: ARG002, FBT001  # Django's signature
        if not change:
            obj.save(force_insert=True)
            return
        # Only what was changed: a form that lay open for an hour must not bring back an older state.
        columns = {field.name for field in obj._meta.concrete_fields}  # noqa: SLF001  # Django's documented name for it
        obj.save(update_fields=columns & {*form.changed_data, *self.derived})

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001  # as above
        super().save_related(request, form, formsets, change)
        told = {name: str(form.cleaned_data.get(name))[:SHOWN] for name in form.changed_data}
        for formset in formsets:
            told |= self.told_of_rows(formset)
        if told or not change:
            event = EventType.RECORD_CHANGED if change else EventType.RECORD_ADDED
            record_of(request, event, form.instance, told)

    def told_of_rows(self, formset: Any) -> dict[str, str]:
        """Return what the audit trail is told of the rows that belong to the record."""
        rows = len(formset.new_objects) + len(formset.changed_objects) + len(formset.deleted_objects)
        return {formset.prefix: f"{rows} rows"} if rows else {}

    def delete_model(self, request: HttpRequest, obj: M) -> None:
        record_of(request, EventType.RECORD_DELETED, obj, {})
        super().delete_model(request, obj)


class ReadOnlyAdmin(BoundedAdmin[M]):
    """Shows what only operations change."""

    actions: Sequence[str] | None = None

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002  # Django's signature
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:  # noqa: ARG002  # as above
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:  # noqa: ARG002  # as above
        return False


class SuperuserWrites(admin.ModelAdmin[M]):
    """For what could make anybody anyone: only superusers add, change or delete; others may look, by permission."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:  # noqa: ARG002  # as above
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:  # noqa: ARG002  # as above
        return is_superuser(request)


def is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


def record_of(request: HttpRequest, event: EventType, obj: models.Model, changes: Mapping[str, str]) -> None:
    """Write the audit row of one record's change into the running transaction."""
    record(
        Entry(
            type=event,
            at=database_now(),
            actor=actor_of(request),
            person_id=obj.pk if isinstance(obj, Person) else None,
            role_id=obj.pk if isinstance(obj, AwsRole) else None,
            partner_id=obj.pk if isinstance(obj, Partner) else None,
            details={
                "record": str(obj._meta.verbose_name),  # noqa: SLF001  # Django's documented name for it
                "id": str(obj.pk),
                "name": str(obj)[:SHOWN],
                "fields": sorted(changes),
                "values": dict(changes),
            },
        )
    )


def clock(at: datetime | None) -> str:
    """Return a time in the admin's own zone, with the zone's name; a dash for none."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S %Z}" if at else "-"


def brief(at: datetime | None) -> str:
    """Return a time for a list: to the minute, the rest on hover."""
    if at is None:
        return "-"
    here = timezone.localtime(at)
    year = "" if here.year == timezone.localtime().year else f"{here:%Y} "
    words = f"{here.day} {here:%b} {year}{here:%H:%M}".replace(" ", "\N{NO-BREAK SPACE}")
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), clock(at), words)


def zone_words() -> str:
    now = timezone.localtime()
    return f"In your time zone, {timezone.get_current_timezone_name()} (UTC{now:%z})."
