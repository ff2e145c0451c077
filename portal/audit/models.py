"""The audit trail: append-only by database triggers (`append_only`, migration 0002), read by who must answer for it."""

from django.db import models
from django.db.models import Q

from portal.audit.events import EventType, Outcome
from portal.kernel.actor import ActorKind


class AuditEvent(models.Model):
    """One thing that happened. Subjects are plain ids: the trail outlives nothing and depends on nothing."""

    at = models.DateTimeField()
    type = models.CharField(max_length=60, choices=[(e.value, e.value) for e in EventType])
    outcome = models.CharField(max_length=8, choices=[(o.value, o.value) for o in Outcome])
    actor_kind = models.CharField(max_length=8, choices=[(k.value, k.value) for k in ActorKind])
    actor_id = models.UUIDField(null=True)
    actor_label = models.CharField(max_length=200)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=40, blank=True)
    grant_id = models.UUIDField(null=True)
    person_id = models.UUIDField(null=True)
    role_id = models.UUIDField(null=True)
    partner_id = models.UUIDField(null=True)
    details = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="audit_outcome_known", condition=Q(outcome__in=[o.value for o in Outcome])
            ),
            models.CheckConstraint(
                name="audit_person_has_id",
                condition=~Q(actor_kind__in=[ActorKind.PERSON.value, ActorKind.TOKEN.value])
                | Q(actor_id__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["grant_id", "id"], name="audit_by_grant", condition=Q(grant_id__isnull=False)
            ),
            models.Index(
                fields=["person_id", "id"], name="audit_by_person", condition=Q(person_id__isnull=False)
            ),
            models.Index(
                fields=["partner_id", "id"], name="audit_by_partner", condition=Q(partner_id__isnull=False)
            ),
            models.Index(fields=["-at"], name="audit_by_time"),
        ]
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.type} by {self.actor_label}"
