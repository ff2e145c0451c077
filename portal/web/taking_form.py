"""How long, and why. What is allowed is the operation's to say."""

from collections.abc import Mapping

from django import forms

from portal.access.operations.reasons import REASON_LIMIT
from portal.web.forms import DefaultedChoice
from portal.web.presenters.offers import HOUR, length_choices, span_words


class TakeForm(forms.Form):
    """`longest`: how many minutes the entitlement allows at a time. An hour is suggested where it may be that long."""

    minutes = DefaultedChoice(label="For how long")
    reason = forms.CharField(
        label="Why",
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Such as: the error of this morning, OPS-2291. Admins and the audit trail see this.",
        error_messages={"required": "Say what it is for."},
    )

    def __init__(self, data: Mapping[str, object] | None = None, *, longest: int) -> None:
        super().__init__(data)
        minutes = self.fields["minutes"]
        assert isinstance(minutes, forms.ChoiceField)  # noqa: S101  # told to the type checker
        minutes.choices = length_choices(longest)
        minutes.help_text = f"Up to {span_words(longest)} at a time."
        minutes.initial = str(min(HOUR, longest))
