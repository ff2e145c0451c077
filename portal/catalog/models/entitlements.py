"""What groups' members may take for themselves."""

import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from portal.catalog.models.roles import AwsRole
from portal.catalog.models.scopes import ScopeTemplate
from portal.directory.models import Group

PROTECT = models.PROTECT


class Entitlement(models.Model):
    """What a group's members may take for themselves: a role, scoped, for so long at a time.

    Whoever leaves the group loses what they took through it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey(Group, PROTECT, related_name="entitlements")
    role = models.ForeignKey(AwsRole, PROTECT, related_name="entitlements")
    scope_template = models.ForeignKey(
        ScopeTemplate, PROTECT, null=True, blank=True, related_name="entitlements"
    )
    scope_parameters = models.JSONField(default=dict, blank=True)
    longest_minutes = models.PositiveIntegerField(
        "longest",
        default=480,
        validators=[MinValueValidator(15), MaxValueValidator(43_200)],
        help_text="Minutes that somebody may take it for at a time: 15 to 43,200 (30 days).",
    )
    accepts_no_kill_switch = models.BooleanField(
        default=False, help_text="Whoever made it knows that nothing can cut the role's sessions short."
    )
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["group__name", "role__title"]
        constraints = [
            models.CheckConstraint(
                name="entitlement_length",
                condition=Q(longest_minutes__gte=15, longest_minutes__lte=43_200),
                violation_error_message="It may be taken for 15 to 43,200 minutes at a time.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} for {self.group}"
