"""What callers send about partners. What is allowed is the operations' to say; these only read it."""

from rest_framework import serializers

from brokers.types import Partition
from portal.access.doctor.pasted import MOST
from portal.access.operations.doctor.diagnose import LONGEST_FIELD, DoctorOrder
from portal.access.operations.partners.keep_partner import FirstAccount, PartnerOrder
from portal.access.operations.partners.partner_grant_order import PartnerGrantOrder
from portal.access.operations.reasons import REASON_LIMIT
from portal.api.orders import Orders
from portal.directory.models import DataClass

DAY_SECONDS = 86_400


class PartnerAccountOrder(Orders):
    name = serializers.CharField(max_length=120, help_text="What it is for them, such as production.")
    account_id = serializers.CharField(max_length=20, help_text="12 digits.")
    partition = serializers.ChoiceField(
        choices=[p.value for p in Partition], required=False, default=Partition.AWS.value
    )


class PartnerOrderSerializer(Orders):
    """A company to be added. Times carry their zone."""

    name = serializers.CharField(max_length=120)
    slug = serializers.CharField(
        max_length=40, required=False, default="", allow_blank=True, help_text="Empty: made from the name."
    )
    sponsor = serializers.UUIDField(help_text="The id of whoever answers for it in-house.")
    deputy = serializers.UUIDField(required=False, allow_null=True, default=None)
    contract_starts_at = serializers.DateTimeField()
    contract_ends_at = serializers.DateTimeField()
    data_class = serializers.ChoiceField(
        choices=DataClass.values, required=False, default=DataClass.INTERNAL.value
    )
    account = PartnerAccountOrder(required=False, allow_null=True, default=None)

    def order(self) -> PartnerOrder:
        told = self.validated_data
        account = told["account"]
        return PartnerOrder(
            name=told["name"],
            slug=told["slug"],
            sponsor_id=told["sponsor"],
            deputy_id=told["deputy"],
            contract_starts_at=told["contract_starts_at"],
            contract_ends_at=told["contract_ends_at"],
            data_class=DataClass(told["data_class"]),
            account=_first(account) if account else None,
        )


def _first(told: dict[str, str]) -> FirstAccount:
    return FirstAccount(told["name"], told["account_id"], Partition(told["partition"]))


class CloseAccountOrder(Orders):
    reason = serializers.CharField(max_length=REASON_LIMIT)


class RotateOrder(Orders):
    reason = serializers.CharField(max_length=REASON_LIMIT)
    overlap_seconds = serializers.IntegerField(
        required=False,
        default=7 * DAY_SECONDS,
        min_value=0,
        max_value=366 * DAY_SECONDS,
        help_text="For how long the old one stays accepted; 0: not at all.",
    )


class DriftOrder(Orders):
    reason = serializers.CharField(max_length=REASON_LIMIT)


class PartnerGrantOrderSerializer(Orders):
    """A grant to a partner's own AWS account. Times carry their zone."""

    id = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="The id that the grant is to have, made by you: the same order sent again makes no second grant.",
    )
    partner_account = serializers.UUIDField(help_text="The id of the partner's AWS account.")
    account = serializers.UUIDField(help_text="The id of our account in which the role is made.")
    scope_template = serializers.UUIDField()
    scope_parameters = serializers.DictField(
        child=serializers.CharField(max_length=256), required=False, default=dict
    )
    principal_arn = serializers.CharField(
        max_length=LONGEST_FIELD,
        required=False,
        default="",
        allow_blank=True,
        help_text="Their role or user. Empty: their whole account.",
    )
    starts_at = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="Null: now."
    )
    ends_at = serializers.DateTimeField()
    reason = serializers.CharField(max_length=500)
    ticket = serializers.CharField(max_length=80, required=False, default="", allow_blank=True)
    max_session_seconds = serializers.IntegerField(required=False, default=3600)

    def order(self) -> PartnerGrantOrder:
        told = self.validated_data
        return PartnerGrantOrder(
            partner_account_id=told["partner_account"],
            account_id=told["account"],
            scope_template_id=told["scope_template"],
            scope_parameters=told["scope_parameters"],
            principal_arn=told["principal_arn"],
            starts_at=told["starts_at"],
            ends_at=told["ends_at"],
            reason=told["reason"],
            ticket=told["ticket"],
            max_session_seconds=told["max_session_seconds"],
            grant_id=told["id"],
        )


class LintOrder(Orders):
    """A policy, or a scope's template with its parameters; each judged for one of our accounts."""

    account = serializers.UUIDField(help_text="The id of our account for which it is judged.")
    policy = serializers.DictField(required=False, allow_null=True, default=None)
    scope_template = serializers.UUIDField(required=False, allow_null=True, default=None)
    scope_parameters = serializers.DictField(
        child=serializers.CharField(max_length=256), required=False, default=dict
    )


class DoctorOrderSerializer(Orders):
    """What is known of a call that failed. Give `role_arn`, `grant` or an `error_text` that names the role."""

    role_arn = serializers.CharField(
        max_length=LONGEST_FIELD, required=False, default="", allow_blank=True, trim_whitespace=False
    )
    grant = serializers.UUIDField(required=False, allow_null=True, default=None)
    partner_account_number = serializers.CharField(
        max_length=40, required=False, default="", allow_blank=True
    )
    principal_arn = serializers.CharField(
        max_length=LONGEST_FIELD, required=False, default="", allow_blank=True
    )
    external_id = serializers.CharField(
        max_length=LONGEST_FIELD,
        required=False,
        default="",
        allow_blank=True,
        trim_whitespace=False,
        help_text="Empty: it is not told. Where they send none, say so by `sends_external_id`.",
    )
    sends_external_id = serializers.BooleanField(required=False, default=True)
    at = serializers.DateTimeField(required=False, allow_null=True, default=None, help_text="Null: now.")
    error_text = serializers.CharField(max_length=MOST, required=False, default="", allow_blank=True)
    action = serializers.CharField(max_length=128, required=False, default="", allow_blank=True)
    resource = serializers.CharField(max_length=LONGEST_FIELD, required=False, default="", allow_blank=True)
    duration_seconds = serializers.IntegerField(required=False, allow_null=True, default=None)
    sends_tags = serializers.BooleanField(required=False, default=False)
    sends_source_identity = serializers.BooleanField(required=False, default=False)

    def order(self) -> DoctorOrder:
        told = dict(self.validated_data)
        return DoctorOrder(grant_id=told.pop("grant"), **told)
