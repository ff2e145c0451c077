"""Who may have what until when, what was issued under it, and the work of ending it."""

import uuid
from datetime import datetime

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q

from brokers.types import PrincipalKind
from portal.access.lifecycle import ENDED, LIVING, GrantState, RevocationState, SessionState
from portal.catalog.models import AwsAccount, AwsRole, ScopeTemplate
from portal.directory.models import Person
from portal.kernel.periods import Period

PROTECT = models.PROTECT


class Grant(models.Model):
    """The time-boxed right of one person to one role. Its scope is frozen when it is made."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, PROTECT, related_name="grants")
    role = models.ForeignKey(AwsRole, PROTECT, related_name="grants")
    scope_template = models.ForeignKey(ScopeTemplate, PROTECT, null=True, blank=True, related_name="grants")
    scope_parameters = models.JSONField(default=dict, blank=True)
    scope_policy = models.JSONField(null=True, blank=True)
    scope_managed_policy_arns = models.JSONField(default=list, blank=True)
    scope_summary = models.CharField(max_length=600, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=[(s.value, s.value) for s in GrantState])
    reason = models.CharField(max_length=500)
    ticket = models.CharField(max_length=80, blank=True)
    granted_by = models.ForeignKey(Person, PROTECT, null=True, blank=True, related_name="grants_made")
    made_at = models.DateTimeField()
    activated_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(Person, PROTECT, null=True, blank=True, related_name="grants_ended")
    end_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-made_at"]
        permissions = [
            ("make_grant", "Can grant access"),
            ("revoke_grant", "Can revoke grants"),
        ]
        constraints = [
            models.CheckConstraint(name="grant_ends_after_start", condition=Q(ends_at__gt=F("starts_at"))),
            models.CheckConstraint(
                name="grant_state_known", condition=Q(state__in=[s.value for s in GrantState])
            ),
            models.CheckConstraint(
                name="grant_active_was_activated",
                condition=~Q(state="active") | Q(activated_at__isnull=False),
            ),
            models.CheckConstraint(
                name="grant_scheduled_not_activated", condition=~Q(state="scheduled") | Q(activated_at=None)
            ),
            models.CheckConstraint(
                name="grant_ended_at_iff_ended",
                condition=Q(state__in=sorted(s.value for s in ENDED), ended_at__isnull=False)
                | Q(state__in=sorted(s.value for s in LIVING), ended_at=None),
            ),
            models.CheckConstraint(
                name="grant_expires_not_before_end",
                condition=~Q(state="expired") | Q(ended_at__gte=F("ends_at")),
            ),
            models.CheckConstraint(name="grant_has_reason", condition=~Q(reason="")),
            models.CheckConstraint(name="grant_not_to_oneself", condition=~Q(granted_by=F("person"))),
            models.CheckConstraint(
                # A grant that lost its frozen policy would be one to everything that the role may do.
                name="grant_scope_is_frozen",
                condition=Q(scope_template__isnull=True, scope_policy__isnull=True)
                | Q(scope_template__isnull=False, scope_policy__isnull=False),
            ),
        ]
        indexes = [
            # By what is NULL, as constraints above tie it to the state: SQLite can't prove a state that is a parameter.
            models.Index(
                fields=["starts_at"],
                name="grant_due_to_start",
                condition=Q(activated_at__isnull=True, ended_at__isnull=True),
            ),
            models.Index(fields=["ends_at"], name="grant_due_to_end", condition=Q(ended_at__isnull=True)),
            models.Index(fields=["person", "-ends_at"], name="grant_by_person"),
            models.Index(fields=["role", "-ends_at"], name="grant_by_role"),
        ]

    def __str__(self) -> str:
        return f"{self.person} as {self.role.title}"

    @property
    def period(self) -> Period:
        return Period(self.starts_at, self.ends_at)

    def is_open(self, at: datetime) -> bool:
        """Whether credentials may be issued at this moment: by the window itself, never by the sweep's word alone."""
        return self.state in LIVING and self.period.contains(at)


class AwsSession(models.Model):
    """One request for credentials or a console sign-in. Holds no secret; `access_key_id` ties it to CloudTrail."""

    class Kind(models.TextChoices):
        CREDENTIALS = "credentials", "Credentials"
        CONSOLE = "console", "Console"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    grant = models.ForeignKey(Grant, PROTECT, related_name="aws_sessions")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=[(s.value, s.value) for s in SessionState])
    session_name = models.CharField(max_length=64)
    userid = models.CharField(max_length=200, blank=True)
    access_key_id = models.CharField(max_length=128, blank=True)
    aws_request_id = models.CharField(max_length=80, blank=True)
    destination = models.CharField(max_length=2000, blank=True)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(help_text="Until when it can live in AWS, apart from the grant's end.")
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    failure = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = "AWS session"
        ordering = ["-asked_at"]
        constraints = [
            models.CheckConstraint(
                name="session_state_known", condition=Q(state__in=[s.value for s in SessionState])
            ),
            models.CheckConstraint(
                name="session_answered_iff_not_asked",
                condition=Q(state="asked", answered_at=None)
                | (~Q(state="asked") & Q(answered_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="session_got_names_userid", condition=~Q(state="got") | ~Q(userid="")
            ),
            models.CheckConstraint(
                name="session_expires_after_asked", condition=Q(expires_at__gt=F("asked_at"))
            ),
        ]
        indexes = [
            models.Index(fields=["grant", "expires_at"], name="session_by_grant"),
            models.Index(fields=["access_key_id"], name="session_by_key", condition=~Q(access_key_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.session_name}"


class DenyDocument(models.Model):
    """The one AWS policy on one role or user that is ours to write, and the lease of whoever writes it now.

    `fence` grows with every lease: what a writer did counts only while its fence is still the newest.
    """

    account = models.ForeignKey(AwsAccount, PROTECT, related_name="deny_documents")
    kind = models.CharField(max_length=4, choices=[(k.value, k.value) for k in PrincipalKind])
    name = models.CharField(max_length=64)
    fence = models.PositiveBigIntegerField(default=0)
    holder = models.CharField(max_length=80, blank=True)
    leased_until = models.DateTimeField(null=True)
    applied_at = models.DateTimeField(null=True)
    entries = models.PositiveIntegerField(default=0)
    recheck_at = models.DateTimeField(
        null=True, help_text="When to look at AWS again: a writer was overtaken, its put may land late."
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
        ]
        indexes = [
            models.Index(
                fields=["recheck_at"], name="deny_document_recheck", condition=Q(recheck_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} in {self.account_id}"


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

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.CheckConstraint(
                name="revocation_state_known", condition=Q(state__in=[s.value for s in RevocationState])
            ),
            models.CheckConstraint(
                name="revocation_applied_at_iff_applied",
                condition=Q(state="applied", applied_at__isnull=False)
                | (~Q(state="applied") & Q(applied_at=None)),
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
            models.Index(fields=["next_try_at"], name="revocation_due", condition=~Q(state="applied")),
            models.Index(fields=["document", "covers_until"], name="revocation_by_document"),
        ]

    def __str__(self) -> str:
        return f"revocation of {self.grant_id}"


class ConsoleLink(models.Model):
    """A single-use link of the portal's own that leads its person to the console. Kept as a hash."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    grant = models.ForeignKey(Grant, PROTECT, related_name="console_links")
    digest = models.CharField(max_length=64, unique=True)
    destination = models.CharField(max_length=2000)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="console_link_ends_after_start", condition=Q(expires_at__gt=F("made_at"))
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], name="console_link_old")]

    def __str__(self) -> str:
        return f"console link for {self.grant_id}"
