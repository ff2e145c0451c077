"""The outbox, what a committed change owes the rest of the world; tallies; and attempts, where guessing is limited."""

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


class AttemptCount(models.Model):
    """How often something was tried in the current period, by a hash of what is limited: `portal.kernel.attempts`."""

    key = models.CharField(max_length=64, primary_key=True)
    number = models.PositiveIntegerField()
    until = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["until"], name="attempt_count_old")]

    def __str__(self) -> str:
        return f"{self.number} until {self.until}"
