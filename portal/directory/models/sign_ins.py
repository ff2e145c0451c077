"""Sign-ins: under way, what of them counted, and those that are open now."""

import uuid

from django.db import models
from django.db.models import F, Q

from portal.directory.models.people import Person
from portal.directory.models.providers import ExternalIdentity, IdentityProvider

PROTECT = models.PROTECT


class PendingSignIn(models.Model):
    """A sign-in under way at a provider: who may answer, to what, for which browser, and where to go then.

    `browser` is the hash of the browser's own cookie. `sealed_response` keeps what a provider's cross-site POST
    brought until the browser's next GET, which carries the cookie, proves that it is the browser that asked.
    `sealed_secret`: what only we may know until then (OIDC's nonce and code verifier). `person`: who asked, where
    it is to link another identity to them, or to prove a fresh second factor.
    """

    class Purpose(models.TextChoices):
        SIGN_IN = "sign_in", "sign in"
        LINK = "link", "link an identity"
        STEP_UP = "step_up", "prove a second factor"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.ForeignKey(IdentityProvider, models.CASCADE)
    request_id = models.CharField(max_length=80, unique=True)
    relay_state = models.CharField(max_length=80, unique=True)
    browser = models.CharField(max_length=64)
    next_path = models.CharField(max_length=500)
    purpose = models.CharField(max_length=8, choices=Purpose.choices, default=Purpose.SIGN_IN)
    person = models.ForeignKey(Person, models.CASCADE, null=True, related_name="+")
    is_unasked = models.BooleanField(default=False)
    sealed_secret = models.BinaryField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    sealed_response = models.BinaryField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="pending_sign_in_old")]
        constraints = [
            models.CheckConstraint(
                name="pending_sign_in_period", condition=Q(expires_at__gt=F("created_at"))
            ),
            models.CheckConstraint(
                name="pending_sign_in_person", condition=Q(purpose="sign_in") | Q(person__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"sign-in at {self.provider_id}"


class SeenAssertion(models.Model):
    """An assertion that counted. The unique constraint is what refuses its second coming."""

    provider = models.ForeignKey(IdentityProvider, models.CASCADE)
    assertion_id = models.CharField(max_length=256)
    valid_until = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["valid_until"], name="seen_assertion_old")]
        constraints = [
            models.UniqueConstraint(fields=["provider", "assertion_id"], name="assertion_counts_once")
        ]

    def __str__(self) -> str:
        return self.assertion_id


class SignIn(models.Model):
    """A browser that is signed in: by which provider, since when, with which factor. Ends with its Django session.

    `session_ref`: what the provider calls this sign-in (SAML's SessionIndex, OIDC's sid), for its log-out.
    `factor_at`: when a second factor was last given, at the provider or here. `sealed_id_token`: kept only where the
    provider's settings say so, and no longer than it is valid.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="sign_ins")
    identity = models.ForeignKey(ExternalIdentity, models.CASCADE, related_name="sign_ins")
    session_key = models.CharField(max_length=40, unique=True)
    session_ref = models.CharField(max_length=256, blank=True)
    authenticated_at = models.DateTimeField()
    factor_at = models.DateTimeField(null=True)
    factor = models.CharField(max_length=120, blank=True)
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    sealed_id_token = models.BinaryField(null=True)
    id_token_expires_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["identity", "session_ref"], name="sign_in_by_ref"),
            models.Index(fields=["expires_at"], name="sign_in_old"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} since {self.started_at}"
