"""The time-boxed right of a person, or of a partner's AWS account, to one role."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import F, Q

from portal.access.lifecycle import ENDED, LIVING, GrantState, stored
from portal.access.windows import WeeklyWindow
from portal.catalog.models import AwsRole, Entitlement, ScopeTemplate
from portal.directory.models import Partner, PartnerAccount, Person
from portal.kernel.periods import Period

PROTECT = models.PROTECT


class Grant(models.Model):
    """The time-boxed right of one subject to one role. Its scope is frozen when it is made.

    The subject is a person; or a partner's own AWS account, and then the role was made for this grant alone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # No index of their own where one below serves: every end of a grant writes each of them anew.
    person = models.ForeignKey(Person, PROTECT, null=True, blank=True, related_name="grants", db_index=False)
    partner_account = models.ForeignKey(
        PartnerAccount, PROTECT, null=True, blank=True, related_name="grants", db_index=False
    )
    role = models.ForeignKey(AwsRole, PROTECT, related_name="grants", db_index=False)
    scope_template = models.ForeignKey(
        ScopeTemplate, PROTECT, null=True, blank=True, related_name="grants", db_index=False
    )
    entitlement = models.ForeignKey(
        Entitlement,
        PROTECT,
        null=True,
        blank=True,
        related_name="grants",
        db_index=False,
        help_text="What it was taken through: it ends when its person leaves the group.",
    )
    scope_parameters = models.JSONField(default=dict, blank=True)
    scope_policy = models.JSONField(null=True, blank=True)
    scope_managed_policy_arns = models.JSONField(default=list, blank=True)
    scope_summary = models.CharField(max_length=600, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=[(s.value, s.value) for s in GrantState])
    window_days = models.CharField(
        max_length=7, blank=True, help_text="ISO weekdays on which it is open, such as 12345. Empty: always."
    )
    window_opens = models.TimeField(null=True, blank=True, help_text="By the clocks of `window_zone`.")
    window_closes = models.TimeField(null=True, blank=True)
    window_zone = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=500)
    ticket = models.CharField(max_length=80, blank=True)
    granted_by = models.ForeignKey(Person, PROTECT, null=True, blank=True, related_name="grants_made")
    made_at = models.DateTimeField()
    activated_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        Person, PROTECT, null=True, blank=True, related_name="grants_ended", db_index=False
    )
    end_reason = models.CharField(max_length=500, blank=True)
    sessions_run_out = models.BooleanField(
        default=False, help_text="Who ended it let its sessions live to their own end, and cut none."
    )
    accepted_no_kill_switch = models.BooleanField(
        default=False, help_text="Who granted it knew that nothing can cut its sessions short."
    )

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
                condition=Q(state__in=stored(ENDED), ended_at__isnull=False)
                | Q(state__in=stored(LIVING), ended_at=None),
            ),
            models.CheckConstraint(
                name="grant_expires_not_before_end",
                condition=~Q(state="expired") | Q(ended_at__gte=F("ends_at")),
            ),
            models.CheckConstraint(
                name="grant_window_whole_or_none",
                condition=Q(window_days="", window_zone="", window_opens=None, window_closes=None)
                | (
                    ~Q(window_days="")
                    & ~Q(window_zone="")
                    & Q(window_opens__isnull=False, window_closes__isnull=False)
                ),
            ),
            models.CheckConstraint(
                name="grant_runs_out_only_ended",
                condition=Q(sessions_run_out=False) | Q(ended_at__isnull=False),
            ),
            models.CheckConstraint(
                name="grant_has_one_subject",
                condition=Q(person__isnull=False, partner_account=None)
                | Q(person=None, partner_account__isnull=False),
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
            models.Index(
                fields=["partner_account", "-ends_at"],
                name="grant_by_partner_account",
                condition=Q(partner_account__isnull=False),
            ),
            models.Index(
                fields=["scope_template"], name="grant_by_scope", condition=Q(scope_template__isnull=False)
            ),
            models.Index(
                fields=["entitlement"],
                name="grant_by_entitlement",
                condition=Q(entitlement__isnull=False, ended_at__isnull=True),
            ),
            models.Index(fields=["ended_by"], name="grant_by_ender", condition=Q(ended_by__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.subject_name} as {self.role.title}"

    @property
    def subject_name(self) -> str:
        """Who gets it: a person's name, or the partner's with its account's."""
        if self.person is not None:
            return self.person.name
        return f"{self._account.partner.name}, {self._account.name}"

    @property
    def holder(self) -> Person:
        """The person who holds it, of a grant that is a person's: what the portal issues, it issues to people."""
        if self.person is None:
            raise AssertionError("nothing is issued under a grant to a partner's account")
        return self.person

    @property
    def partner(self) -> Partner | None:
        """The outside company that it is for, in either way; None: the own company's."""
        return self.person.partner if self.person is not None else self._account.partner

    @property
    def partner_name(self) -> str:
        return self.partner.name if self.partner else ""

    @property
    def _account(self) -> PartnerAccount:
        if self.partner_account is None:  # pragma: no cover - a constraint of the table
            raise AssertionError("a grant without a subject")
        return self.partner_account

    @property
    def period(self) -> Period:
        return Period(self.starts_at, self.ends_at)

    @property
    def window(self) -> WeeklyWindow | None:
        """When it is open each week; None: always."""
        if self.window_opens is None or self.window_closes is None:
            return None
        days = frozenset(int(day) for day in self.window_days)
        return WeeklyWindow(days, self.window_opens, self.window_closes, self.window_zone)

    def current_period(self, at: datetime) -> Period | None:
        """Return the time without a break in which `at` lies: the grant's own, or of it what the window leaves."""
        window = self.window
        current = self.period if window is None else window.current(at)
        period = current and current.within(self.period)
        return period if period is not None and period.contains(at) else None

    def next_period(self, at: datetime) -> Period | None:
        """Return the first such time that begins after `at`; None when it never opens again."""
        if at < self.starts_at and (first := self.current_period(self.starts_at)) is not None:
            return first
        if self.window is None:
            return None
        opening = self.window.next_opening(max(at, self.starts_at))
        return opening and opening.within(self.period)

    def is_open(self, at: datetime) -> bool:
        """Whether credentials may be issued at this moment: by the window itself, never by the sweep's word alone."""
        return self.state in LIVING and self.current_period(at) is not None

    def usable_until(self, at: datetime) -> datetime | None:
        """Return when what is issued at this moment ends; None when nothing is."""
        period = self.current_period(at)
        return None if period is None else period.ends_at
