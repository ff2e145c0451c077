"""The AWS roles that are granted, and by which call each gives its credentials."""

import uuid
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from brokers.types import DenyTarget, PrincipalKind, ProbeAction
from portal.catalog.models.accounts import REGION, AwsAccount
from portal.directory.models import IdentityProvider

PROTECT = models.PROTECT
# IAM: a role's name has 1 to 64 of these; path and name together at most 512, here 64, for the console's sake.
PRINCIPAL_NAME = RegexValidator(
    r"\A[A-Za-z0-9_+=,.@-]{1,64}\Z", "Allowed are 1 to 64 letters, digits and _+=,.@-"
)
PRINCIPAL_PATH = RegexValidator(r"\A/([A-Za-z0-9_+=,.@-]+/)*\Z", "A path begins and ends with a slash.")
PROVIDER_ARN = RegexValidator(
    r"\A\Z|\Aarn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:(saml-provider|oidc-provider)/[A-Za-z0-9_.:/-]{1,1024}\Z",
    "That is not the ARN of a SAML or OpenID Connect provider.",
)
POOL_ID = RegexValidator(
    r"\A\Z|\A[a-z]{2}(-[a-z]+)+-[0-9]{1,2}:[0-9a-f-]{36}\Z", "An identity pool's id reads REGION:GUID."
)
HOUR = 3600
UNWRITABLE_PATHS = ("/aws-reserved/", "/aws-service-role/")
UNWRITABLE_NAMES = ("AWSReservedSSO_", "AWSServiceRoleFor")
# Whose principal is an IAM role, and whose is an IAM user.
ROLE_METHODS = ["assume_role", "cross_account", "saml", "web_identity", "cognito", "cognito_developer"]
USER_METHODS = ["federation_token", "session_token"]
# Which take somebody's own assertion, token or MFA code along.
PROOF_METHODS = frozenset({"saml", "web_identity", "cognito", "session_token"})


