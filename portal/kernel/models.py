"""The outbox, what a committed change owes the rest of the world; and tallies, what happened how often."""

from django.db import models


class OutboxMessage(models.Model):
    """One message, delivered at least once. `payload` holds ids alone; whoever gets it reads the state again."""

    topic = models.CharField(max_length=80)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_try_at", "id"], name="outbox_undelivered", condition=models.Q(delivered_at=None)
            ),
            models.Index(fields=["delivered_at"], name="outbox_delivered"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} #{self.pk}"


class Tally(models.Model):
    """How often something happened, over all processes since the installation began. See `portal.kernel.tallies`."""

    name = models.CharField(max_length=60)
    label = models.CharField(max_length=120, blank=True)
    amount = models.FloatField()

    class Meta:
        verbose_name_plural = "tallies"
        constraints = [models.UniqueConstraint(fields=["name", "label"], name="tally_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.label}: {self.amount}"
