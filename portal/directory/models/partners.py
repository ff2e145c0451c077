"""Outside companies: the contract that bounds them, who answers for them, and their own AWS accounts."""

import re
import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinLengthValidator, RegexValidator, URLValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.text import slugify

from brokers.types import Partition

PROTECT = models.PROTECT
SHORTEST_SLUG = 2
MADE_SLUG = 30
# Pages of their own beside the partners' have these names.
TAKEN_SLUGS = frozenset({"new", "drift", "colleagues"})
PARTNER_SLUG = RegexValidator(
    r"\A[a-z0-9]+(-[a-z0-9]+)*\Z", "Allowed are small letters, digits and single hyphens between them."
)
ACCOUNT_NUMBER = RegexValidator(r"\A[0-9]{12}\Z", "An AWS account number has 12 digits.")


class DataClass(models.TextChoices):
    """How sensitive what a partner may see is, at most."""

    PUBLIC = "public", "public"
    INTERNAL = "internal", "internal"
    CONFIDENTIAL = "confidential", "confidential"
    RESTRICTED = "restricted", "restricted"


class Partner(models.Model):
    """An outside company, with the contract that bounds everything it may have.

    `slug` stands in the path of each role that is made for it in AWS, so that it never changes once one was made.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120, unique=True)
    slug = models.CharField(
        "short name",
        max_length=40,
        unique=True,
        blank=True,
        validators=[MinLengthValidator(SHORTEST_SLUG), PARTNER_SLUG],
        help_text="Stands in addresses and in the path of its roles in AWS, and stays. Empty: made from the name.",
    )
    legal_name = models.CharField(max_length=200, blank=True, help_text="As the contract has it.")
    sponsor = models.ForeignKey(
        "Person",
        PROTECT,
        null=True,
        blank=True,
        related_name="sponsored",
        help_text="Who answers for it in-house.",
    )
    deputy = models.ForeignKey(
        "Person",
        PROTECT,
        null=True,
        blank=True,
        related_name="deputised",
        help_text="Who is asked to answer for it when the sponsor is gone.",
    )
    contract_starts_at = models.DateTimeField()
    contract_ends_at = models.DateTimeField(help_text="Nothing that it has can outlive this.")
    data_class = models.CharField(
        "data class", max_length=12, choices=DataClass.choices, default=DataClass.INTERNAL
    )
    people_quota = models.PositiveSmallIntegerField(
        "most people", default=25, help_text="How many active people it may have here."
    )
    suspended_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since when it has nothing and gets nothing."
    )
    contact = models.EmailField(blank=True)
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="partner_contract_ends_after_start",
                condition=Q(contract_ends_at__gt=F("contract_starts_at")),
                violation_error_message="The contract must end after it starts.",
            ),
            models.CheckConstraint(
                name="partner_slug_plain",
                condition=Q(slug__regex=r"^[a-z0-9]+(-[a-z0-9]+)*$"),
                violation_error_message="A short name has small letters, digits and single hyphens between them.",
            ),
            models.CheckConstraint(
                name="partner_deputy_is_another",
                condition=Q(deputy=None) | Q(sponsor=None) | ~Q(deputy=F("sponsor")),
                violation_error_message="The deputy must be somebody else than the sponsor.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, with a short name made from the name where none was given."""
        if not self.slug:
            self.slug = self.free_slug()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Refuse a short name that is a page's own."""
        if not self.slug and self.name:
            self.slug = self.free_slug()
        if self.slug in TAKEN_SLUGS:
            raise ValidationError({"slug": f"'{self.slug}' is the name of a page; choose another."})

    def free_slug(self) -> str:
        """Return a short name made from the name that no other partner has."""
        made = slugify(self.name)[:MADE_SLUG].replace("_", "-").strip("-")
        made = re.sub("-+", "-", made)
        if len(made) < SHORTEST_SLUG or made in TAKEN_SLUGS or Partner.objects.filter(slug=made).exists():
            return f"{made}-{self.pk.hex[:6]}".strip("-")
        return made


class PartnerContact(models.Model):
    """Somebody at the partner to write to or call; need not be a person who signs in."""

    partner = models.ForeignKey(Partner, models.CASCADE, related_name="contacts")
    name = models.CharField(max_length=120)
    what_for = models.CharField(
        "what for", max_length=120, blank=True, help_text="Such as security, or contracts."
    )
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class PartnerDocument(models.Model):
    """A link to a paper about the partner, such as the contract. The paper itself is kept elsewhere."""

    partner = models.ForeignKey(Partner, models.CASCADE, related_name="documents")
    title = models.CharField(max_length=120)
    url = models.CharField("link", max_length=1000, validators=[URLValidator(schemes=["https"])])

    class Meta:
        ordering = ["title", "pk"]

    def __str__(self) -> str:
        return self.title


class PartnerAccount(models.Model):
    """An AWS account of the partner's own, from which it may be let in. Closed, never deleted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, PROTECT, related_name="aws_accounts")
    name = models.CharField(max_length=120, help_text="What it is for them, such as production.")
    account_id = models.CharField("account number", max_length=12, validators=[ACCOUNT_NUMBER])
    partition = models.CharField(
        max_length=12, choices=[(p.value, p.value) for p in Partition], default=Partition.AWS.value
    )
    added_at = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["partner__name", "name", "pk"]
        verbose_name = "partner's AWS account"
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "account_id"],
                name="partner_account_once",
                condition=Q(closed_at__isnull=True),
                violation_error_message="This partner has that account already.",
            ),
            models.CheckConstraint(
                name="partner_account_12_digits", condition=Q(account_id__regex=r"^[0-9]{12}$")
            ),
            models.CheckConstraint(
                name="partner_account_partition_known",
                condition=Q(partition__in=[p.value for p in Partition]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.account_id})"

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class SponsorQuestion(models.Model):
    """A partner's sponsor is gone, and somebody was asked to answer for it: first the deputy, then the admins.

    `asked` empty: all admins. Nobody of them answers by `answer_by`: the partner is suspended.
    """

    class Answer(models.TextChoices):
        TAKEN = "taken", "somebody answers for it now"
        PASSED_ON = "passed_on", "no answer in time: the admins were asked"
        SUSPENDED = "suspended", "no answer in time: suspended"
        OVER = "over", "the sponsor is back"

    partner = models.ForeignKey(Partner, PROTECT, related_name="sponsor_questions")
    asked = models.ForeignKey("Person", PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField()
    answer_by = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey("Person", PROTECT, null=True, related_name="+")
    answer = models.CharField(max_length=10, choices=Answer.choices, blank=True)

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["partner"], name="sponsor_question_one_open", condition=Q(answered_at__isnull=True)
            ),
            models.CheckConstraint(
                name="sponsor_question_answered_with_words",
                condition=Q(answered_at=None, answer="") | (Q(answered_at__isnull=False) & ~Q(answer="")),
            ),
            models.CheckConstraint(
                name="sponsor_question_has_time", condition=Q(answer_by__gt=F("asked_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"who answers for {self.partner_id}"
