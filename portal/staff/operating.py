"""What operators look at and nobody edits: alarms, holds, and denies of unknown origin that are kept."""

from django.contrib import admin

from portal.access.models import Alarm, Hold, KeptDeny
from portal.staff.base import ReadOnlyAdmin, brief


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin[Alarm]):
    list_display = ("text", "kind", "raised", "cleared")
    list_filter = ("kind",)
    search_fields = ("subject__exact",)
    search_help_text = "The id of what it is about, whole."
    ordering = ("-raised_at",)

    @admin.display(description="raised", ordering="raised_at")
    def raised(self, alarm: Alarm) -> str:
        return brief(alarm.raised_at)

    @admin.display(description="over", ordering="cleared_at")
    def cleared(self, alarm: Alarm) -> str:
        return brief(alarm.cleared_at) if alarm.cleared_at else "still open"


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin[Hold]):
    list_display = ("reason", "entered", "looked", "released", "released_by", "release_reason")
    list_select_related = ("released_by",)
    ordering = ("-entered_at",)

    @admin.display(description="since", ordering="entered_at")
    def entered(self, hold: Hold) -> str:
        return brief(hold.entered_at)

    @admin.display(description="difference looked at", ordering="looked_at")
    def looked(self, hold: Hold) -> str:
        return brief(hold.looked_at)

    @admin.display(description="released", ordering="released_at")
    def released(self, hold: Hold) -> str:
        return brief(hold.released_at) if hold.released_at else "still held"


@admin.register(KeptDeny)
class KeptDenyAdmin(ReadOnlyAdmin[KeptDeny]):
    list_display = ("userid", "document", "found", "until")
    list_select_related = ("document__account",)
    search_fields = ("userid__exact",)
    search_help_text = "A userid (as CloudTrail names it), whole."
    ordering = ("-found_at",)

    @admin.display(description="found", ordering="found_at")
    def found(self, kept: KeptDeny) -> str:
        return brief(kept.found_at)

    @admin.display(description="kept until", ordering="covers_until")
    def until(self, kept: KeptDeny) -> str:
        return brief(kept.covers_until)