class AwsRole(models.Model):
    """An AWS role as the portal knows it, and the call that gets its credentials.

    GetFederationToken: the hub's IAM user, whose rights bound the session. GetSessionToken: a person's own IAM user.
    AssumeRoot: an account's root, for one of AWS's task policies.

    A cross-account role is made by the portal for one grant to a partner, and goes with it.
    """

    class Method(models.TextChoices):
        ASSUME_ROLE = "assume_role", "AssumeRole"
        FEDERATION_TOKEN = "federation_token", "GetFederationToken"
        CROSS_ACCOUNT = "cross_account", "AssumeRole from a partner's own account"
        SAML = "saml", "AssumeRoleWithSAML"
        WEB_IDENTITY = "web_identity", "AssumeRoleWithWebIdentity"
        SESSION_TOKEN = "session_token", "GetSessionToken"
        COGNITO = "cognito", "Cognito: GetId, GetCredentialsForIdentity"
        COGNITO_DEVELOPER = "cognito_developer", "Cognito: GetOpenIdTokenForDeveloperIdentity"
        ROOT_TASK = "root_task", "AssumeRoot"

    class RootTask(models.TextChoices):
        """AWS's own task policies for AssumeRoot: nothing else can be asked of it."""

        AUDIT = "IAMAuditRootUserCredentials", "audit the root user's credentials"
        CREATE_PASSWORD = "IAMCreateRootUserPassword", "let the root user recover its password"
        DELETE_CREDENTIALS = "IAMDeleteRootUserCredentials", "delete the root user's credentials"
        UNLOCK_BUCKET = "S3UnlockBucketPolicy", "delete a bucket policy that locks everybody out"
        UNLOCK_QUEUE = "SQSUnlockQueuePolicy", "delete a queue policy that locks everybody out"

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
    region = models.CharField(
        max_length=32,
        blank=True,
        validators=[REGION],
        help_text="Whose STS or Cognito is called. Empty: the hub's own.",
    )
    via = models.ForeignKey(
        "self",
        PROTECT,
        null=True,
        blank=True,
        related_name="leads_to",
        help_text="The role that the hub takes first (role chaining: one hour at most).",
    )
    provider_arn = models.CharField(
        "provider in IAM",
        max_length=2048,
        blank=True,
        validators=[PROVIDER_ARN],
        help_text="The SAML or OpenID Connect provider that the role trusts, as IAM knows it.",
    )
    vouched_by = models.ForeignKey(
        IdentityProvider,
        PROTECT,
        null=True,
        blank=True,
        related_name="vouches_for_roles",
        help_text="Whose assertions or tokens open it; the portal verifies them first.",
    )
    audience = models.CharField(
        max_length=255, blank=True, help_text="Whom the tokens must be meant for: the client's id there."
    )
    identity_pool_id = models.CharField(
        max_length=128, blank=True, validators=[POOL_ID], help_text="Cognito: the identity pool, REGION:GUID."
    )
    login_name = models.CharField(
        max_length=128,
        blank=True,
        help_text="Cognito: the name of the provider in Logins, or that of the developer provider.",
    )
    root_task = models.CharField(max_length=40, blank=True, choices=RootTask.choices)
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
                condition=Q(method__in=ROLE_METHODS),
                name="role_name_per_account",
            ),
            models.CheckConstraint(
                name="role_method_known",
                condition=Q(
                    method__in=[*ROLE_METHODS, *USER_METHODS, "root_task"],
                ),
            ),
            models.CheckConstraint(
                name="role_session_within_aws_limits",
                condition=Q(
                    method__in=[each for each in ROLE_METHODS if each != "cognito"],
                    max_session_seconds__gte=HOUR,
                    max_session_seconds__lte=43_200,
                )
                | Q(method__in=USER_METHODS, max_session_seconds__gte=900, max_session_seconds__lte=129_600)
                | Q(method="cognito", max_session_seconds=HOUR)
                | Q(method="root_task", max_session_seconds=900),
                violation_error_message="The longest session is 3,600 to 43,200 seconds for a role, "
                "900 to 129,600 for GetFederationToken and GetSessionToken, 3,600 for Cognito's own call, "
                "900 for AssumeRoot.",
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
                name="role_without_session_policy_takes_no_scope",
                condition=~Q(method__in=["session_token", "cognito", "root_task"]) | Q(requires_scope=False),
                violation_error_message="This call carries no session policy: it can't be scoped.",
            ),
            models.CheckConstraint(
                name="role_console_needs_a_role_or_federation",
                condition=~Q(method__in=["session_token", "root_task"]) | Q(allows_console=False),
                violation_error_message="AWS makes no console session of these credentials.",
            ),
            models.CheckConstraint(
                name="role_vouched_for",
                condition=(~Q(method="saml") | (~Q(provider_arn="") & Q(vouched_by__isnull=False)))
                & (~Q(method="web_identity") | (~Q(audience="") & Q(vouched_by__isnull=False)))
                & (
                    ~Q(method="cognito")
                    | (
                        ~Q(identity_pool_id="")
                        & ~Q(login_name="")
                        & ~Q(audience="")
                        & Q(vouched_by__isnull=False)
                    )
                )
                & (~Q(method="cognito_developer") | (~Q(identity_pool_id="") & ~Q(login_name=""))),
                violation_error_message="Say who vouches: the provider, and what the call needs to know of it.",
            ),
            models.CheckConstraint(
                name="role_root_task_named",
                condition=Q(method="root_task") & ~Q(root_task="") | ~Q(method="root_task") & Q(root_task=""),
                violation_error_message="AssumeRoot needs a task, and nothing else has one.",
            ),
            models.CheckConstraint(
                name="role_chained_by_assume_role",
                condition=Q(via=None) | Q(method="assume_role"),
                violation_error_message="Only AssumeRole can go through another role.",
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
                "It was granted already: account, method, path, AWS name and root task stay. Add another role."
            )
        self.unique_id = ""

    @property
    def principal(self) -> tuple[object, ...]:
        """What in AWS it is: where its sessions are made, where their denies stand, which task of a root's it is."""
        return self.account_id, self.method, self.path, self.name, self.root_task

    @property
    def arn(self) -> str:
        if self.method == self.Method.ROOT_TASK:
            return f"arn:{self.account.partition}:iam::{self.account.account_id}:root"
        kind = "role" if self.is_role else "user"
        return f"arn:{self.account.partition}:iam::{self.account.account_id}:{kind}{self.path}{self.name}"

    @property
    def is_role(self) -> bool:
        """Whether it is an IAM role, whichever call gets its credentials; else a user, or the account's root."""
        return self.method in ROLE_METHODS

    @property
    def carries_end(self) -> bool:
        """Whether the call takes a session policy, which can end what it gives on the second."""
        return self.method not in {self.Method.SESSION_TOKEN, self.Method.COGNITO, self.Method.ROOT_TASK}

    @property
    def needs_proof(self) -> bool:
        """Whether somebody's own assertion, token or MFA code is to come along with each call."""
        return self.method in PROOF_METHODS

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
        if self.method == self.Method.ROOT_TASK:
            return False
        is_awss = self.path.startswith(UNWRITABLE_PATHS) or self.name.startswith(UNWRITABLE_NAMES)
        return self.is_writable and not is_awss

    @property
    def probe_action(self) -> ProbeAction:
        if self.probe:
            return ProbeAction(self.probe)
        return ProbeAction.ACCESS_KEY_INFO if self.is_role else ProbeAction.LIST_BUCKETS

    @property
    def deny_target(self) -> DenyTarget:
        """Where a deny for this role's sessions stands: the role itself, or the user that calls for them."""
        kind = PrincipalKind.ROLE if self.is_role else PrincipalKind.USER
        return self.account.deny_target(kind, self.name)
