"""The form that grants access: it asks, and `make_grant` decides. Times are in the admin's own time zone."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef
from django.utils import timezone

from portal.access.models import Grant
from portal.access.operations.grants.make_grant import GrantOrder, WindowOrder
from portal.access.windows import DAY_NAMES
from portal.catalog.filling import ParameterField, parameter_fields, read_values
from portal.catalog.models import AwsRole, ScopeTemplate
from portal.directory.models import Person
from portal.kernel.clock import database_now
from portal.kernel.errors import DomainError, InvalidError
from portal.staff.base import zone_words
from portal.staff.widgets import KeySelect, PersonField

UNTIL = ""
DURATIONS = (
    (UNTIL, "until the end given below"),
    ("900", "15 minutes"),
    ("3600", "1 hour"),
    ("14400", "4 hours"),
    ("28800", "8 hours"),
    ("86400", "1 day"),
    ("604800", "1 week"),
    ("1209600", "2 weeks"),
)
PARAMETER = "parameter_"
CLOCK = {"type": "time", "size": 8}


class GrantForm(forms.Form):
    """`site` gives the search-as-you-type lists. A chosen scope's parameters become fields of their own."""

    person = PersonField(Person.objects.filter(is_active=True).select_related("partner"))
    role = forms.ModelChoiceField(
        AwsRole.objects.filter(is_enabled=True)
        .exclude(method=AwsRole.Method.CROSS_ACCOUNT)
        .select_related("account")
    )
    scope_template = forms.ModelChoiceField(
        # Others, such as the library's until an admin says for which roles they are, could only be refused.
        ScopeTemplate.objects.filter(Exists(AwsRole.objects.filter(scope_templates=OuterRef("pk")))),
        required=False,
        label="Scope",
        empty_label="all that the role allows",
        help_text="It narrows the role. What it needs to know is asked next.",
    )
    accepts_no_kill_switch = forms.BooleanField(
        required=False,
        label="I accept that nothing can cut its sessions short",
        help_text="Only for a role without a kill switch: its sessions run to the end that they were issued with.",
    )
    starts_at = forms.SplitDateTimeField(
        required=False, label="Starts", widget=AdminSplitDateTime, help_text="Empty: now."
    )
    duration = forms.ChoiceField(choices=DURATIONS, required=False, label="Lasts", initial="28800")
    ends_at = forms.SplitDateTimeField(required=False, label="Ends", widget=AdminSplitDateTime)
    window_days = forms.TypedMultipleChoiceField(
        choices=[(number, name) for number, name in enumerate(DAY_NAMES, start=1)],
        coerce=int,
        required=False,
        label="Days",
        widget=forms.CheckboxSelectMultiple,
    )
    window_opens = forms.TimeField(required=False, label="Opens", widget=forms.TimeInput(attrs=CLOCK))
    window_closes = forms.TimeField(
        required=False,
        label="Closes",
        widget=forms.TimeInput(attrs=CLOCK),
        help_text="00:00 is the end of the day. Earlier than it opens: on the next day.",
    )
    window_zone = forms.CharField(
        required=False,
        max_length=64,
        label="By the clocks of",
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off", "size": 30}),
        help_text="A time zone, such as Europe/Berlin. Its changes of the clocks are kept.",
    )
    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="What the access is for. The person and the auditor see it.",
    )
    ticket = forms.CharField(max_length=80, required=False)

    def __init__(self, *args: Any, site: AdminSite, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("person", "role"):
            field = self.fields[name]
            field.widget = KeySelect(Grant._meta.get_field(name), site)  # noqa: SLF001  # Django's documented name for it
            field.widget.choices = field.choices  # type: ignore[attr-defined]  # model choice fields have them
        self.fields["starts_at"].help_text = f"Empty: now. {zone_words()}"
        self.fields["ends_at"].help_text = zone_words()
        self.initial.setdefault("window_zone", timezone.get_current_timezone_name())
        self.template = self._chosen()
        for parameter in parameter_fields(self.template) if self.template else ():
            self.fields[PARAMETER + parameter.name] = _parameter(parameter)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return tuple(name for name in self.fields if name.startswith(PARAMETER))

    def _chosen(self) -> ScopeTemplate | None:
        raw = self.data.get("scope_template") if self.is_bound else self.initial.get("scope_template")
        try:
            return ScopeTemplate.objects.filter(pk=raw).first() if raw else None
        except (ValidationError, ValueError):
            return None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        chosen, ends_at = cleaned.get("duration"), cleaned.get("ends_at")
        if chosen and ends_at:
            self.add_error("duration", f"Choose '{DURATIONS[0][1]}', or leave the end empty: not both.")
        elif not chosen and not ends_at and "ends_at" not in self.errors and "duration" not in self.errors:
            self.add_error("ends_at", "Say when it ends, or choose how long it lasts.")
        self._check_window(cleaned)
        self._check_parameters(cleaned)
        role = cleaned.get("role")
        if cleaned.get("accepts_no_kill_switch") and role is not None and role.has_kill_switch:
            self.add_error(
                "accepts_no_kill_switch",
                f"{role.title} has a kill switch: there is nothing to accept. Leave this empty.",
            )
        return cleaned

    def _check_window(self, cleaned: Mapping[str, Any]) -> None:
        """Ask for the whole of a window, or for none; what it may be is the operation's to say."""
        times = ("window_opens", "window_closes")
        if cleaned.get("window_days"):
            for name in (*times, "window_zone"):
                if name not in self.errors and cleaned.get(name) in {None, ""}:
                    self.add_error(name, "The chosen days need this.")
        elif "window_days" not in self.errors and any(cleaned.get(name) is not None for name in times):
            self.add_error("window_days", "Choose the days on which it opens, or leave the times empty.")

    def _check_parameters(self, cleaned: Mapping[str, Any]) -> None:
        role = cleaned.get("role")
        if role is None or self.template is None or any(name in self.errors for name in self.parameter_names):
            return
        try:
            read_values(self.template.parameters, self._parameters(cleaned), role.account)
        except ValidationError as problem:
            for name, messages in problem.message_dict.items():
                self.add_error(PARAMETER + name, messages)

    def _parameters(self, told: Mapping[str, Any]) -> dict[str, Any]:
        return {name.removeprefix(PARAMETER): told[name] for name in self.parameter_names}

    def order(self) -> GrantOrder:
        told = self.cleaned_data
        return GrantOrder(
            person_id=told["person"].pk,
            role_id=told["role"].pk,
            starts_at=told["starts_at"],
            ends_at=self._ends_at(),
            reason=told["reason"],
            ticket=told["ticket"],
            scope_template_id=told["scope_template"].pk if told["scope_template"] else None,
            scope_parameters=self._parameters(told),
            window=self._window(),
            accepts_no_kill_switch=told["accepts_no_kill_switch"],
        )

    def _window(self) -> WindowOrder | None:
        told = self.cleaned_data
        if not told["window_days"]:
            return None
        times = (told["window_opens"], told["window_closes"])
        return WindowOrder(told["window_days"], *times, told["window_zone"].strip())

    def _ends_at(self) -> datetime:
        ends_at: datetime | None = self.cleaned_data["ends_at"]
        if ends_at is not None:
            return ends_at
        begins: datetime = self.cleaned_data["starts_at"] or database_now()
        return begins + timedelta(seconds=int(self.cleaned_data["duration"]))

    def refuse(self, refusal: DomainError) -> None:
        """Show an operation's refusal where it belongs: at its field, or above all of them."""
        field = refusal.field if isinstance(refusal, InvalidError) else ""
        self.add_error(field if field in self.fields else None, str(refusal))


def _parameter(parameter: ParameterField) -> forms.CharField:
    """What it may be depends on the role's account: the operation says."""
    return forms.CharField(
        label=parameter.label,
        max_length=2048,
        help_text=parameter.help_text,
        error_messages={"required": f"The scope needs this. {parameter.help_text}"},
        widget=forms.TextInput(attrs={"placeholder": parameter.example, "size": 40}),
    )
