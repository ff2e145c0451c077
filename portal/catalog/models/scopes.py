"""Scopes: session policies with parameters."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from portal.catalog.models.roles import AwsRole
from portal.catalog.scopes import (
    validate_managed_policies,
    validate_parameters,
    validate_placeholders,
    validate_scope_policy,
)


class ScopeTemplate(models.Model):
    """A session policy with parameters, such as one bucket read-only. Placeholders read `{{name}}`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120, unique=True)
    summary = models.CharField(
        max_length=200, help_text="What it lets people do, in words; may use the placeholders."
    )
    policy = models.JSONField(validators=[validate_scope_policy])
    parameters = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_parameters],
        help_text='Name and kind of each placeholder, such as {"bucket": "bucket_name"}.',
    )
    managed_policy_arns = models.JSONField(default=list, blank=True, validators=[validate_managed_policies])
    roles: "models.ManyToManyField[AwsRole, models.Model]" = models.ManyToManyField(
        AwsRole, related_name="scope_templates", blank=True, help_text="The roles it may be used with."
    )
    for_partners = models.BooleanField(
        "for partners' own accounts",
        default=False,
        help_text="A role may be made of it for a partner that comes from its own AWS account.",
    )
    library_key = models.CharField(
        max_length=60,
        blank=True,
        editable=False,
        help_text="Which template of the library it is; that one's text is kept up to date by the portal.",
    )
    overruled = models.JSONField(
        default=list,
        blank=True,
        editable=False,
        help_text="Warnings that an admin overruled: code, where, reason, by, at.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["library_key"], name="scope_of_library_once", condition=~Q(library_key="")
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        validate_placeholders(self.policy, self.summary, self.parameters)
