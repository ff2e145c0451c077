"""What a company's AWS account is to be granted: a form whose fields for the scope are made from its template.

It reads what was typed, and fills the scope to say at once which value is wrong; what is allowed is the operation's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from portal.access.operations.partners.partner_grant_order import PartnerGrantOrder
from portal.access.operations.reasons import REASON_LIMIT
from portal.catalog.filling import ParameterField, fill_scope, parameter_fields
from portal.catalog.models import AwsAccount, ScopeTemplate
from portal.catalog.scopes import PLACEHOLDER
from portal.directory.models import PartnerAccount
from portal.kernel.errors import InvalidError
from portal.web.forms import DefaultedChoice

PREFIX: Final = "param-"
TWO_WEEKS: Final = timedelta(days=14)
WHEN_FORMATS: Final = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
SESSIONS: Final = (
    ("3600", "an hour"),
    ("7200", "2 hours"),
    ("14400", "4 hours"),
    ("28800", "8 hours"),
    ("43200", "12 hours"),
)
CHOOSE: Final = ("", "Choose…")
# Where an operation calls a field otherwise than the form does.
RENAMED: Final = {"max_session": "max_session_seconds"}


class WhenInput(forms.DateTimeInput):
    def __init__(self) -> None:
        super().__init__(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class PartnerGrantForm(forms.Form):
    """`theirs`: the company's open accounts; `places`: ours with a provisioner; `templates`: scopes for partners.

    `contract_ends_at`: the end suggested where two weeks would be past it. `chosen`: what the form was opened or sent
    with, as its template's own fields depend on it. Times are by the clocks of the zone that is active.
    """

    partner_account = forms.ChoiceField(
        label="From which of its accounts", error_messages={"required": "Choose one of its accounts."}
    )
    principal_arn = forms.CharField(
        label="Whom there",
        required=False,
        max_length=2048,
        help_text="Empty: the whole account, whose own admins then say who. Or the ARN of one role or user of it.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "the whole account"}
        ),
    )
    account = forms.ChoiceField(
        label="To which of our accounts", error_messages={"required": "Choose one of our accounts."}
    )
    scope_template = forms.ChoiceField(
        label="What it may do there",
        error_messages={"required": "Choose what it may do."},
        widget=forms.Select(
            attrs={
                "hx-post": "",
                "hx-trigger": "change",
                "hx-vals": '{"act": "fields"}',
                "hx-target": "#scope-fields",
                "hx-swap": "outerHTML",
            }
        ),
    )
    starts_at = forms.DateTimeField(
        label="From",
        required=False,
        input_formats=WHEN_FORMATS,
        widget=WhenInput,
        help_text="Empty: now.",
        error_messages={"invalid": "Give a date and a time, such as 2026-05-06 18:00, or leave it empty."},
    )
    ends_at = forms.DateTimeField(
        label="Until",
        input_formats=WHEN_FORMATS,
        widget=WhenInput,
        error_messages={
            "required": "Say when it is to end.",
            "invalid": "Give a date and a time, such as 2026-05-06 18:00.",
        },
    )
    reason = forms.CharField(
        label="What for",
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Such as: reading the reports for the joint project. The partner and the audit trail see it.",
        error_messages={"required": "Say what it is for."},
    )
    ticket = forms.CharField(required=False, max_length=80, help_text="A number in your own system.")
    max_session_seconds = DefaultedChoice(
        label="Longest session",
        choices=SESSIONS,
        initial="3600",
        help_text="How long credentials last that it gets by one sts:AssumeRole. All end with the grant.",
    )

    # Made by the preview's page, and in no other: an order that is sent twice from there is one grant.
    grant_id = forms.UUIDField(required=False, widget=forms.HiddenInput)
    # By the preview's page, too: what it showed is made, or nothing.
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(  # noqa: PLR0913  # keyword-only facts of one form
        self,
        data: Mapping[str, Any] | None = None,
        *,
        theirs: Sequence[PartnerAccount],
        places: Sequence[AwsAccount],
        templates: Sequence[ScopeTemplate],
        contract_ends_at: datetime,
        now: datetime,
        chosen: Mapping[str, Any],
    ) -> None:
        self.places, self.templates = places, templates
        initial = {"ends_at": min(now + TWO_WEEKS, contract_ends_at).replace(second=0, microsecond=0)}
        super().__init__(
            data, initial=initial | {key: value for key, value in chosen.items() if key != "act"}
        )
        self.template = self._found(templates, chosen.get("scope_template"))
        self._choices("partner_account", [(str(each.pk), str(each)) for each in theirs])
        self._choices("account", [(str(each.pk), str(each)) for each in places])
        self._choices("scope_template", [(str(each.pk), each.name) for each in templates], default=False)
        self.fields["ends_at"].help_text = f"By the clocks of {timezone.get_current_timezone_name()}."
        self.parameters = parameter_fields(self.template) if self.template else ()
        for parameter in self.parameters:
            self.fields[PREFIX + parameter.name] = _field_of(parameter)

    @property
    def template_words(self) -> str:
        """What the chosen scope lets somebody do, with dots where the values come."""
        return PLACEHOLDER.sub("…", self.template.summary) if self.template else ""

    @property
    def scope_fields(self) -> list[forms.BoundField]:
        return [self[PREFIX + parameter.name] for parameter in self.parameters]

    def sent(self, seen: str) -> list[tuple[str, str]]:
        """What was typed, for a page that carries it on; with the id that its grant will have, and what is seen."""
        made = {"grant_id": str(uuid4()), "seen": seen}
        return [(name, made.get(name) or str(self.data.get(name, ""))) for name in self.fields]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        account = self._found(self.places, cleaned.get("account"))
        given = all(PREFIX + each.name in cleaned for each in self.parameters)
        if self.template is None or account is None or not given:
            return cleaned
        try:
            fill_scope(template=self.template, values=self._values(cleaned), account=account)
        except ValidationError as problem:
            self._put(problem)
        return cleaned

    def order(self) -> PartnerGrantOrder:
        """Return what was asked for; only of a form that is valid."""
        asked = self.cleaned_data
        return PartnerGrantOrder(
            partner_account_id=UUID(asked["partner_account"]),
            account_id=UUID(asked["account"]),
            scope_template_id=UUID(asked["scope_template"]),
            scope_parameters=self._values(asked),
            principal_arn=asked["principal_arn"],
            starts_at=asked["starts_at"],
            ends_at=asked["ends_at"],
            reason=asked["reason"],
            ticket=asked["ticket"],
            max_session_seconds=int(asked["max_session_seconds"]),
            grant_id=asked["grant_id"],
            seen=asked["seen"],
        )

    def put_refusal(self, refusal: InvalidError) -> None:
        """Show an operation's refusal at the field that it names."""
        field = RENAMED.get(refusal.field, refusal.field)
        self.add_error(field if field in self.fields else None, str(refusal))

    def _values(self, cleaned: Mapping[str, Any]) -> dict[str, str]:
        return {each.name: cleaned[PREFIX + each.name] for each in self.parameters}

    def _put(self, problem: ValidationError) -> None:
        for name, messages in problem.message_dict.items():
            field = PREFIX + name
            # The sentence begins with the parameter's name, which the field's label says already.
            told = [_sentence(message.removeprefix(f"{name}: ")) for message in messages]
            self.add_error(field if field in self.fields else None, ValidationError(told))

    def _choices(self, name: str, choices: list[tuple[str, str]], *, default: bool = True) -> None:
        """Offer these; the only one is chosen already."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  # told to the type checker
        alone = default and len(choices) == 1
        field.choices = choices if alone else [CHOOSE, *choices]

    @staticmethod
    def _found(rows: Sequence[Any], key: object) -> Any:
        return next((row for row in rows if str(row.pk) == key), None)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _field_of(parameter: ParameterField) -> forms.CharField:
    return forms.CharField(
        label=parameter.label,
        max_length=1024,
        help_text=parameter.help_text,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": parameter.example}
        ),
        error_messages={"required": f"Give the {parameter.label.lower()}."},
    )
