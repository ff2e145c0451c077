"""What was asked of AWS under a grant, and the links that lead to the console."""

import uuid

from django.db import models
from django.db.models import F, Q

from portal.access.lifecycle import SessionState
from portal.access.models.grant import Grant

PROTECT = models.PROTECT


class AwsSession(models.Model):
    """One request for credentials or a console sign-in. Holds no secret; `access_key_id` ties it to CloudTrail."""

    class Kind(models.TextChoices):
        CREDENTIALS = "credentials", "Credentials"
        CONSOLE = "console", "Console"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    grant = models.ForeignKey(Grant, PROTECT, related_name="aws_sessions")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=[(s.value, s.value) for s in SessionState])
    call = models.CharField(max_length=40, blank=True, help_text="Which call of AWS's made it.")
    session_name = models.CharField(max_length=64)
    source_identity = models.CharField(max_length=64, blank=True)
    duration_seconds = models.PositiveIntegerField(null=True, help_text="For how long AWS was asked.")
    client = models.CharField(
        max_length=200, blank=True, help_text="By which door and program it was asked for."
    )
    userid = models.CharField(
        max_length=200,
        blank=True,
        help_text="What a deny names: aws:userid, or what stands for it (see the brokers).",
    )
    access_key_id = models.CharField(max_length=128, blank=True)
    aws_request_id = models.CharField(max_length=80, blank=True)
    destination = models.CharField(max_length=2000, blank=True)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(help_text="Until when it can live in AWS, apart from the grant's end.")
    ends_at = models.DateTimeField(
        null=True,
        help_text="When its own policy ends it, whatever becomes of the grant. Empty: as the grant.",
    )
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    failure = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = "AWS session"
        ordering = ["-asked_at"]
        constraints = [
            models.CheckConstraint(
                name="session_state_known", condition=Q(state__in=[s.value for s in SessionState])
            ),
            models.CheckConstraint(
                name="session_answered_iff_not_asked",
                condition=Q(state="asked", answered_at=None)
                | (~Q(state="asked") & Q(answered_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="session_got_names_userid", condition=~Q(state="got") | ~Q(userid="")
            ),
            models.CheckConstraint(
                name="session_expires_after_asked", condition=Q(expires_at__gt=F("asked_at"))
            ),
        ]
        indexes = [
            models.Index(fields=["grant", "expires_at"], name="session_by_grant"),
            models.Index(fields=["access_key_id"], name="session_by_key", condition=~Q(access_key_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.session_name}"


class ConsoleLink(models.Model):
    """A single-use link of the portal's own that leads its person to the console. Kept as a hash."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    grant = models.ForeignKey(Grant, PROTECT, related_name="console_links")
    digest = models.CharField(max_length=64, unique=True)
    destination = models.CharField(max_length=2000)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="console_link_ends_after_start", condition=Q(expires_at__gt=F("made_at"))
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], name="console_link_old")]

    def __str__(self) -> str:
        return f"console link for {self.grant_id}"
