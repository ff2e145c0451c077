"""Partners over the wire: companies, their own AWS accounts, what was granted to those, drift."""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.access.lifecycle import GrantState
from portal.access.models import ExternalId, Grant, PartnerRole, RoleDrift
from portal.api import states
from portal.api.serializers import AccountSerializer
from portal.directory.models import Partner, PartnerAccount

Shown = serializers.Serializer[dict[str, Any]]


class ExternalIdSerializer(serializers.ModelSerializer[ExternalId]):
    """What the partner sends with sts:AssumeRole. `accepted_until` null: it is the current one."""

    class Meta:
        model = ExternalId
        fields = ["value", "made_at", "accepted_until"]


class PartnerAccountSerializer(serializers.ModelSerializer[PartnerAccount]):
    """An AWS account of the partner's own. `external_ids`: those that are accepted now."""

    partner = serializers.UUIDField(source="partner_id")
    external_ids = serializers.SerializerMethodField()

    class Meta:
        model = PartnerAccount
        fields = ["id", "partner", "name", "account_id", "partition", "added_at", "closed_at", "external_ids"]

    @extend_schema_field(ExternalIdSerializer(many=True))
    def get_external_ids(self, account: PartnerAccount) -> object:
        now: datetime = self.context["now"]
        # Read with the account: no query for each.
        accepted = [
            each
            for each in account.external_ids.all()
            if each.accepted_until is None or each.accepted_until > now
        ]
        return ExternalIdSerializer(accepted, many=True).data


class PartnerRecordSerializer(serializers.ModelSerializer[Partner]):
    """An outside company. Nothing that it has reaches past the contract."""

    sponsor = serializers.CharField(source="sponsor.name", default="", help_text="Who answers for it.")
    deputy = serializers.CharField(source="deputy.name", default="")

    class Meta:
        model = Partner
        fields = [
            *("id", "name", "slug", "legal_name", "sponsor", "deputy", "contract_starts_at"),
            *("contract_ends_at", "data_class", "people_quota", "suspended_at"),
        ]


class MadeRoleSerializer(serializers.ModelSerializer[PartnerRole]):
    """The IAM role that is made for the grant. `last_error`: why making it fails; admins alone are told.

    `next_try_at`: when it is tried again; null where nothing fails.
    """

    arn = serializers.CharField(source="role.arn")
    max_session_seconds = serializers.IntegerField(source="role.max_session_seconds")
    state = serializers.ChoiceField(choices=states.PARTNER_ROLE)
    last_error = serializers.SerializerMethodField()
    next_try_at = serializers.SerializerMethodField()

    class Meta:
        model = PartnerRole
        fields = [
            *("arn", "state", "principal_arn", "max_session_seconds", "asked_at", "made_at"),
            *("closing_at", "closed_at", "gone_at", "last_error", "next_try_at"),
        ]

    def get_last_error(self, role: PartnerRole) -> str:
        return role.last_error if self.context["sees_all"] else ""

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_next_try_at(self, role: PartnerRole) -> datetime | None:
        return role.due_at if role.last_error else None


class PartnerGrantSerializer(serializers.ModelSerializer[Grant]):
    """A grant to a partner's own AWS account."""

    partner = serializers.CharField(source="partner_name")
    partner_account = serializers.UUIDField(source="partner_account_id")
    partner_account_number = serializers.CharField(source="partner_account.account_id")
    account = AccountSerializer(source="role.account", help_text="In which of our accounts.")
    role = MadeRoleSerializer(source="partner_role")
    end_reason = serializers.SerializerMethodField(
        help_text="Why it ended early. Why a company was suspended, or its account closed, admins alone are told."
    )

    class Meta:
        model = Grant
        fields = [
            *("id", "state", "partner", "partner_account", "partner_account_number", "account", "role"),
            *("scope_summary", "starts_at", "ends_at", "reason", "ticket", "made_at", "ended_at"),
            "end_reason",
        ]

    def get_end_reason(self, grant: Grant) -> str:
        hides = not self.context["sees_all"] and grant.state == GrantState.SUSPENDED
        return "" if hides else grant.end_reason


class DriftSerializer(serializers.ModelSerializer[RoleDrift]):
    """A way in which a role in AWS differs from what it should be. `grant` null: nobody knows whose role it is."""

    account = AccountSerializer()
    grant = serializers.UUIDField(source="partner_role.grant_id", default=None, allow_null=True)
    decided_by = serializers.CharField(source="decided_by.name", default="")

    class Meta:
        model = RoleDrift
        fields = [
            *("id", "account", "grant", "role_name", "part", "kind", "why", "wanted", "found", "state"),
            *("found_at", "seen_at", "decided_at", "decided_by", "reason", "over_at"),
        ]


class DriftFilter(Shown):
    state = serializers.ChoiceField(choices=states.DRIFT, required=False)


class SizesSerializer(Shown):
    trust = serializers.IntegerField()
    trust_limit = serializers.IntegerField()
    inline = serializers.IntegerField()
    inline_limit = serializers.IntegerField()


class FindingSerializer(Shown):
    """What is wrong with a policy. An error is never overruled."""

    severity = serializers.CharField(help_text="error, warning or note")
    code = serializers.CharField()
    where = serializers.CharField()
    text = serializers.CharField()
    advice = serializers.CharField()


class AccessSerializer(Shown):
    """What a policy lets somebody do in one service, by access level."""

    service = serializers.CharField()
    name = serializers.CharField()
    levels = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    resources = serializers.ListField(child=serializers.CharField())
    conditions = serializers.ListField(child=serializers.CharField())


class PreviewSerializer(Shown):
    """What would stand in AWS. The role's name is made with the grant, so that it is another one than here."""

    role_arn = serializers.CharField()
    principal_arn = serializers.CharField()
    trust = serializers.DictField()
    permissions = serializers.DictField()
    managed_policy_arns = serializers.ListField(child=serializers.CharField())
    sizes = SizesSerializer()
    access = AccessSerializer(many=True)
    findings = FindingSerializer(many=True)
    summary = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class LintedSerializer(Shown):
    """`findings`: worst first. `access`: what the policy would let somebody do."""

    findings = FindingSerializer(many=True)
    access = AccessSerializer(many=True)


class ParameterSerializer(Shown):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # DRF takes fields out of the class: nothing is hidden
    help_text = serializers.CharField()  # type: ignore[assignment]  # as above
    kind = serializers.CharField()
    example = serializers.CharField()


class ScopeSerializer(Shown):
    """A scope that may be granted to partners' own AWS accounts, and what it must be told."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    summary = serializers.CharField()
    parameters = ParameterSerializer(many=True)
    managed_policy_arns = serializers.ListField(child=serializers.CharField())


class DoctorStepSerializer(Shown):
    name = serializers.CharField()
    verdict = serializers.CharField(help_text="ok, stopped, maybe or unknown")
    detail = serializers.CharField()
    advice = serializers.CharField()
    paste = serializers.CharField(help_text="Text for whoever mends it, such as a policy's statement.")


class GrantDoctorSerializer(Shown):
    """In the order in which the doors of issuing are walked; the first that stopped it is the last that was reached."""

    grant = serializers.UUIDField()
    steps = DoctorStepSerializer(many=True)


class DiagnosisSerializer(Shown):
    """`stopped_by`: the name of the step; empty: nothing here stops it."""

    sentence = serializers.CharField()
    stopped_by = serializers.CharField()
    grant = serializers.UUIDField(allow_null=True, help_text="Null: there is no such role.")
    at = serializers.DateTimeField()
    steps = DoctorStepSerializer(many=True)
