"""Where people prove who they are, and who they are there."""

import uuid
from datetime import timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from portal.directory.models.partners import Partner
from portal.directory.models.people import Person
from portal.directory.names import validate_names, validate_words

PROTECT = models.PROTECT


class IdentityProvider(models.Model):
    """Where people prove who they are. What its protocol needs is in the settings of its kind (`.saml`, …)."""

    class Kind(models.TextChoices):
        SAML = "saml", "SAML 2.0"
        LDAP = "ldap", "LDAP or Active Directory"
        OIDC = "oidc", "OpenID Connect"
        LOCAL = "local", "accounts of the portal's own"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120, help_text="What people see on the sign-in page.")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.SAML)
    partner = models.ForeignKey(
        Partner,
        PROTECT,
        null=True,
        blank=True,
        related_name="identity_providers",
        help_text="Whose people sign in here; empty for the own company.",
    )
    is_enabled = models.BooleanField(default=True)
    email_attribute = models.CharField(max_length=200, blank=True, default="email")
    name_attribute = models.CharField(max_length=200, blank=True, default="displayName")
    groups_attribute = models.CharField(max_length=200, blank=True, default="groups")
    group_names = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_names],
        help_text='Groups that are called otherwise here, such as {"0f1e2d3c-…": "platform-engineers"}.',
    )
    admits_people = models.BooleanField(default=True, help_text="A first sign-in makes the person.")
    sign_in_hours = models.PositiveSmallIntegerField(
        default=8, help_text="How long a sign-in counts in the browser, 1 to 24 hours."
    )
    max_age_hours = models.PositiveSmallIntegerField(
        default=24,
        help_text="How long after its last word about somebody (a sign-in, a sync, a check) they may still use what "
        "they hold, API tokens included, where the provider doesn't tell by itself who has left. 1 to 2,160 hours.",
    )
    gone_everywhere = models.BooleanField(
        default=True,
        help_text="Whoever is gone here loses everything. Off: only what they hold by this provider.",
    )
    most_gone_percent = models.PositiveSmallIntegerField(
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="A sync that would deactivate a larger share of its people stops and asks.",
    )
    factor_contexts = models.JSONField(
        default=list,
        blank=True,
        validators=[validate_words],
        help_text="What this provider says of a sign-in with a second factor: SAML's AuthnContext classes, or OIDC's "
        'acr and amr values, such as ["mfa", "https://refeds.org/profile/mfa"].',
    )
    step_up_context = models.CharField(
        max_length=300,
        blank=True,
        help_text="What it is asked for when a fresh second factor is needed (AuthnContext class or acr value).",
    )
    scim_subject = models.CharField(
        max_length=12,
        default="userName",
        choices=[("userName", "userName"), ("externalId", "externalId")],
        help_text="Which SCIM attribute is what a sign-in calls the person (SAML's NameID, OIDC's sub).",
    )
    scim_subject_format = models.CharField(
        max_length=200, blank=True, help_text="The NameID format that goes with it (SAML)."
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="idp_kind_known", condition=Q(kind__in=["saml", "ldap", "oidc", "local"])
            ),
            models.CheckConstraint(
                name="idp_sign_in_age",
                condition=Q(sign_in_hours__gte=1, sign_in_hours__lte=24),
                violation_error_message="A sign-in counts 1 to 24 hours.",
            ),
            models.CheckConstraint(
                name="idp_max_age",
                condition=Q(max_age_hours__gte=1, max_age_hours__lte=2160),
                violation_error_message="What a provider said counts 1 to 2,160 hours.",
            ),
            models.CheckConstraint(
                name="idp_local_is_own",
                condition=~Q(kind="local") | Q(partner=None),
                violation_error_message="Accounts of the portal's own are for the own company's emergencies.",
            ),
            models.UniqueConstraint(fields=["kind"], condition=Q(kind="local"), name="idp_one_local"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def max_age(self) -> timedelta:
        return timedelta(hours=self.max_age_hours)


class SamlSettings(models.Model):
    """A SAML provider's own. The metadata is pinned: what a URL brings is taken only when it is signed, or by a yes.

    `offered_metadata` waits for that yes since `offered_at`; without a time it was refused, and is not offered again.
    `refreshed_at`: when the address last brought something usable; `refresh_problem`: why it did not since then.
    """

    provider = models.OneToOneField(IdentityProvider, models.CASCADE, primary_key=True, related_name="saml")
    entity_id = models.CharField(max_length=1024, unique=True)
    metadata = models.TextField(help_text="The provider's metadata document (XML), as it was handed over.")
    metadata_url = models.URLField(
        "metadata address", max_length=500, blank=True, help_text="Where it is refreshed from, each hour."
    )
    metadata_signer = models.TextField(
        "signer of the metadata",
        blank=True,
        help_text="PEM certificate. With it, what the address brings must be signed by it, and is taken by itself. "
        "Without, a change of keys or addresses waits for an admin's yes.",
    )
    offered_metadata = models.TextField(blank=True, editable=False)
    offered_at = models.DateTimeField(null=True, blank=True, editable=False)
    refreshed_at = models.DateTimeField(null=True, blank=True, editable=False)
    refresh_tried_at = models.DateTimeField(null=True, blank=True, editable=False)
    refresh_problem = models.CharField(max_length=300, blank=True, editable=False)
    allow_aes_cbc = models.BooleanField(
        "allow AES-CBC",
        default=False,
        help_text="Only for providers that can't do AES-GCM; see the threat model.",
    )
    max_assertion_minutes = models.PositiveSmallIntegerField(default=70)
    allows_unasked = models.BooleanField(
        "takes answers nobody asked for",
        default=False,
        help_text="IdP-initiated sign-in, from the provider's own start page. Off unless people need it.",
    )

    class Meta:
        verbose_name_plural = "SAML settings"
        constraints = [
            models.CheckConstraint(
                name="idp_assertion_lifetime",
                condition=Q(max_assertion_minutes__gte=1, max_assertion_minutes__lte=70),
                violation_error_message="An assertion may live 1 to 70 minutes.",
            ),
        ]

    def __str__(self) -> str:
        return self.entity_id


class LdapSettings(models.Model):
    """An LDAP directory's own: where it is, who asks, where people and groups are."""

    class Flavour(models.TextChoices):
        LDAP = "ldap", "LDAP (RFC 4511)"
        ACTIVE_DIRECTORY = "ad", "Active Directory"

    class Nesting(models.TextChoices):
        DIRECT = "direct", "direct members only"
        WALK = "walk", "nested: asked level by level"
        IN_CHAIN = "in_chain", "nested: Active Directory's matching rule in chain"

    provider = models.OneToOneField(IdentityProvider, models.CASCADE, primary_key=True, related_name="ldap")
    flavour = models.CharField(max_length=4, choices=Flavour.choices, default=Flavour.LDAP)
    urls = models.JSONField(
        "addresses",
        validators=[validate_words],
        help_text='Tried in this order, such as ["ldaps://dc1.example.com", "ldaps://dc2.example.com"].',
    )
    start_tls = models.BooleanField(
        "StartTLS",
        default=False,
        help_text="For ldap:// addresses: TLS before anything is said; never without.",
    )
    ca_certificates = models.TextField(
        "certificate authorities", blank=True, help_text="PEM. Empty: those that this machine trusts."
    )
    bind_dn = models.CharField(
        "bind as", max_length=500, blank=True, help_text="Who looks people up; it needs to read, no more."
    )
    sealed_bind_password = models.BinaryField(null=True, editable=False)
    bind_by_kerberos = models.BooleanField(
        "bind by Kerberos",
        default=False,
        help_text="By this machine's keytab, over TLS, in place of a name and a password. It takes the extra gssapi.",
    )
    people_base = models.CharField(
        max_length=500, help_text="Where people are, such as ou=people,dc=example,dc=com."
    )
    people_filter = models.CharField(
        max_length=500, default="(objectClass=person)", help_text="Which entries there are people."
    )
    login_attribute = models.CharField(
        max_length=80,
        default="uid",
        help_text="What people type: uid, sAMAccountName, userPrincipalName or mail.",
    )
    id_attribute = models.CharField(
        max_length=80, default="entryUUID", help_text="What never changes: entryUUID, or objectGUID in AD."
    )
    groups_base = models.CharField(
        max_length=500, blank=True, help_text="Where groups are; empty: none are read."
    )
    groups_filter = models.CharField(
        max_length=500, default="(|(objectClass=groupOfNames)(objectClass=group))"
    )
    group_name_attribute = models.CharField(max_length=80, default="cn")
    nesting = models.CharField(max_length=8, choices=Nesting.choices, default=Nesting.WALK)
    max_depth = models.PositiveSmallIntegerField(
        default=10, validators=[MinValueValidator(1), MaxValueValidator(50)]
    )
    timeout_seconds = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1), MaxValueValidator(60)]
    )
    page_size = models.PositiveSmallIntegerField(
        default=500, validators=[MinValueValidator(10), MaxValueValidator(1000)]
    )
    sync_minutes = models.PositiveSmallIntegerField(
        default=15, help_text="How often people and groups are read anew; 0: only on demand."
    )

    class Meta:
        verbose_name_plural = "LDAP settings"

    def __str__(self) -> str:
        return ", ".join(self.urls)


