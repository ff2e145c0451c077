"""Companies and people, and the groups that people are in."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
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
    deactivated_by_provider = models.ForeignKey(
        "IdentityProvider",
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="Whose word it was: that provider's word also brings them back. Empty: an admin's.",
    )
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
