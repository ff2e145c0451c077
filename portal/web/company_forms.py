"""Forms of a partner's own pages."""

from collections.abc import Collection, Mapping

from django import forms

from portal.directory.models import IdentityProvider
from portal.identity.operations.subjects import NAME_ID_FORMATS, usual_format
from portal.web.forms import ReasonForm

Kind = IdentityProvider.Kind
CALLED = {
    Kind.SAML.value: "the NameID",
    Kind.OIDC.value: "the sub",
    Kind.LDAP.value: "the entry's unchanging id",
}


class ColleagueForm(forms.Form):
    """Somebody new of the company. `providers`: its own; with one alone there is nothing to choose."""

    name = forms.CharField(max_length=200, error_messages={"required": "Say what they are called."})
    email = forms.EmailField(
        label="E-mail",
        help_text="For messages. It never decides who somebody is.",
        error_messages={"required": "Write an e-mail address."},
    )
    provider = forms.ChoiceField(label="Signs in at")
    subject = forms.CharField(
        label="Identifier there",
        max_length=256,
        widget=forms.TextInput(
            attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}
        ),
        error_messages={"required": "Say what your identity provider calls them."},
    )
    subject_format = forms.ChoiceField(label="NameID format")

    def __init__(
        self, data: Mapping[str, object] | None = None, *, providers: Collection[IdentityProvider]
    ) -> None:
        super().__init__(data)
        choices = self.fields["provider"]
        assert isinstance(choices, forms.ChoiceField)  # noqa: S101  # told to the type checker
        choices.choices = [(str(each.pk), each.name) for each in providers]
        if len(providers) == 1:
            choices.initial = str(next(iter(providers)).pk)
            choices.widget = forms.HiddenInput()
        calls = sorted({f"{CALLED[each.kind]} ({each.get_kind_display()})" for each in providers})
        self.fields["subject"].help_text = f"What your identity provider calls them: {' or '.join(calls)}."
        self._choose_format(providers)

    def _choose_format(self, providers: Collection[IdentityProvider]) -> None:
        saml = [each for each in providers if each.kind == Kind.SAML]
        if not saml:
            del self.fields["subject_format"]
            return
        usual = usual_format(saml[0])
        formats = {**NAME_ID_FORMATS, **({} if usual in NAME_ID_FORMATS else {usual: usual})}
        field = self.fields["subject_format"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  # as above
        field.choices, field.initial = list(formats.items()), usual
        field.help_text = "As your provider sends it. Of another format it would be somebody else."


class ColleagueReasonForm(ReasonForm):
    def __init__(self, data: Mapping[str, object] | None = None) -> None:
        super().__init__(data)
        self.fields["reason"].help_text = "Your company's audit trail keeps it."
        self.fields["reason"].widget.attrs["maxlength"] = 300
