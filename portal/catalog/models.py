"""What there is to grant: AWS accounts, the roles in them, and the scopes that narrow a role."""

import uuid
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from brokers.types import AccountPlace, DenyTarget, Partition, PrincipalKind, ProbeAction
from portal.catalog.scopes import (
    validate_managed_policies,
    validate_parameters,
    validate_placeholders,
    validate_scope_policy,
)
from portal.directory.models import Group, Person

PROTECT = models.PROTECT
ACCOUNT_ID = RegexValidator(r"\A[0-9]{12}\Z", "An AWS account number has 12 digits.")
# IAM: a role's name has 1 to 64 of these; path and name together at most 512, here 64, for the console's sake.
PRINCIPAL_NAME = RegexValidator(
    r"\A[A-Za-z0-9_+=,.@-]{1,64}\Z", "Allowed are 1 to 64 letters, digits and _+=,.@-"
)
PRINCIPAL_PATH = RegexValidator(r"\A/([A-Za-z0-9_+=,.@-]+/)*\Z", "A path begins and ends with a slash.")
ROLE_ARN = RegexValidator(
    r"\A\Z|\Aarn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64}\Z",
    "That is not the ARN of a role.",
)
HOUR = 3600
UNWRITABLE_PATHS = ("/aws-reserved/", "/aws-service-role/")
UNWRITABLE_NAMES = ("AWSReservedSSO_", "AWSServiceRoleFor")


