"""What is kept of issued credentials until shortly before their end, who may fetch them, and how often AWS is asked."""

import uuid
from datetime import datetime

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from portal.access.models.grant import Grant
from portal.access.models.session import AwsSession
from portal.catalog.models import AwsAccount, AwsRole
from portal.directory.models import ApiToken, Person

PROTECT = models.PROTECT
ACCESS_KEY_ID = RegexValidator(r"\AAKIA[A-Z0-9]{12,124}\Z", "An IAM user's access key id reads AKIA…")


class CredentialSlot(models.Model):
    """A grant's cached credentials, and the lease of whoever fetches them now: one at a time, of all processes.

    `key` is sealed with the portal's data keys and seals what is cached (here, or in Redis); it goes with the grant's
    end, so that what a cache still holds can be opened by nobody. `version`: of the role's and the grant's facts that
    the cached credentials were made by. `fence` grows with every lease. A refusal of AWS is kept until `refused_until`.
    """

    grant = models.OneToOneField(Grant, models.CASCADE, primary_key=True, related_name="credential_slot")
    key = models.BinaryField(blank=True)
    version = models.CharField(max_length=64, blank=True)
    session = models.ForeignKey(AwsSession, PROTECT, null=True, related_name="+", db_index=False)
    sealed = models.BinaryField(blank=True, help_text="Empty where Redis keeps it.")
    expires_at = models.DateTimeField(null=True, help_text="When the cached credentials cease to work.")
    fence = models.PositiveBigIntegerField(default=0)
    holder = models.CharField(max_length=80, blank=True)
    leased_until = models.DateTimeField(null=True)
    refused_code = models.CharField(max_length=80, blank=True)
    refused_why = models.CharField(max_length=300, blank=True)
    refused_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="credential_slot_cached_whole",
                condition=Q(expires_at=None, sealed=b"", session=None)
                | (Q(expires_at__isnull=False, session__isnull=False) & ~Q(key=b"") & ~Q(version="")),
            ),
            models.CheckConstraint(
                name="credential_slot_refusal_whole",
                condition=Q(refused_until=None, refused_code="")
                | (Q(refused_until__isnull=False) & ~Q(refused_code="")),
            ),
        ]

    def __str__(self) -> str:
        return f"credentials of {self.grant_id}"


class HandOut(models.Model):
    """To whom cached credentials were handed out: each door, client and address once for each session."""

    session = models.ForeignKey(AwsSession, models.CASCADE, related_name="hand_outs")
    door = models.CharField(max_length=80, help_text="Such as 'page', 'api', or a credential token's id.")
    ip = models.CharField(max_length=45, blank=True)
    client = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["session", "door", "ip", "client"], name="hand_out_once"),
        ]

    def __str__(self) -> str:
        return f"{self.session_id} to {self.door}"


class StsBudget(models.Model):
    """How many calls to one account's STS are left, for all (`tenant` empty) and for each tenant: a token bucket.

    `filled_at`: when somebody last asked for one. `blocked_until`: AWS throttled, `throttled` times in a row; nobody
    asks before then.
    """

    account = models.ForeignKey(AwsAccount, models.CASCADE, related_name="sts_budgets")
    tenant = models.CharField(max_length=64, blank=True)
    tokens = models.FloatField()
    filled_at = models.DateTimeField()
    blocked_until = models.DateTimeField(null=True)
    throttled = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "tenant"], name="sts_budget_once"),
            models.CheckConstraint(name="sts_budget_not_negative", condition=Q(tokens__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.tenant or 'all'}"


class CredentialToken(models.Model):
    """What a program shows to fetch one grant's credentials: kept as a hash, gone with the grant.

    `api_token`: by which it was made over the API, and which it does not outlive; None for one made in a browser.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    grant = models.ForeignKey(Grant, PROTECT, related_name="credential_tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True, validators=[RegexValidator(r"\A[0-9a-f]{64}\Z")])
    made_by = models.ForeignKey(Person, PROTECT, related_name="+", db_index=False)
    api_token = models.ForeignKey(ApiToken, PROTECT, null=True, related_name="credential_tokens")
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    factor_at = models.DateTimeField(null=True, help_text="When its person last gave a second factor for it.")

    class Meta:
        ordering = ["-made_at"]
        constraints = [
            models.CheckConstraint(
                name="credential_token_ends_after_start", condition=Q(expires_at__gt=F("made_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def is_usable(self, at: datetime) -> bool:
        is_over = self.revoked_at is not None or at >= self.expires_at
        return not is_over and (self.api_token is None or not self.api_token.is_over(at))


class UserKey(models.Model):
    """A person's own IAM user, for GetSessionToken: its access key, sealed, and the MFA device that belongs to it.

    `secret` empty: its person brings it along for each call.
    """

    role = models.OneToOneField(AwsRole, PROTECT, primary_key=True, related_name="user_key")
    person = models.ForeignKey(Person, PROTECT, related_name="user_keys")
    access_key_id = models.CharField(max_length=128, validators=[ACCESS_KEY_ID])
    secret = models.BinaryField(blank=True, editable=False)
    mfa_serial = models.CharField(max_length=256)
    kept_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="user_key_is_whole", condition=~Q(access_key_id="") & ~Q(mfa_serial="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.access_key_id} of {self.person_id}"


class UsedProof(models.Model):
    """An assertion that was handed over for credentials: it counts once. Kept until it is over."""

    digest = models.CharField(max_length=64, primary_key=True)
    over_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["over_at"], name="used_proof_old")]

    def __str__(self) -> str:
        return self.digest[:12]
