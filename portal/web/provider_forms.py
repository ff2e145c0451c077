"""The forms on the pages of identity providers."""

from django import forms

from portal.identity.operations.saml_sign_in import MAX_RESPONSE

LIFETIMES = (("90", "90 days"), ("180", "180 days"), ("365", "a year"))


class ScimTokenForm(forms.Form):
    name = forms.CharField(
        max_length=80,
        help_text="Who uses it, such as 'Entra provisioning'.",
        error_messages={"required": "Give it a name, to tell it from others later."},
    )
    lifetime = forms.ChoiceField(label="Lasts", choices=LIFETIMES, initial="365")


class ApproveForm(forms.Form):
    """`number`: how many would lose something. Whoever says yes types it."""

    typed = forms.IntegerField(
        label="How many people would lose something?",
        help_text="Type the number, to show that you have read it.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"required": "Type the number.", "invalid": "Type the number, in digits."},
    )

    def __init__(self, *args: object, number: int) -> None:
        super().__init__(*args)  # type: ignore[arg-type]  # the data, where there is any
        self.number = number

    def clean_typed(self) -> int:
        typed: int = self.cleaned_data["typed"]
        if typed != self.number:
            raise forms.ValidationError(f"That is not the number above: it is {self.number}.")
        return typed


class TryForm(forms.Form):
    response = forms.CharField(
        label="Response",
        max_length=MAX_RESPONSE,
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false", "autocomplete": "off"}),
        help_text="The SAMLResponse field as the browser posted it, or its XML. It is looked at and thrown away.",
        error_messages={"required": "Paste a response."},
    )
