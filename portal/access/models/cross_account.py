"""Partners that come in from their own AWS accounts: ExternalIds, their proofs, and the roles made for grants."""

import uuid

from django.db import models
from django.db.models import F, Q

from brokers.types import DriftKind
from portal.access.lifecycle import DriftState, PartnerRoleState, ProofKind, ProofState
from portal.access.models.grant import Grant
from portal.catalog.models import AwsAccount, AwsRole
from portal.directory.models import PartnerAccount, Person

PROTECT = models.PROTECT


class ExternalId(models.Model):
    """What a partner must send with sts:AssumeRole: a UUID made here, unique for it and its account.

    `accepted_until` empty: it is the current one. An older one is accepted until then, and AWS itself ends it.
    """

    partner_account = models.ForeignKey(PartnerAccount, PROTECT, related_name="external_ids")
    value = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(Person, PROTECT, null=True, related_name="+")
    accepted_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-made_at", "-pk"]
        verbose_name = "ExternalId"
        constraints = [
            models.UniqueConstraint(
                fields=["partner_account"],
                name="external_id_one_current",
                condition=Q(accepted_until__isnull=True),
            ),
            models.CheckConstraint(
                name="external_id_accepted_after_made",
                condition=Q(accepted_until=None) | Q(accepted_until__gte=F("made_at")),
            ),
        ]

    def __str__(self) -> str:
        return str(self.value)


class ExternalIdProof(models.Model):
    """One proof by real calls, on a twin role in one of our accounts: what AWS answers with which ExternalId.

    `steps`: what, expected, answer, is_ok, at; in the order in which they were made.
    """

    partner_account = models.ForeignKey(PartnerAccount, PROTECT, related_name="proofs")
    external_id = models.ForeignKey(ExternalId, PROTECT, related_name="proofs")
    account = models.ForeignKey(AwsAccount, PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=[(k.value, k.value) for k in ProofKind])
    state = models.CharField(max_length=8, choices=[(s.value, s.value) for s in ProofState])
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, help_text="When it is tried next; empty: it is over.")
    leased_until = models.DateTimeField(null=True)
    fence = models.PositiveBigIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)
    steps = models.JSONField(default=list)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-asked_at", "-pk"]
        verbose_name = "proof of an ExternalId"
        verbose_name_plural = "proofs of ExternalIds"
        constraints = [
            models.CheckConstraint(
                name="external_id_proof_done_iff_over",
                condition=Q(state__in=["proven", "failed"], done_at__isnull=False, due_at=None)
                | Q(state="asked", done_at=None, due_at__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["external_id", "account", "kind"],
                name="external_id_proof_asked_once",
                condition=Q(done_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="external_id_proof_due", condition=Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of an ExternalId of {self.partner_account_id}: {self.state}"


class PartnerRole(models.Model):
    """The IAM role that is made for one grant to a partner: a row before it is an act, worked on until AWS shows it.

    `wanted` grows with every change of what it should be; a worker that brought it to AWS writes what it brought to
    `written`. `due_at`: when to work on it next; empty: nothing is to be done but to look (`check_at`).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    grant = models.OneToOneField(Grant, PROTECT, related_name="partner_role")
    role = models.OneToOneField(AwsRole, PROTECT, related_name="partner_role")
    principal_arn = models.CharField(max_length=2048, help_text="Whom its trust policy names.")
    state = models.CharField(max_length=8, choices=[(s.value, s.value) for s in PartnerRoleState])
    wanted = models.PositiveIntegerField(default=1)
    written = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField()
    made_at = models.DateTimeField(null=True, help_text="When AWS first showed it as it should be.")
    closing_at = models.DateTimeField(null=True, help_text="When it was to go.")
    closed_at = models.DateTimeField(
        null=True, help_text="When nobody could get in and its sessions were cut."
    )
    gone_at = models.DateTimeField(null=True, help_text="When AWS said that there is no such role.")
    behind_since = models.DateTimeField(
        null=True, help_text="Since when AWS has not been brought to what it should be; empty: it has."
    )
    unsure_until = models.DateTimeField(
        null=True,
        help_text="Until when a call of a worker that was overtaken may still land: it is not called gone before.",
    )
    due_at = models.DateTimeField(null=True)
    check_at = models.DateTimeField(null=True, help_text="When to compare with AWS next.")
    checked_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)
    fence = models.PositiveBigIntegerField(default=0)
    holder = models.CharField(max_length=80, blank=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-asked_at"]
        verbose_name = "partner's role"
        constraints = [
            models.CheckConstraint(
                name="partner_role_state_known",
                condition=Q(state__in=[s.value for s in PartnerRoleState]),
            ),
            models.CheckConstraint(
                name="partner_role_gone_at_iff_gone",
                condition=Q(state="gone", gone_at__isnull=False, due_at=None, check_at=None)
                | (~Q(state="gone") & Q(gone_at=None)),
            ),
            models.CheckConstraint(
                name="partner_role_standing_was_made",
                condition=~Q(state="standing") | Q(made_at__isnull=False),
            ),
            models.CheckConstraint(
                name="partner_role_closing_at_iff_closing",
                condition=Q(state__in=["closing", "gone"], closing_at__isnull=False)
                | Q(state__in=["making", "standing"], closing_at=None),
            ),
            models.CheckConstraint(
                name="partner_role_unfinished_is_due",
                condition=Q(state__in=["standing", "gone"]) | Q(due_at__isnull=False),
            ),
            models.CheckConstraint(
                name="partner_role_leased_by_somebody",
                condition=Q(leased_until=None, holder="") | (Q(leased_until__isnull=False) & ~Q(holder="")),
            ),
            models.CheckConstraint(
                name="partner_role_written_not_ahead", condition=Q(written__lte=F("wanted"))
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="partner_role_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["check_at"], name="partner_role_check", condition=Q(check_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.role.arn}: {self.state}"


class RoleDrift(models.Model):
    """A way in which what stands in AWS under the portal's path for partners differs from what should.

    `partner_role` empty: nobody knows whose role it is. `digest`: of what was found, so that what was accepted stays
    accepted while it stays the same.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(AwsAccount, PROTECT, related_name="drifts")
    partner_role = models.ForeignKey(PartnerRole, PROTECT, null=True, related_name="drifts")
    role_name = models.CharField(max_length=64)
    part = models.CharField(max_length=20)
    kind = models.CharField(max_length=20, choices=[(k.value, k.value) for k in DriftKind])
    why = models.CharField(max_length=500)
    wanted = models.JSONField(null=True)
    found = models.JSONField(null=True)
    digest = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=[(s.value, s.value) for s in DriftState])
    found_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(Person, PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=500, blank=True)
    over_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-found_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "role_name", "part"],
                name="role_drift_once",
                condition=Q(over_at__isnull=True),
            ),
            models.CheckConstraint(
                name="role_drift_state_known", condition=Q(state__in=[s.value for s in DriftState])
            ),
            models.CheckConstraint(
                name="role_drift_over_at_iff_over",
                condition=Q(state="over", over_at__isnull=False) | (~Q(state="over") & Q(over_at=None)),
            ),
            models.CheckConstraint(
                name="role_drift_decided_says_why",
                condition=~Q(state__in=["accepted", "repairing"])
                | (~Q(reason="") & Q(decided_at__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(fields=["-found_at"], name="role_drift_open", condition=Q(over_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.role_name}: {self.part} {self.kind}"
