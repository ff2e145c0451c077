"""The form by which an AWS account is connected. It reads what was typed; what is allowed is the operation's to say."""

from django import forms

from brokers.types import Partition
from portal.access.operations.accounts.connect_account import AccountOrder
from portal.web.forms import DefaultedChoice

PARTITIONS = (
    (Partition.AWS.value, "aws: everywhere but the next two"),
    (Partition.CHINA.value, "aws-cn: China"),
    (Partition.US_GOV.value, "aws-us-gov: GovCloud (US)"),
)


class ConnectForm(forms.Form):
    """An account of the company's own."""

    account_id = forms.CharField(
        label="Account number",
        max_length=30,
        help_text="12 digits, as AWS shows it at the top right.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"required": "Which account?"},
    )
    name = forms.CharField(
        label="Name",
        max_length=120,
        help_text="What people here call it.",
        error_messages={"required": "What is it called?"},
    )
    partition = DefaultedChoice(label="Partition", choices=PARTITIONS, initial=Partition.AWS.value)
    lets_partners_in = forms.BooleanField(
        label="Partners may come in from their own AWS accounts",
        required=False,
        initial=True,
        help_text="Sallyport then makes a role for each of their grants, within a boundary that you keep.",
    )

    def order(self) -> AccountOrder:
        """Return what was asked for. The form must be valid."""
        asked = self.cleaned_data
        return AccountOrder(
            name=asked["name"],
            account_id=asked["account_id"],
            partition=Partition(asked["partition"]),
            lets_partners_in=asked["lets_partners_in"],
        )