class OidcSettings(models.Model):
    """An OpenID provider's own. All else comes from its discovery document."""

    provider = models.OneToOneField(IdentityProvider, models.CASCADE, primary_key=True, related_name="oidc")
    issuer = models.URLField(max_length=500, help_text="Exactly as its discovery document has it.")
    client_id = models.CharField(max_length=255)
    sealed_client_secret = models.BinaryField(null=True, editable=False)
    scopes = models.CharField(max_length=300, default="openid profile email")
    keeps_id_token = models.BooleanField(
        "keep the ID token",
        default=False,
        help_text="Encrypted, until it ends: for roles that are reached by web identity.",
    )

    class Meta:
        verbose_name_plural = "OIDC settings"
        constraints = [
            models.UniqueConstraint(fields=["issuer", "client_id"], name="oidc_client_once"),
        ]

    def __str__(self) -> str:
        return self.issuer


class ExternalIdentity(models.Model):
    """Who a person is at one provider: matched exactly, by provider, format and subject; never by e-mail.

    `confirmed_at`: when the provider last vouched for them (a sign-in, a sync, a check when something was issued).
    `is_provisioned`: the provider tells by itself (SCIM) when they leave. `gone_at`: since when it says they left.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.ForeignKey(IdentityProvider, PROTECT, related_name="identities")
    person = models.ForeignKey(Person, PROTECT, related_name="identities")
    subject = models.CharField(max_length=256)
    subject_format = models.CharField(max_length=200, blank=True)
    login = models.CharField(max_length=256, blank=True, help_text="What they type there, for readers.")
    linked_at = models.DateTimeField(default=timezone.now, editable=False)
    last_seen_at = models.DateTimeField(null=True, editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)
    is_provisioned = models.BooleanField(default=False, editable=False)
    gone_at = models.DateTimeField(null=True, editable=False)
    gone_why = models.CharField(max_length=40, blank=True, editable=False)

    class Meta:
        verbose_name_plural = "external identities"
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "subject_format", "subject"], name="identity_means_one_person"
            ),
            models.CheckConstraint(name="identity_has_subject", condition=~Q(subject="")),
            models.CheckConstraint(
                name="identity_gone_has_reason", condition=Q(gone_at=None) | ~Q(gone_why="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.provider_id}"
