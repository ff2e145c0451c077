"""Signing in a program by another device's browser (OAuth 2.0 Device Authorization Grant, RFC 8628)."""

import uuid

from django.db import models
from django.db.models import F, Q

from portal.directory.models.people import Person

PROTECT = models.PROTECT


class DeviceSignIn(models.Model):
    """One program that waits for its person. Its codes are kept as hashes; the token is made when it is fetched."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    device_digest = models.CharField(max_length=64, unique=True)
    user_digest = models.CharField(max_length=64, unique=True)
    client = models.CharField(max_length=80)
    scopes = models.JSONField(default=list)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    interval = models.PositiveSmallIntegerField(
        default=5, help_text="Seconds between two polls; grows by slow_down."
    )
    polled_at = models.DateTimeField(null=True)
    person = models.ForeignKey(Person, PROTECT, null=True, related_name="device_sign_ins")
    approved = models.BooleanField(null=True, help_text="Empty: nobody decided yet.")
    decided_at = models.DateTimeField(null=True)
    factor_at = models.DateTimeField(null=True)
    taken_at = models.DateTimeField(null=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="device_sign_in_ends_after_start", condition=Q(expires_at__gt=F("asked_at"))
            ),
            models.CheckConstraint(
                name="device_sign_in_decided_whole",
                condition=Q(approved=None, person=None, decided_at=None)
                | Q(approved__isnull=False, person__isnull=False, decided_at__isnull=False),
            ),
            models.CheckConstraint(
                name="device_sign_in_taken_only_approved",
                condition=Q(taken_at=None) | Q(approved=True, approved__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], name="device_sign_in_old")]

    def __str__(self) -> str:
        return f"{self.client} at {self.asked_at:%Y-%m-%d %H:%M}"
