"""Companies and people, and how they prove who they are."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from portal.directory.zones import validate_zone

PROTECT = models.PROTECT


class Partner(models.Model):
    """An outside company, with the contract that bounds everything it may have."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120, unique=True)
    sponsor = models.ForeignKey(
        "Person",
        PROTECT,
        null=True,
        blank=True,
        related_name="sponsored",
        help_text="Who answers for it in-house.",
    )
    contract_starts_at = models.DateTimeField()
    contract_ends_at = models.DateTimeField(help_text="No grant to its people can outlive this.")
    suspended_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since when its people have nothing and get nothing."
    )
    contact = models.EmailField(blank=True)
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="partner_contract_ends_after_start",
                condition=Q(contract_ends_at__gt=F("contract_starts_at")),
                violation_error_message="The contract must end after it starts.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PersonManager(BaseUserManager["Person"]):
    """No passwords here: people sign in at their identity provider."""

    def admit(self, *, name: str, **fields: Any) -> "Person":
        person = self.model(name=name, **fields)
        person.set_unusable_password()
        person.save(using=self._db)
        return person


class Person(AbstractBaseUser, PermissionsMixin):
    """Somebody who has an identity. Never deleted while anything points here; deactivated instead."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True, help_text="For messages. Never used to tell who somebody is.")
    partner = models.ForeignKey(Partner, PROTECT, null=True, blank=True, related_name="people")
    time_zone = models.CharField(max_length=60, default="UTC", validators=[validate_zone])
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("is an admin", default=False, help_text="May open the management pages.")
    deactivated_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    USERNAME_FIELD = "id"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects = PersonManager()

    class Meta:
        ordering = ["name", "id"]
        verbose_name_plural = "people"
        constraints = [
            models.CheckConstraint(
                name="person_active_or_deactivated_at",
                condition=Q(is_active=True) ^ Q(deactivated_at__isnull=False),
            ),
            models.CheckConstraint(
                name="person_of_partner_never_admin",
                condition=Q(partner=None) | Q(is_staff=False, is_superuser=False),
                violation_error_message="A partner's person can't be an admin.",
            ),
            models.CheckConstraint(
                name="person_superuser_is_staff", condition=Q(is_superuser=False) | Q(is_staff=True)
            ),
        ]
        indexes = [models.Index(fields=["partner", "name"], name="person_by_partner")]

    def __str__(self) -> str:
        return self.name

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ", 1)[0]

    def may(self, permission: str) -> bool:
        """Whether this is an admin with the permission: one that stayed after they ceased to be one counts nothing."""
        return self.is_staff and self.has_perm(permission)


class IdentityProvider(models.Model):
    """Where people prove who they are. SAML alone so far; its metadata is pinned here, not fetched."""

    class Kind(models.TextChoices):
        SAML = "saml", "SAML 2.0"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120, help_text="What people see on the sign-in page.")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.SAML)
    partner = models.ForeignKey(
        Partner,
        PROTECT,
        null=True,
        blank=True,
        related_name="identity_providers",
        help_text="Whose people sign in here; empty for the own company.",
    )
    is_enabled = models.BooleanField(default=True)
    entity_id = models.CharField(max_length=1024, unique=True)
    metadata = models.TextField(help_text="The provider's metadata document (XML), as it was handed over.")
    email_attribute = models.CharField(max_length=200, blank=True, default="email")
    name_attribute = models.CharField(max_length=200, blank=True, default="displayName")
    groups_attribute = models.CharField(max_length=200, blank=True, default="groups")
    admits_people = models.BooleanField(default=True, help_text="A first sign-in makes the person.")
    allow_aes_cbc = models.BooleanField(
        "allow AES-CBC",
        default=False,
        help_text="Only for providers that can't do AES-GCM; see the threat model.",
    )
    max_assertion_minutes = models.PositiveSmallIntegerField(default=70)
    sign_in_hours = models.PositiveSmallIntegerField(
        default=8, help_text="How long a sign-in counts, 1 to 24 hours."
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(name="idp_kind_known", condition=Q(kind__in=["saml"])),
            models.CheckConstraint(
                name="idp_assertion_lifetime",
                condition=Q(max_assertion_minutes__gte=1, max_assertion_minutes__lte=70),
                violation_error_message="An assertion may live 1 to 70 minutes.",
            ),
            models.CheckConstraint(
                name="idp_sign_in_age",
                condition=Q(sign_in_hours__gte=1, sign_in_hours__lte=24),
                violation_error_message="A sign-in counts 1 to 24 hours.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ExternalIdentity(models.Model):
    """Who a person is at one provider: matched exactly, by provider, format and subject; never by e-mail."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.ForeignKey(IdentityProvider, PROTECT, related_name="identities")
    person = models.ForeignKey(Person, PROTECT, related_name="identities")
    subject = models.CharField(max_length=256)
    subject_format = models.CharField(max_length=200, blank=True)
    linked_at = models.DateTimeField(default=timezone.now, editable=False)
    last_seen_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "external identities"
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "subject_format", "subject"], name="identity_means_one_person"
            ),
            models.CheckConstraint(name="identity_has_subject", condition=~Q(subject="")),
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.provider_id}"


class Group(models.Model):
    """A group of people, by the portal itself or as a provider tells it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    provider = models.ForeignKey(IdentityProvider, PROTECT, null=True, blank=True, related_name="groups")
    members: "models.ManyToManyField[Person, GroupMembership]" = models.ManyToManyField(
        Person, through="GroupMembership", related_name="member_of"
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "name"], name="group_name_per_provider"),
            # SQLite has no NULLS NOT DISTINCT: the portal's own groups have a constraint of their own.
            models.UniqueConstraint(
                fields=["name"], name="group_name_of_own", condition=Q(provider__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class GroupMembership(models.Model):
    group = models.ForeignKey(Group, models.CASCADE, related_name="memberships")
    person = models.ForeignKey(Person, models.CASCADE, related_name="memberships")
    since = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "person"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.person_id} in {self.group_id}"


class PendingSignIn(models.Model):
    """A SAML sign-in under way: which provider may answer, to what, for which browser, and where to go then.

    `browser` is the hash of the browser's own cookie. `sealed_response` keeps what the provider's cross-site POST
    brought until the browser's next GET, which carries the cookie, proves that it is the browser that asked.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.ForeignKey(IdentityProvider, models.CASCADE)
    request_id = models.CharField(max_length=80, unique=True)
    relay_state = models.CharField(max_length=80, unique=True)
    browser = models.CharField(max_length=64)
    next_path = models.CharField(max_length=500)
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


class ApiToken(models.Model):
    """A person's key to the API: kept as a hash, with a prefix to recognise it by, scopes and an end."""

    class Scope(models.TextChoices):
        READ_GRANTS = "grants:read", "see my grants"
        ISSUE_CREDENTIALS = "credentials:issue", "issue credentials"
        OPEN_CONSOLE = "console:open", "make console links"
        RELEASE_GRANTS = "grants:release", "give my grants back"
        MAKE_GRANTS = "grants:make", "make and extend grants (admins)"
        REVOKE_GRANTS = "grants:revoke", "revoke grants (admins)"
        SUSPEND_PARTNERS = "partners:suspend", "suspend and resume partners (admins)"

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
        return self.revoked_at is None and at < self.expires_at and self.person.is_active
