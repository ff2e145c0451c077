"""Keys of programs: a person's own to the API, a provider's to SCIM. Kept as hashes."""

import uuid
from datetime import datetime

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from portal.directory.models.people import Person
from portal.directory.models.providers import IdentityProvider

PROTECT = models.PROTECT


class ApiToken(models.Model):
    """A person's key to the API: kept as a hash, with a prefix to recognise it by, scopes and an end."""

    class Scope(models.TextChoices):
        READ_GRANTS = "grants:read", "see my grants"
        ISSUE_CREDENTIALS = "credentials:issue", "issue credentials"
        OPEN_CONSOLE = "console:open", "make console links"
        CREDENTIAL_TOKENS = "credentials:tokens", "make tokens that fetch one grant's credentials"  # a scope
        RELEASE_GRANTS = "grants:release", "give my grants back"
        TAKE_GRANTS = "grants:take", "take what my groups may take"
        MAKE_GRANTS = "grants:make", "make and extend grants (admins)"
        REVOKE_GRANTS = "grants:revoke", "revoke grants (admins)"
        SUSPEND_PARTNERS = "partners:suspend", "suspend and resume partners (admins)"
        READ_PARTNERS = (
            "partners:read",
            "see partners and their roles, ask the doctor (admins, a company's own)",
        )
        WRITE_PARTNERS = "partners:write", "add partners and their accounts, decide about drift (admins)"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, PROTECT, related_name="api_tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True, validators=[RegexValidator(r"\A[0-9a-f]{64}\Z")])
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    factor_at = models.DateTimeField(
        null=True, help_text="When its person last gave a second factor for what it does."
    )

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                name="token_ends_after_start", condition=Q(expires_at__gt=F("created_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def is_usable(self, at: datetime) -> bool:
        return not self.is_over(at) and self.person.is_active

    def is_over(self, at: datetime) -> bool:
        return self.revoked_at is not None or at >= self.expires_at


class ScimToken(models.Model):
    """A provider's key to SCIM: it provisions that provider's people and groups, and nothing else."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.ForeignKey(IdentityProvider, models.CASCADE, related_name="scim_tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True, validators=[RegexValidator(r"\A[0-9a-f]{64}\Z")])
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                name="scim_token_ends_after_start", condition=Q(expires_at__gt=F("created_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
