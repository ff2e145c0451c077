"""What operators watch: the sweep's heartbeat, alarms, and the hold in which nothing is revoked or issued."""

from django.db import models
from django.db.models import F, Q

from portal.access.lifecycle import AlarmKind
from portal.directory.models import Person

PROTECT = models.PROTECT


class Sweep(models.Model):
    """The one row of the sweep: whose lease it is, and when it last ran, by the database's clock.

    `database` is the mark of the database that it last ran on: another one is a copy, such as a restored backup.
    `seen_event` is the newest audit row when it last ran.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    fence = models.PositiveBigIntegerField(default=0)
    holder = models.CharField(max_length=80, blank=True)
    leased_until = models.DateTimeField(null=True)
    ran_at = models.DateTimeField(null=True, help_text="When it last did all that was due.")
    late_seconds = models.FloatField(default=0, help_text="How late the latest end of the last run was.")
    database = models.CharField(max_length=120, blank=True)
    seen_event = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(name="sweep_one_row", condition=Q(id=1)),
            models.CheckConstraint(
                name="sweep_leased_by_somebody",
                condition=Q(leased_until=None, holder="") | (Q(leased_until__isnull=False) & ~Q(holder="")),
            ),
        ]

    def __str__(self) -> str:
        return f"sweep, last at {self.ran_at}"


class Hold(models.Model):
    """A time in which nothing is issued or revoked, until an operator has looked at the difference with AWS."""

    entered_at = models.DateTimeField()
    reason = models.CharField(max_length=300)
    looked_at = models.DateTimeField(null=True, help_text="When the difference was last made and shown.")
    released_at = models.DateTimeField(null=True)
    released_by = models.ForeignKey(Person, PROTECT, null=True, related_name="+")
    release_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-entered_at"]
        constraints = [
            models.UniqueConstraint(
                models.ExpressionWrapper(Q(released_at=None), models.BooleanField()),
                name="hold_one_at_a_time",
                condition=Q(released_at__isnull=True),
            ),
            models.CheckConstraint(name="hold_has_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="hold_released_after_a_look",
                condition=Q(released_at=None) | Q(looked_at__isnull=False, looked_at__gte=F("entered_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"hold since {self.entered_at}: {self.reason}"


class Alarm(models.Model):
    """Something that an operator must see: raised once for its subject, open until it is over."""

    kind = models.CharField(max_length=20, choices=[(k.value, k.value) for k in AlarmKind])
    subject = models.CharField(max_length=80, help_text="The id of what it is about.")
    text = models.CharField(max_length=500)
    raised_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-raised_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], name="alarm_once_while_open", condition=Q(cleared_at__isnull=True)
            ),
            models.CheckConstraint(
                name="alarm_kind_known", condition=Q(kind__in=[k.value for k in AlarmKind])
            ),
        ]
        indexes = [models.Index(fields=["-raised_at"], name="alarm_by_time")]

    def __str__(self) -> str:
        return self.text


class Reconciliation(models.Model):
    """One comparison of AWS with what the portal believes: asked for, then made. It changes nothing by itself.

    `report`: `access.differences.Report` as JSON. `outcomes`: what became of each difference that somebody had
    repaired, by its key.
    """

    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=200)
    begun_at = models.DateTimeField(null=True)
    made_at = models.DateTimeField(null=True)
    progress = models.CharField(max_length=200, blank=True)
    problem = models.CharField(max_length=300, blank=True, help_text="Why it could not be made.")
    report = models.JSONField(null=True)
    outcomes = models.JSONField(default=dict)

    class Meta:
        ordering = ["-asked_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                models.ExpressionWrapper(Q(made_at=None), models.BooleanField()),
                name="reconciliation_one_at_a_time",
                condition=Q(made_at__isnull=True),
            ),
            models.CheckConstraint(
                name="reconciliation_made_says_what",
                condition=Q(made_at=None) | Q(report__isnull=False) | ~Q(problem=""),
            ),
        ]
        indexes = [models.Index(fields=["-made_at"], name="reconciliation_by_time")]

    def __str__(self) -> str:
        return f"comparison with AWS asked for at {self.asked_at}"
