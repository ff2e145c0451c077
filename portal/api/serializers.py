"""What goes over the wire. Names of AWS stay AWS's where a client hands them on to AWS's tools."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.access.lifecycle import RevocationState
from portal.access.models import Grant, Revocation
from portal.api import states
from portal.catalog.models import AwsAccount, AwsRole
from portal.directory.models import Person


class StandInSerializer(serializers.Serializer[dict[str, Any]]):
    """Where AWS's programs find the stand-in, as settings of their own."""

    endpoint_url = serializers.CharField()
    region = serializers.CharField()


class AccountSerializer(serializers.ModelSerializer[AwsAccount]):
    class Meta:
        model = AwsAccount
        fields = ["name", "account_id", "partition", "stand_in"]

    stand_in = serializers.SerializerMethodField(
        help_text="What stands in AWS's place, as in the demo; null: AWS itself."
    )

    @extend_schema_field(StandInSerializer(allow_null=True))
    def get_stand_in(self, account: AwsAccount) -> object:
        del account
        if not settings.AWS_ENDPOINT_URL:
            return None
        return {"endpoint_url": settings.AWS_ENDPOINT_URL, "region": settings.AWS_REGION}


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
            "has_kill_switch",
            "factor_minutes",
        ]

    has_kill_switch = serializers.BooleanField(
        read_only=True, help_text="Whether the portal can cut its sessions short in AWS."
    )


class WindowSerializer(serializers.Serializer[dict[str, Any]]):
    """When a grant is open each week: ISO weekdays (Monday is 1), by the clocks of an IANA time zone."""

    days = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=7), min_length=1, max_length=7
    )
    opens = serializers.TimeField(help_text="Such as 08:00.")
    closes = serializers.TimeField(help_text="Such as 18:00; 00:00 is the end of the day.")
    zone = serializers.CharField(max_length=64, help_text="Such as Europe/Berlin.")


class RevocationSerializer(serializers.ModelSerializer[Revocation]):
    """How far ending a grant's live sessions in AWS is. Seconds count from `asked_at`: the grant's end, or a later cut.

    `applied`: AWS shows the deny. `proven`: AWS was seen to refuse a session of the same kind. `proof_note`: why
    it is applied, not proven. `cleaned`: every session that it concerned is dead.
    """

    seconds_to_applied = serializers.SerializerMethodField()
    seconds_to_proven = serializers.SerializerMethodField()
    next_try_at = serializers.SerializerMethodField(help_text="While it is failing.")

    class Meta:
        model = Revocation
        fields = [
            *("state", "asked_at", "applied_at", "proven_at", "cleaned_at", "proof_note", "attempts"),
            *("seconds_to_applied", "seconds_to_proven", "next_try_at"),
        ]

    def get_seconds_to_applied(self, revocation: Revocation) -> float | None:
        return _seconds(revocation.asked_at, revocation.applied_at)

    def get_seconds_to_proven(self, revocation: Revocation) -> float | None:
        return _seconds(revocation.asked_at, revocation.proven_at)

    def get_next_try_at(self, revocation: Revocation) -> datetime | None:
        return revocation.next_try_at if revocation.state == RevocationState.FAILING else None


class GrantSerializer(serializers.ModelSerializer[Grant]):
    """A grant. `is_open`: whether credentials can be had at this moment, by its window itself."""

    person = serializers.CharField(
        source="person.name",
        default="",
        help_text="Whose it is; empty: an AWS account's of a partner's, which comes in from there.",
    )
    subject = serializers.CharField(
        source="subject_name", help_text="The person, or the partner with its account."
    )
    partner = serializers.CharField(
        source="partner_name", help_text="The outside company; empty: the own one's."
    )
    partner_account = serializers.CharField(
        source="partner_account.account_id", default="", help_text="The partner's AWS account that it is for."
    )
    role = RoleSerializer()
    granted_by = serializers.CharField(source="granted_by.name", default="", help_text="Who made it.")
    group = serializers.CharField(
        source="entitlement.group.name",
        default="",
        help_text="Through which group its person took it: it ends when they leave that.",
    )
    is_open = serializers.SerializerMethodField()
    open_until = serializers.SerializerMethodField(help_text="When what is issued now ends; null: closed.")
    opens_at = serializers.SerializerMethodField(help_text="When it opens next; null: never again.")
    window = serializers.SerializerMethodField(help_text="When it is open each week; null: always.")
    revocation = serializers.SerializerMethodField(
        help_text="How far ending its live sessions in AWS is; null: there is nothing to end there, "
        "they run out, or the role has no kill switch."
    )

    class Meta:
        model = Grant
        fields = [
            *("id", "state", "is_open", "open_until", "opens_at", "person", "subject", "partner"),
            *("partner_account", "role", "scope_summary"),
            *("starts_at", "ends_at", "window", "reason", "ticket", "granted_by", "group", "made_at"),
            *("activated_at", "ended_at", "end_reason", "sessions_run_out", "accepted_no_kill_switch"),
            "revocation",
        ]

    def get_is_open(self, grant: Grant) -> bool:
        return grant.is_open(self.context["now"])

    def get_open_until(self, grant: Grant) -> datetime | None:
        now = self.context["now"]
        return grant.usable_until(now) if grant.is_open(now) else None

    def get_opens_at(self, grant: Grant) -> datetime | None:
        coming = grant.next_period(self.context["now"]) if grant.ended_at is None else None
        return coming.starts_at if coming else None

    @extend_schema_field(WindowSerializer(allow_null=True))
    def get_window(self, grant: Grant) -> object:
        window = grant.window
        if window is None:
            return None
        days = sorted(window.days)
        told = {"days": days, "opens": window.opens, "closes": window.closes, "zone": window.zone}
        return WindowSerializer(told).data

    @extend_schema_field(RevocationSerializer(allow_null=True))
    def get_revocation(self, grant: Grant) -> object:
        return RevocationSerializer(grant.revocation).data if hasattr(grant, "revocation") else None


class GrantFilter(serializers.Serializer[dict[str, Any]]):
    state = serializers.ChoiceField(choices=states.GRANT, required=False)


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
    """Temporary credentials, in AWS's own words. `WorksUntil`: when they cease to work, by their own policy."""

    AccessKeyId = serializers.CharField()
    SecretAccessKey = serializers.CharField()
    SessionToken = serializers.CharField()
    Expiration = serializers.DateTimeField()
    WorksUntil = serializers.DateTimeField(
        help_text="The end of the window that is open, or of the grant, written into the credentials."
    )
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
    max_age_seconds = serializers.IntegerField(
        required=False,
        help_text="With the code step_up_required: how old the second factor of the token's person may be.",
    )
    step_up_url = serializers.CharField(
        required=False,
        help_text="With step_up_required: the page where that person gives it. Then call again.",
    )


def _seconds(since: datetime, at: datetime | None) -> float | None:
    return round((at - since).total_seconds(), 3) if at else None


def utc(at: datetime) -> str:
    """Return a time as AWS writes it: whole seconds, with a Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