class AwsAccount(models.Model):
    """An AWS account that the portal reaches."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120, unique=True)
    account_id = models.CharField("account number", max_length=12, unique=True, validators=[ACCOUNT_ID])
    partition = models.CharField(
        max_length=12, choices=[(p.value, p.value) for p in Partition], default=Partition.AWS.value
    )
    revoker_role_arn = models.CharField(
        "revoker role",
        max_length=2048,
        blank=True,
        validators=[ROLE_ARN],
        help_text="The role in this account that the hub assumes to write deny policies. Empty: the hub writes itself.",
    )
    provisioner_role_arn = models.CharField(
        "provisioner role",
        max_length=2048,
        blank=True,
        validators=[ROLE_ARN],
        help_text="The role in this account that the hub assumes to make roles for partners. "
        "Empty: partners can't be let in here from their own accounts.",
    )
    verified_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When it was last verified what the portal can and can't do there.",
    )
    verification = models.JSONField(
        default=list, editable=False, help_text="The steps of that: name, is_ok, detail, advice."
    )
    verify_asked_at = models.DateTimeField(null=True, editable=False, help_text="Empty: none is under way.")
    verify_asked_by = models.ForeignKey(Person, PROTECT, null=True, editable=False, related_name="+")
    verify_begun_at = models.DateTimeField(null=True, editable=False, help_text="When a worker took it.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = "AWS account"
        constraints = [
            models.CheckConstraint(
                name="account_number_12_digits", condition=Q(account_id__regex=r"^[0-9]{12}$")
            ),
            models.CheckConstraint(
                name="account_partition_known", condition=Q(partition__in=[p.value for p in Partition])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.account_id})"

    def clean(self) -> None:
        """Refuse roles of another account or partition, and moving an account under what was granted in it."""
        own = f"arn:{self.partition}:iam::{self.account_id}:role/"
        for field in ("revoker_role_arn", "provisioner_role_arn"):
            if (arn := getattr(self, field)) and not arn.startswith(own):
                raise ValidationError({field: f"It must be in this account: {own}…"})
        before = AwsAccount.objects.filter(pk=self.pk, roles__grants__isnull=False).first()
        if before and (before.account_id, before.partition) != (self.account_id, self.partition):
            raise ValidationError({"account_id": "Access was granted in this account; add another account."})

    def deny_target(self, kind: PrincipalKind, name: str) -> DenyTarget:
        """Where denies on one of its roles or users stand, and by which role the hub writes them."""
        return DenyTarget(
            partition=Partition(self.partition),
            account_id=self.account_id,
            kind=kind,
            name=name,
            via_role_arn=self.revoker_role_arn or None,
        )

    @property
    def place(self) -> AccountPlace:
        """Where roles are made for partners, and by which role the hub makes them."""
        return AccountPlace(Partition(self.partition), self.account_id, self.provisioner_role_arn)


class AwsRole(models.Model):
    """An AWS role as the portal knows it, or for federation the hub's IAM user whose rights bound the session.

    A cross-account role is made by the portal for one grant to a partner, and goes with it.
    """

    class Method(models.TextChoices):
        ASSUME_ROLE = "assume_role", "AssumeRole"
        FEDERATION_TOKEN = "federation_token", "GetFederationToken"  # a method's name
        CROSS_ACCOUNT = "cross_account", "AssumeRole from a partner's own account"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(AwsAccount, PROTECT, related_name="roles")
    title = models.CharField(max_length=120, help_text="What people see.")
    description = models.CharField(max_length=300, blank=True, help_text="What it is for, in a sentence.")
    method = models.CharField(max_length=20, choices=Method.choices, default=Method.ASSUME_ROLE)
    path = models.CharField(max_length=64, default="/", validators=[PRINCIPAL_PATH])
    name = models.CharField(
        "AWS name",
        max_length=64,
        validators=[PRINCIPAL_NAME],
        help_text="The role's name in AWS; for GetFederationToken, the IAM user that calls.",
    )
    unique_id = models.CharField(
        "AWS unique id", max_length=128, blank=True, editable=False, help_text="AROA…: read from AWS."
    )
    max_session_seconds = models.PositiveIntegerField(
        "longest session",
        default=HOUR,
        validators=[MinValueValidator(900), MaxValueValidator(129_600)],
        help_text="Seconds. A role's MaxSessionDuration: 3,600 to 43,200. GetFederationToken: up to 129,600.",
    )
    allows_console = models.BooleanField("console", default=True)
    allows_credentials = models.BooleanField("credentials", default=True)
    requires_scope = models.BooleanField(default=False, help_text="It can be granted with a scope only.")
    sends_tags = models.BooleanField(
        "session tags", default=True, help_text="The trust policy must allow sts:TagSession."
    )
    sets_source_identity = models.BooleanField(
        "source identity", default=True, help_text="The trust policy must allow sts:SetSourceIdentity."
    )
    factor_minutes = models.PositiveSmallIntegerField(
        "fresh second factor",
        default=0,
        validators=[MaxValueValidator(720)],
        help_text="Minutes for which a second factor counts when the console is opened or credentials are fetched. "
        "0: none is asked for.",
    )
    is_writable = models.BooleanField(
        "the portal may write its deny policy",
        default=True,
        help_text="Off: nothing can cut its sessions short (no kill switch), and each grant of it must accept that.",
    )
    probe = models.CharField(
        max_length=30,
        blank=True,
        choices=[(action.value, action.value) for action in ProbeAction],
        help_text="The harmless call that proves a cut-off; the role must allow it. "
        "Empty: sts:GetAccessKeyInfo for a role, s3:ListAllMyBuckets for GetFederationToken.",
    )
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["account__name", "title"]
        verbose_name = "AWS role"
        constraints = [
            models.UniqueConstraint(fields=["account", "title"], name="role_title_per_account"),
            models.UniqueConstraint(
                fields=["account", "name"],
                condition=Q(method__in=["assume_role", "cross_account"]),
                name="role_name_per_account",
            ),
            models.CheckConstraint(
                name="role_method_known",
                condition=Q(method__in=["assume_role", "federation_token", "cross_account"]),
            ),
            models.CheckConstraint(
                name="role_session_within_aws_limits",
                condition=Q(
                    method__in=["assume_role", "cross_account"],
                    max_session_seconds__gte=HOUR,
                    max_session_seconds__lte=43_200,
                )
                | Q(
                    method="federation_token", max_session_seconds__gte=900, max_session_seconds__lte=129_600
                ),
                violation_error_message="The longest session is 3,600 to 43,200 seconds for a role, "
                "900 to 129,600 for GetFederationToken.",
            ),
            models.CheckConstraint(
                name="role_allows_something",
                condition=Q(allows_console=True) | Q(allows_credentials=True),
                violation_error_message="Allow the console, credentials, or both.",
            ),
            models.CheckConstraint(
                name="role_federation_needs_scope",
                condition=~Q(method="federation_token") | Q(requires_scope=True),
                violation_error_message="GetFederationToken needs a scope: without one the session "
                "could do all that the hub's user can.",
            ),
            models.CheckConstraint(
                name="role_federation_probe",
                condition=~Q(method="federation_token") | Q(probe__in=["", ProbeAction.LIST_BUCKETS.value]),
                violation_error_message="A GetFederationToken session can call neither STS nor IAM: "
                "its probe is s3:ListAllMyBuckets.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} in {self.account.name}"

    def clean(self) -> None:
        """Keep a granted role where its sessions are: denies would go to another principal and cut nobody off."""
        before = AwsRole.objects.filter(pk=self.pk).first()
        if before is None or self.principal == before.principal:
            return
        if before.grants.exists():
            raise ValidationError(
                "It was granted already: account, method, path and AWS name stay. Add another role."
            )
        self.unique_id = ""

    @property
    def principal(self) -> tuple[object, ...]:
        """What in AWS it is: where its sessions are made, and where their denies stand."""
        return self.account_id, self.method, self.path, self.name

    @property
    def arn(self) -> str:
        kind = "user" if self.method == self.Method.FEDERATION_TOKEN else "role"
        return f"arn:{self.account.partition}:iam::{self.account.account_id}:{kind}{self.path}{self.name}"

    @property
    def is_made_for_partner(self) -> bool:
        """Whether the portal made it for one grant to a partner: nobody else is granted it."""
        return self.method == self.Method.CROSS_ACCOUNT

    @property
    def max_session(self) -> timedelta:
        return timedelta(seconds=self.max_session_seconds)

    @property
    def has_kill_switch(self) -> bool:
        """Whether a deny can stand there: AWS alone writes service-linked and IAM Identity Center roles."""
        is_awss = self.path.startswith(UNWRITABLE_PATHS) or self.name.startswith(UNWRITABLE_NAMES)
        return self.is_writable and not is_awss

    @property
    def probe_action(self) -> ProbeAction:
        if self.probe:
            return ProbeAction(self.probe)
        is_role = self.method != self.Method.FEDERATION_TOKEN
        return ProbeAction.ACCESS_KEY_INFO if is_role else ProbeAction.LIST_BUCKETS

    @property
    def deny_target(self) -> DenyTarget:
        """Where a deny for this role's sessions stands: the role itself, or the user that calls for them."""
        is_role = self.method != self.Method.FEDERATION_TOKEN
        return self.account.deny_target(PrincipalKind.ROLE if is_role else PrincipalKind.USER, self.name)


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
