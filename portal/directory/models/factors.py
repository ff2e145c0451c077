"""What somebody has besides their sign-in: authenticator apps, passkeys, recovery codes; and local passwords."""

import uuid

from django.db import models
from django.utils import timezone

from portal.directory.models.people import Person
from portal.directory.models.providers import ExternalIdentity


class AuthenticatorApp(models.Model):
    """A TOTP secret (RFC 6238), sealed. `last_step`: the newest time step that counted, so that none counts twice."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="authenticator_apps")
    name = models.CharField(max_length=80)
    sealed_secret = models.BinaryField()
    last_step = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="authenticator_app_name_once")]

    def __str__(self) -> str:
        return self.name


class Passkey(models.Model):
    """A WebAuthn credential: its public key, and how often it signed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=80)
    credential_id = models.BinaryField(max_length=1023, unique=True)
    public_key = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)
    transports = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="passkey_name_once")]

    def __str__(self) -> str:
        return self.name


class RecoveryCode(models.Model):
    """One of the codes that count once, for when everything else is lost. Kept as a hash of 100 random bits."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"of {self.person_id}"


class LocalPassword(models.Model):
    """The password of an account of the portal's own: Argon2, for the first admin and for emergencies."""

    identity = models.OneToOneField(
        ExternalIdentity, models.CASCADE, primary_key=True, related_name="local_password"
    )
    encoded = models.CharField(max_length=200)
    changed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"of {self.identity_id}"
