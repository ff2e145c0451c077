"""The doctor's form. It reads what was typed; what is allowed is the operation's to say."""

from uuid import UUID

from django import forms

from portal.access.doctor.pasted import MOST
from portal.access.operations.doctor.diagnose import LONGEST_FIELD, DoctorOrder

TIMES = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]


class DoctorForm(forms.Form):
    """`more`: what is seldom known, and shown folded."""

    error_text = forms.CharField(
        label="What they saw",
        required=False,
        max_length=MOST,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text="The whole error, with the command or the profile if you have it. Leave keys out.",
    )
    role_arn = forms.CharField(
        label="Role ARN",
        required=False,
        max_length=LONGEST_FIELD,
        strip=False,
        help_text="As they use it. Not needed where the error names it.",
        widget=forms.TextInput(
            attrs={"placeholder": "arn:aws:iam::111122223333:role/…", "spellcheck": "false"}
        ),
    )
    external_id = forms.CharField(
        label="ExternalId that they send",
        required=False,
        max_length=LONGEST_FIELD,
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    sends_none = forms.BooleanField(label="They send no ExternalId", required=False)
    partner_account_number = forms.CharField(
        label="AWS account that they call from", required=False, max_length=40, help_text="12 digits."
    )
    at = forms.DateTimeField(
        label="When it failed",
        required=False,
        input_formats=TIMES,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="By your own clock. Empty: now.",
        error_messages={"invalid": "Give a date and a time, such as 2026-05-06 18:00."},
    )
    principal_arn = forms.CharField(
        label="Role or user that calls",
        required=False,
        max_length=LONGEST_FIELD,
        help_text="As aws sts get-caller-identity shows it to them.",
    )
    action = forms.CharField(
        label="Action that was refused", required=False, max_length=128, help_text="Such as s3:GetObject."
    )
    resource = forms.CharField(
        label="Resource",
        required=False,
        max_length=LONGEST_FIELD,
        help_text="Such as arn:aws:s3:::bucket/key.",
    )
    duration_seconds = forms.IntegerField(label="Seconds that they ask for", required=False, min_value=0)
    sends_tags = forms.BooleanField(label="They send session tags", required=False)
    sends_source_identity = forms.BooleanField(label="They send a source identity", required=False)

    def main(self) -> list[forms.BoundField]:
        return [self[name] for name in ("error_text", "role_arn")]

    def more(self) -> list[forms.BoundField]:
        names = ("partner_account_number", "external_id", "at", "principal_arn", "action", "resource")
        return [self[name] for name in (*names, "duration_seconds")]

    def marks(self) -> list[forms.BoundField]:
        return [self[name] for name in ("sends_none", "sends_tags", "sends_source_identity")]

    @property
    def knows_more(self) -> bool:
        """Whether something of what is folded was filled in, or is wrong: it is shown then."""
        return any(field.errors or field.value() for field in (*self.more(), *self.marks()))

    def order(self, grant_id: UUID | None) -> DoctorOrder:
        told = self.cleaned_data
        return DoctorOrder(
            role_arn=told["role_arn"],
            grant_id=None if told["role_arn"] else grant_id,
            partner_account_number=told["partner_account_number"],
            principal_arn=told["principal_arn"],
            external_id=told["external_id"],
            sends_external_id=not told["sends_none"],
            at=told["at"],
            error_text=told["error_text"],
            action=told["action"],
            resource=told["resource"],
            duration_seconds=told["duration_seconds"],
            sends_tags=told["sends_tags"],
            sends_source_identity=told["sends_source_identity"],
        )
