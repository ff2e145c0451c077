"""The pages' forms. They read what was typed; what is allowed is the operations' to say."""

from collections.abc import Mapping

from django import forms

from portal.access.operations.revoke_grant import REASON_LIMIT
from portal.directory.models import ApiToken, Person
from portal.kernel.errors import InvalidError

LIFETIMES = (("7", "a week"), ("30", "30 days"), ("90", "90 days"), ("365", "a year"))


class RevokeForm(forms.Form):
    reason = forms.CharField(
        label="Why",
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Its holder and the audit trail see this.",
        error_messages={"required": "Say why it ends."},
    )


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
        """`person`: whose token it is going to be; only an admin's can revoke."""
        super().__init__(data)
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)  # noqa: S101  # told to the type checker
        admin = ApiToken.Scope.REVOKE_GRANTS
        scopes.choices = [
            (scope.value, scope.label.capitalize())
            for scope in ApiToken.Scope
            if scope != admin or person.may("access.revoke_grant")
        ]


def put_refusal(form: forms.Form, refusal: InvalidError, **renamed: str) -> None:
    """Show an operation's refusal at the field it names; `renamed`: where the form calls it otherwise."""
    field = renamed.get(refusal.field, refusal.field)
    form.add_error(field if field in form.fields else None, str(refusal))
