"""A page between a destructive act and its doing: what it will end, by name and number, and a reason to type."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django import forms
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest
from django.template.response import TemplateResponse

CONFIRMED = "confirmed"
MOST = 100


CUT, RUN_OUT = "cut", "run_out"


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="For the audit trail; the person sees it too.",
    )


class DefaultedChoice(forms.ChoiceField):
    """A choice that is its initial one where nothing was sent."""

    def clean(self, value: Any) -> Any:
        return super().clean(value or self.initial)


class RevokeForm(ReasonForm):
    sessions = DefaultedChoice(
        label="What is open now",
        choices=(
            (CUT, "Cut live sessions now"),
            (RUN_OUT, "Let the sessions run out: nothing more is issued"),
        ),
        initial=CUT,
        widget=forms.RadioSelect,
    )
    field_order = ("sessions", "reason")

    @property
    def cuts(self) -> bool:
        """Whether to cut, which is also what somebody gets who chose nothing."""
        return self.cleaned_data.get("sessions") != RUN_OUT


@dataclass(frozen=True, slots=True)
class Question:
    """What the page asks. `rows`: one per thing, under `headers`; `ids` travel back with the answer."""

    title: str
    lead: str
    button: str
    action: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    ids: Sequence[str]
    danger: bool = True
    nothing: str = "Nothing."


F = TypeVar("F", bound=ReasonForm)


def answered(request: HttpRequest, kind: type[F]) -> F:
    """Return the form as it was sent; unbound while the question is first asked."""
    return kind(request.POST if CONFIRMED in request.POST else None)


def ask(
    admin: ModelAdmin[Any], request: HttpRequest, question: Question, form: ReasonForm
) -> TemplateResponse:
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.model._meta,  # noqa: SLF001  # Django's documented name for it
        "title": question.title,
        "question": question,
        "form": form,
        "confirmed": CONFIRMED,
        "checkbox": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/confirm_act.html", context)
