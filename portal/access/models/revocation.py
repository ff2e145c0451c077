"""The work of ending live sessions in AWS, and the documents there that it is written into."""

import uuid

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q

from brokers.types import DenyTarget, PrincipalKind
from portal.access.lifecycle import RevocationState
from portal.access.models.grant import Grant
from portal.catalog.models import AwsAccount

PROTECT = models.PROTECT


class DenyDocument(models.Model):
    """What the portal writes on one role or user to end sessions, and the lease of whoever writes it now.

    One inline policy, and managed policies of the portal's own where that has no room. `fence` grows with every
    lease: what a writer did counts only while its fence is still the newest. `issued_before`: an operator cut off
    every session of the principal that AWS issued before then, whosever it is.
    """

    account = models.ForeignKey(AwsAccount, PROTECT, related_name="deny_documents")
    kind = models.CharField(max_length=4, choices=[(k.value, k.value) for k in PrincipalKind])
    name = models.CharField(max_length=64)
    fence = models.PositiveBigIntegerField(default=0)
    holder = models.CharField(max_length=80, blank=True)
    leased_until = models.DateTimeField(null=True)
    applied_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True, help_text="When AWS was last looked at.")
    entries = models.PositiveIntegerField(default=0)
    policies = models.JSONField(
        default=list, help_text="Name and size of each policy, as AWS showed them last."
    )
    recheck_at = models.DateTimeField(
        null=True, help_text="When to look at AWS again: somebody may have changed it, a late put may land."
    )
    write_anew = models.BooleanField(
        default=False,
        help_text="Write at the next look even where all stands: a policy of ours was left behind.",
    )
    issued_before = models.DateTimeField(null=True)
    issued_before_until = models.DateTimeField(
        null=True, help_text="When the last session that `issued_before` concerns is dead."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "kind", "name"], name="deny_document_once"),
            models.CheckConstraint(
                name="deny_document_kind_known", condition=Q(kind__in=[k.value for k in PrincipalKind])
            ),
            models.CheckConstraint(
                name="deny_document_leased_by_somebody",
                condition=Q(leased_until=None, holder="") | (Q(leased_until__isnull=False) & ~Q(holder="")),
            ),
            models.CheckConstraint(
                name="deny_document_cut_has_end",
                condition=Q(issued_before=None, issued_before_until=None)
                | Q(
                    issued_before__isnull=False,
                    issued_before_until__isnull=False,
                    issued_before_until__gt=F("issued_before"),
                ),
            ),
        ]
        indexes = [
            models.Index(
                fields=["recheck_at"], name="deny_document_recheck", condition=Q(recheck_at__isnull=False)
            ),
            models.Index(
                fields=["leased_until"], name="deny_document_at_work", condition=Q(leased_until__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} in {self.account_id}"

    @property
    def target(self) -> DenyTarget:
        return self.account.deny_target(PrincipalKind(self.kind), self.name)


class Revocation(models.Model):
    """The work of ending one grant's live sessions in AWS: a row before it is an act, repeated until AWS took it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    grant = models.OneToOneField(Grant, PROTECT, related_name="revocation")
    document = models.ForeignKey(DenyDocument, PROTECT, related_name="revocations")
    userids = models.JSONField(default=list, encoder=DjangoJSONEncoder)
    state = models.CharField(max_length=10, choices=[(s.value, s.value) for s in RevocationState])
    asked_at = models.DateTimeField()
    covers_until = models.DateTimeField(help_text="When the longest session that it concerns is dead.")
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField()
    last_error = models.CharField(max_length=500, blank=True)
    applied_at = models.DateTimeField(null=True)
    probe_at = models.DateTimeField(null=True, help_text="When to try next whether AWS denies it.")
    probes = models.PositiveIntegerField(default=0)
    proof_note = models.CharField(max_length=300, blank=True, help_text="Why it is not proven.")
    proven_at = models.DateTimeField(null=True)
    cleaned_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.CheckConstraint(
                name="revocation_state_known", condition=Q(state__in=[s.value for s in RevocationState])
            ),
            models.CheckConstraint(
                name="revocation_applied_at_iff_standing",
                condition=Q(state__in=["applied", "proven"], applied_at__isnull=False)
                | Q(state__in=["pending", "failing"], applied_at=None)
                | Q(state="cleaned"),
            ),
            models.CheckConstraint(
                name="revocation_proven_at_iff_proven",
                condition=Q(state="proven", proven_at__isnull=False)
                | Q(state__in=["pending", "failing", "applied"], proven_at=None)
                | Q(state="cleaned"),
            ),
            models.CheckConstraint(
                name="revocation_cleaned_at_iff_cleaned",
                condition=Q(state="cleaned", cleaned_at__isnull=False)
                | (~Q(state="cleaned") & Q(cleaned_at=None)),
            ),
            models.CheckConstraint(
                name="revocation_probed_while_applied", condition=Q(probe_at=None) | Q(state="applied")
            ),
            models.CheckConstraint(
                name="revocation_failing_says_why", condition=~Q(state="failing") | ~Q(last_error="")
            ),
            models.CheckConstraint(name="revocation_names_sessions", condition=~Q(userids=[])),
            models.CheckConstraint(
                name="revocation_covers_time", condition=Q(covers_until__gt=F("asked_at"))
            ),
        ]
        indexes = [
            # By what is NULL, as constraints above tie it to the state: SQLite can't prove a state that is a parameter.
            models.Index(
                fields=["next_try_at"],
                name="revocation_due",
                condition=Q(applied_at__isnull=True, cleaned_at__isnull=True),
            ),
            models.Index(
                fields=["document", "covers_until"],
                name="revocation_by_document",
                condition=Q(cleaned_at__isnull=True),
            ),
            models.Index(
                fields=["covers_until"], name="revocation_to_clean", condition=Q(cleaned_at__isnull=True)
            ),
            models.Index(
                fields=["probe_at"], name="revocation_to_probe", condition=Q(probe_at__isnull=False)
            ),
            models.Index(
                fields=["-proven_at"], name="revocation_proven", condition=Q(proven_at__isnull=False)
            ),
            models.Index(
                fields=["-applied_at"], name="revocation_applied", condition=Q(applied_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"revocation of {self.grant_id}"


class KeptDeny(models.Model):
    """A deny found in AWS that no grant here explains, such as one newer than a restored backup: kept until dead."""

    document = models.ForeignKey(DenyDocument, PROTECT, related_name="kept_denies")
    userid = models.CharField(max_length=200)
    found_at = models.DateTimeField()
    covers_until = models.DateTimeField()

    class Meta:
        verbose_name_plural = "kept denies"
        constraints = [
            models.UniqueConstraint(fields=["document", "userid"], name="kept_deny_once"),
            models.CheckConstraint(name="kept_deny_covers_time", condition=Q(covers_until__gt=F("found_at"))),
        ]

    def __str__(self) -> str:
        return f"{self.userid} on {self.document}"
