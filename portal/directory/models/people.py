"""People: those of the own company, and those of partners."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.utils import timezone

from portal.directory.models.partners import Partner
from portal.directory.zones import validate_zone

PROTECT = models.PROTECT


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
    is_partner_admin = models.BooleanField(
        "is their company's admin",
        default=False,
        help_text="May manage the people of the partner that they are of.",
    )
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
    deactivated_by_company = models.BooleanField(
        default=False,
        editable=False,
        help_text="An admin of their own company did it, and may bring them back.",
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
                name="person_partner_admin_of_partner",
                condition=Q(is_partner_admin=False) | Q(partner__isnull=False),
                violation_error_message="Only a partner's person can be their company's admin.",
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
