"""AWS accounts that the portal reaches, and as whom it reaches each."""

import uuid

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from brokers.types import AccountPlace, DenyTarget, Partition, PrincipalKind
from portal.directory.models import Person

PROTECT = models.PROTECT
ACCOUNT_ID = RegexValidator(r"\A[0-9]{12}\Z", "An AWS account number has 12 digits.")
ROLE_ARN = RegexValidator(
    r"\A\Z|\Aarn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64}\Z",
    "That is not the ARN of a role.",
)
REGION = RegexValidator(r"\A\Z|\A[a-z]{2}(-[a-z]+)+-[0-9]{1,2}\Z", "That is not the name of a region.")


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


class AccountHub(models.Model):
    """As whom the portal calls STS for one account's roles, where that isn't the portal's own hub.

    Without such a row an account is reached by the hub of the settings. `secret` is sealed.
    """

    class Kind(models.TextChoices):
        KEYS = "keys", "an IAM user's access key"
        ROLE = "role", "a role that the portal's own hub assumes first"
        AMBIENT = "ambient", "what the machine gives (instance profile, container, SSO)"
        WEB_IDENTITY = "web_identity", "a role taken with a token in a file"

    account = models.OneToOneField(AwsAccount, models.CASCADE, primary_key=True, related_name="hub")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    region = models.CharField(
        max_length=32,
        blank=True,
        validators=[REGION],
        help_text="Whose STS is called. Empty: the portal's own.",
    )
    access_key_id = models.CharField(max_length=128, blank=True)
    secret = models.BinaryField(blank=True, editable=False)
    role_arn = models.CharField(max_length=2048, blank=True, validators=[ROLE_ARN])
    external_id = models.CharField(max_length=1224, blank=True)
    token_file = models.CharField(max_length=500, blank=True)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "hub of an account"
        constraints = [
            models.CheckConstraint(
                name="account_hub_is_whole",
                condition=(Q(kind="keys", role_arn="", token_file="") & ~Q(access_key_id="") & ~Q(secret=b""))
                | (Q(kind="role", access_key_id="", secret=b"", token_file="") & ~Q(role_arn=""))
                | Q(kind="ambient", access_key_id="", secret=b"", role_arn="", token_file="")
                | (
                    Q(kind="web_identity", access_key_id="", secret=b"") & ~Q(role_arn="") & ~Q(token_file="")
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"hub of {self.account}"
