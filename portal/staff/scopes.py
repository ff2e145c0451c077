from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from portal import wiring
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.catalog.linting import read_template
from portal.catalog.models import ScopeTemplate
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.staff.base import RecordedAdmin
from portal.staff.scope_form import TEXT, ScopeForm
from portal.staff.scope_reading import ShownReading, shown_reading


@admin.register(ScopeTemplate)
class ScopeAdmin(RecordedAdmin[ScopeTemplate]):
    """Scopes. The text of the library's own is the portal's: whoever wants another makes a scope of their own."""

    form = ScopeForm
    change_form_template = "admin/catalog/scopetemplate/change.html"
    list_display = ("name", "summary", "for_partners", "is_of_library")
    list_filter = ("for_partners",)
    search_fields = ("name", "summary")
    autocomplete_fields = ("roles",)
    fields = (
        *("name", "summary", "policy", "parameters", "managed_policy_arns"),
        *("for_partners", "roles", "overrule_reason", "seen"),
    )
    derived = ("overruled",)

    @admin.display(description="of the library", boolean=True, ordering="library_key")
    def is_of_library(self, scope: ScopeTemplate) -> bool:
        return bool(scope.library_key)

    def get_readonly_fields(self, request: HttpRequest, obj: ScopeTemplate | None = None) -> tuple[str, ...]:
        fixed = tuple(str(name) for name in super().get_readonly_fields(request, obj))
        return (*fixed, *TEXT) if obj is not None and obj.library_key else fixed

    def has_delete_permission(self, request: HttpRequest, obj: ScopeTemplate | None = None) -> bool:
        """A scope of the library would come back with the next migration."""
        return (obj is None or not obj.library_key) and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: ScopeTemplate, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's signature
        if form.overruling:
            self._overrule(request, obj, form)
        super().save_model(request, obj, form, change)

    def _overrule(self, request: HttpRequest, obj: ScopeTemplate, form: ScopeForm) -> None:
        actor, now = actor_of(request), database_now()
        reason = form.cleaned_data["overrule_reason"]
        said = [{"code": each.code, "where": each.where, "text": each.text} for each in form.overruling]
        more = {"reason": reason, "by": actor.label, "at": now.isoformat()}
        obj.overruled = [*obj.overruled, *({**each, **more} for each in said)]
        record(
            Entry(
                type=EventType.SCOPE_OVERRULED,
                at=now,
                actor=actor,
                details={"scope": str(obj.pk), "name": obj.name, "reason": reason, "warnings": said},
            )
        )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Show what it would let somebody do: as it stands, or as it was just sent."""
        form = context["adminform"].form
        if getattr(form, "is_looking", False) and form.is_bound and set(form.errors) <= {"__all__"}:
            context["errors"] = []  # nothing is wrong: it was sent to be looked at
        context["shown"] = _shown(form)
        return super().render_change_form(request, context, *args, **kwargs)


def _shown(form: Any) -> ShownReading | None:
    template = form.instance
    if form.is_bound or template._state.adding:  # noqa: SLF001  # Django's documented name for it
        reading = getattr(form, "reading", None)
    else:
        try:
            reading = read_template(template, analyst=wiring.policy_analyst())
        except ValidationError:
            reading = None  # it was written when less was asked; saving says what is wrong
    return shown_reading(reading, template) if reading else None
