"""The forms of the pages about partners. They read what was typed; what is allowed is the operations' to say."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from django import forms
from django.urls import reverse_lazy

from brokers.types import Partition
from portal.access.partner_queries import colleagues
from portal.directory.models import DataClass, Person
from portal.kernel.errors import InvalidError
from portal.web.forms import DefaultedChoice, ReasonForm

A_YEAR: Final = timedelta(days=365)
PARTITIONS: Final = [(each.value, each.value) for each in Partition]
OVERLAPS: Final = (
    ("0", "none: the old one is refused at once"),
    ("1", "an hour"),
    ("24", "a day"),
    ("168", "a week"),
    ("336", "two weeks"),
)


class ColleagueField(forms.CharField):
    """Somebody of the own company, by e-mail or by whole name; a page may suggest them."""

    def __init__(self, **kwargs: Any) -> None:
        suggests = {
            "list": "colleagues",
            "autocomplete": "off",
            "hx-get": reverse_lazy("web:partner-colleagues"),
            "hx-trigger": "input changed delay:250ms",
            "hx-target": "#colleagues",
        }
        super().__init__(max_length=320, widget=forms.TextInput(attrs=suggests), **kwargs)

    def clean(self, value: Any) -> Person | None:
        words = super().clean(value)
        if not words:
            return None
        # What a page suggests reads 'Ada Okafor (ada@example.com)'.
        name, _, address = words.partition("(")
        address = address.rstrip(" )")
        found = [one for one in colleagues(address or name, limit=10) if _is_meant(one, name, address)]
        if len(found) == 1:
            return found[0]
        if found:
            raise forms.ValidationError("Several people are called so: give the e-mail address.")
        raise forms.ValidationError("Nobody of the own company has this name or e-mail address.")


def _is_meant(person: Person, name: str, address: str) -> bool:
    if address:
        return person.email.casefold() == address.casefold()
    return name.strip().casefold() in {person.name.casefold(), person.email.casefold()}


def colleague_words(person: Person) -> str:
    return f"{person.name} ({person.email})" if person.email else person.name


class NewPartnerForm(forms.Form):
    """Days are read by the clocks of `zone`; the last day is the contract's, whole."""

    name = forms.CharField(max_length=120, error_messages={"required": "Give the company's name."})
    slug = forms.CharField(
        label="Short name",
        max_length=40,
        required=False,
        help_text="Small letters, digits and hyphens. It stands in addresses and in the path of its roles in AWS, "
        "and stays. Empty: made from the name.",
    )
    sponsor = ColleagueField(
        label="Sponsor",
        help_text="Who answers for it in-house.",
        error_messages={"required": "Say who answers for it in-house."},
    )
    deputy = ColleagueField(
        label="Deputy", required=False, help_text="Who is asked when the sponsor is gone."
    )
    first_day = forms.DateField(
        label="Contract from", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    last_day = forms.DateField(
        label="Contract until",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Its last day: nothing that it is granted outlives it.",
    )
    data_class = DefaultedChoice(
        label="Most sensitive data it may see", choices=DataClass.choices, initial=DataClass.INTERNAL.value
    )
    account_id = forms.CharField(
        label="Its AWS account number",
        required=False,
        max_length=20,
        help_text="12 digits: the account from which it comes in. More can be added later.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    account_name = forms.CharField(
        label="What that account is for them",
        required=False,
        max_length=120,
        help_text="Such as production. Empty: 'main'.",
    )
    partition = DefaultedChoice(label="Partition", choices=PARTITIONS, initial=Partition.AWS.value)

    def __init__(self, data: Mapping[str, object] | None = None, *, today: date, sponsor: Person) -> None:
        initial = {"first_day": today, "last_day": today + A_YEAR, "sponsor": colleague_words(sponsor)}
        super().__init__(data, initial=initial)

    def clean_account_id(self) -> str:
        return digits_of(self.cleaned_data["account_id"])

    def contract(self, zone: tzinfo) -> tuple[datetime, datetime]:
        """Return the beginning of its first day, and the end of its last."""
        first, last = self.cleaned_data["first_day"], self.cleaned_data["last_day"] + timedelta(days=1)
        begin, end = (datetime.combine(day, time.min, tzinfo=zone) for day in (first, last))
        return begin, end


class AccountForm(forms.Form):
    account_id = forms.CharField(
        label="Account number",
        max_length=20,
        help_text="12 digits; hyphens and spaces may stand between them.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"required": "Give the account's 12 digits."},
    )
    name = forms.CharField(
        label="What it is for them",
        max_length=120,
        help_text="Such as production.",
        error_messages={"required": "Give it a name, to tell it from others."},
    )
    partition = DefaultedChoice(label="Partition", choices=PARTITIONS, initial=Partition.AWS.value)

    def clean_account_id(self) -> str:
        return digits_of(self.cleaned_data["account_id"])


class WhyForm(ReasonForm):
    """Why, for what its subject is not told."""

    def __init__(self, data: Mapping[str, object] | None = None) -> None:
        super().__init__(data)
        self.fields["reason"].help_text = "The audit trail keeps it."


class RotateForm(WhyForm):
    overlap = DefaultedChoice(
        label="For how long both are accepted",
        choices=OVERLAPS,
        initial="168",
        help_text="AWS itself refuses the old one afterwards.",
    )
    field_order = ("overlap", "reason")

    @property
    def overlap_time(self) -> timedelta:
        return timedelta(hours=int(self.cleaned_data["overlap"]))


def digits_of(typed: str) -> str:
    """Return an account's number as AWS has it; what people put between the digits is left out."""
    return typed.replace("-", "").replace(" ", "")


def put_partner_refusal(form: NewPartnerForm, refusal: InvalidError) -> None:
    """Show an operation's refusal at the field that asked for it."""
    renamed = {"contract_starts_at": "first_day", "contract_ends_at": "last_day"}
    field = renamed.get(refusal.field, refusal.field)
    form.add_error(field if field in form.fields else None, str(refusal))
