"""The pages' forms. They read what was typed; what is allowed is the operations' to say."""

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.utils import timezone

from portal.access.operations.reasons import REASON_LIMIT
from portal.directory.models import ApiToken, Person
from portal.kernel.errors import InvalidError

LIFETIMES = (("7", "a week"), ("30", "30 days"), ("90", "90 days"), ("365", "a year"))


# What a token can be good for only when its person has the permission.
ADMINS_SCOPES: Final[Mapping[str, str]] = {
    ApiToken.Scope.MAKE_GRANTS: "access.make_grant",
    ApiToken.Scope.REVOKE_GRANTS: "access.revoke_grant",
    ApiToken.Scope.SUSPEND_PARTNERS: "directory.change_partner",
    ApiToken.Scope.READ_PARTNERS: "directory.view_partner",
    ApiToken.Scope.WRITE_PARTNERS: "directory.change_partner",
}
CUT, RUN_OUT = "cut", "run_out"


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Why",
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Its holder and the audit trail see this.",
        error_messages={"required": "Say why."},
    )


class DefaultedChoice(forms.ChoiceField):
    """A choice that is its initial one where nothing was sent."""

    def clean(self, value: Any) -> Any:
        return super().clean(value or self.initial)


class RevokeForm(ReasonForm):
    """`choice`: whether there is anything to choose: live sessions, and a kill switch for them."""

    sessions = DefaultedChoice(
        label="What is open now",
        choices=((CUT, "Cut live sessions now"), (RUN_OUT, "Let the sessions run out")),
        widget=forms.RadioSelect,
        initial=CUT,
    )
    field_order = ("sessions", "reason")

    def __init__(
        self, data: Mapping[str, object] | None = None, *, choice: bool, run_out_words: str = ""
    ) -> None:
        super().__init__(data)
        if not choice:
            del self.fields["sessions"]
        elif run_out_words:
            sessions = self.fields["sessions"]
            assert isinstance(sessions, forms.ChoiceField)  # noqa: S101  # told to the type checker
            words = f"Let the sessions run out: {run_out_words}"
            sessions.choices = [(CUT, "Cut live sessions now: AWS refuses them"), (RUN_OUT, words)]

    @property
    def cuts(self) -> bool:
        """Whether to cut, which is also what somebody gets who chose nothing."""
        return self.cleaned_data.get("sessions") != RUN_OUT


class ReleaseForm(forms.Form):
    reason = forms.CharField(
        label="Why",
        max_length=REASON_LIMIT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Such as: done earlier than planned. The audit trail keeps it.",
    )


class ExtendForm(ReasonForm):
    """The new end is read by the clocks of the zone that is active."""

    ends_at = forms.DateTimeField(
        label="New end",
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={
            "required": "Say when it is to end.",
            "invalid": "Give a date and a time, such as 2026-05-06 18:00.",
        },
    )
    field_order = ("ends_at", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["ends_at"].help_text = f"By the clocks of {timezone.get_current_timezone_name()}."


class TokenForm(forms.Form):
    name = forms.CharField(
        max_length=80,
        help_text="What it is for, such as 'nightly report'.",
        error_messages={"required": "Give it a name, to tell it from others later."},
    )
    scopes = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, error_messages={"required": "Choose one at least."}
    )
    lifetime = forms.ChoiceField(label="Lasts", choices=LIFETIMES, initial="30")

    def __init__(self, data: Mapping[str, object] | None = None, *, person: Person) -> None:
        """`person`: whose token it is going to be; only an admin's can do what admins do."""
        super().__init__(data)
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)  # noqa: S101  # told to the type checker
        scopes.choices = [
            (scope.value, scope.label.capitalize()) for scope in ApiToken.Scope if _is_good_for(person, scope)
        ]


def _is_good_for(person: Person, scope: ApiToken.Scope) -> bool:
    """Whether a token of theirs could do anything with it; a company's own admin reads what is its."""
    if scope == ApiToken.Scope.READ_PARTNERS and person.is_partner_admin:
        return True
    return scope not in ADMINS_SCOPES or person.may(ADMINS_SCOPES[scope])


def put_refusal(form: forms.Form, refusal: InvalidError, **renamed: str) -> None:
    """Show an operation's refusal at the field it names; `renamed`: where the form calls it otherwise."""
    field = renamed.get(refusal.field, refusal.field)
    form.add_error(field if field in form.fields else None, str(refusal))
