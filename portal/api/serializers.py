"""What goes over the wire. Names of AWS stay AWS's where a client hands them on to AWS's tools."""

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from portal.access.lifecycle import GrantState
from portal.access.models import Grant
from portal.access.operations.revoke_grant import REASON_LIMIT
from portal.catalog.models import AwsAccount, AwsRole
from portal.directory.models import Person


class AccountSerializer(serializers.ModelSerializer[AwsAccount]):
    class Meta:
        model = AwsAccount
        fields = ["name", "account_id", "partition"]


class RoleSerializer(serializers.ModelSerializer[AwsRole]):
    account = AccountSerializer()

    class Meta:
        model = AwsRole
        fields = [
            "id",
            "title",
            "description",
            "arn",
            "method",
            "account",
            "allows_console",
            "allows_credentials",
        ]


class GrantSerializer(serializers.ModelSerializer[Grant]):
    """A grant. `is_open`: whether credentials can be had at this moment, by its window itself."""

    role = RoleSerializer()
    granted_by = serializers.CharField(source="granted_by.name", default="", help_text="Who made it.")
    is_open = serializers.SerializerMethodField()
    revocation = serializers.SerializerMethodField(help_text="How far ending its live sessions in AWS is.")

    class Meta:
        model = Grant
        fields = [
            *("id", "state", "is_open", "role", "scope_summary", "starts_at", "ends_at", "reason", "ticket"),
            *("granted_by", "made_at", "activated_at", "ended_at", "end_reason", "revocation"),
        ]

    def get_is_open(self, grant: Grant) -> bool:
        return grant.is_open(self.context["now"])

    def get_revocation(self, grant: Grant) -> str | None:
        return grant.revocation.state if hasattr(grant, "revocation") else None


class GrantFilter(serializers.Serializer[dict[str, Any]]):
    state = serializers.ChoiceField(choices=[s.value for s in GrantState], required=False)


class MeSerializer(serializers.ModelSerializer[Person]):
    partner = serializers.CharField(source="partner.name", default=None)
    scopes = serializers.SerializerMethodField(help_text="The token's scopes; null for a signed-in browser.")

    class Meta:
        model = Person
        fields = ["id", "name", "email", "partner", "time_zone", "scopes"]

    def get_scopes(self, person: Person) -> list[str] | None:
        del person
        scopes: list[str] | None = self.context["scopes"]
        return scopes


class CredentialsSerializer(serializers.Serializer[dict[str, Any]]):
    """Temporary credentials, in AWS's own words. `GrantEndsAt`: when they stop working at the latest."""

    AccessKeyId = serializers.CharField()
    SecretAccessKey = serializers.CharField()
    SessionToken = serializers.CharField()
    Expiration = serializers.DateTimeField()
    GrantEndsAt = serializers.DateTimeField()


class ConsoleLinkOrder(serializers.Serializer[dict[str, Any]]):
    destination = serializers.CharField(
        max_length=2000,
        required=False,
        default="",
        allow_blank=True,
        help_text="An address in the AWS console.",
    )


class ConsoleLinkSerializer(serializers.Serializer[dict[str, Any]]):
    """A link of the portal's own: it works once, for its person, signed in."""

    url = serializers.CharField()
    expires_at = serializers.DateTimeField()


class RevokeOrder(serializers.Serializer[dict[str, Any]]):
    reason = serializers.CharField(max_length=REASON_LIMIT)


class FieldErrorSerializer(serializers.Serializer[dict[str, Any]]):
    field = serializers.CharField()
    message = serializers.CharField()


class ProblemSerializer(serializers.Serializer[dict[str, Any]]):
    """Problem details (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    request_id = serializers.CharField()
    retryable = serializers.BooleanField(required=False)


def utc(at: datetime) -> str:
    """Return a time as AWS writes it: whole seconds, with a Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
