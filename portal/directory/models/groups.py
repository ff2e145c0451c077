"""Groups of people, by the portal itself or as a provider tells them."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from portal.directory.models.people import Person
from portal.directory.models.providers import IdentityProvider

PROTECT = models.PROTECT


class Group(models.Model):
    """A group of people, by the portal itself or as a provider tells it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    provider = models.ForeignKey(IdentityProvider, PROTECT, null=True, blank=True, related_name="groups")
    external_id = models.CharField(
        max_length=256, blank=True, editable=False, help_text="What never changes about it at the provider."
    )
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
            models.UniqueConstraint(
                fields=["provider", "external_id"],
                name="group_external_id_per_provider",
                condition=~Q(external_id=""),
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
