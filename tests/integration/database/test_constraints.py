# ruff: noqa: E501  # the table of cases is read by the row
"""Every named constraint refuses its impossible row and takes the neighbour, on either database."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

from portal.access.models import (
    Alarm,
    AwsSession,
    ConsoleLink,
    DenyDocument,
    Grant,
    Hold,
    KeptDeny,
    Reconciliation,
    Revocation,
    Sweep,
)
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsAccount, AwsRole, Entitlement, ScopeTemplate
from portal.directory.models import (
    ApiToken,
    AuthenticatorApp,
    ExternalIdentity,
    Group,
    GroupMembership,
    IdentityProvider,
    OidcSettings,
    Partner,
    Passkey,
    PendingSignIn,
    Person,
    SamlSettings,
    ScimGroup,
    ScimMembership,
    ScimToken,
    ScimUser,
    SeenAssertion,
    SyncRun,
)
from portal.kernel.models import Tally

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
Row = models.Model
OURS = ("kernel", "audit", "directory", "catalog", "access")


class Rows:
    """One legal row of each model, made on demand; `changes` make it another one."""

    def __init__(self) -> None:
        self.number = 0

    def unique(self) -> str:
        self.number += 1
        return f"{self.number:012d}"

    def partner(self, **changes: Any) -> Row:
        given = {"name": self.unique(), "contract_starts_at": NOW, "contract_ends_at": NOW + HOUR}
        return Partner.objects.create(**given | changes)

    def person(self, **changes: Any) -> Row:
        return Person.objects.create(**{"name": "Ada"} | changes)

    def idp(self, **changes: Any) -> Row:
        return IdentityProvider.objects.create(**{"slug": self.unique(), "name": "IdP"} | changes)

    def saml(self, **changes: Any) -> Row:
        given = {"provider": self.idp(), "entity_id": self.unique(), "metadata": "<x/>"}
        return SamlSettings.objects.create(**given | changes)

    def oidc(self, **changes: Any) -> Row:
        given = {"provider": self.idp(), "issuer": "https://i", "client_id": self.unique()}
        return OidcSettings.objects.create(**given | changes)

    def app(self, **changes: Any) -> Row:
        return AuthenticatorApp.objects.create(
            **{"person": self.person(), "name": self.unique(), "sealed_secret": b"s"} | changes
        )

    def passkey(self, **changes: Any) -> Row:
        given = {"person": self.person(), "name": self.unique(), "credential_id": self.unique().encode()}
        return Passkey.objects.create(**given | {"public_key": b"k"} | changes)

    def scim_token(self, **changes: Any) -> Row:
        given = {"provider": self.idp(), "name": "t", "prefix": "scim_", "digest": self.unique()}
        return ScimToken.objects.create(**given | {"created_at": NOW, "expires_at": NOW + HOUR} | changes)

    def scim_user(self, **changes: Any) -> Row:
        provider = IdentityProvider.objects.first() or self.idp()
        given = {"provider": provider, "identity": self.identity(), "created_at": NOW, "modified_at": NOW}
        return ScimUser.objects.create(**given | changes)

    def scim_group(self) -> Row:
        given: dict[str, Any] = {"provider": self.idp(), "group": self.group()}
        return ScimGroup.objects.create(**given, created_at=NOW, modified_at=NOW)

    def told_membership(self, **changes: Any) -> Row:
        made: dict[str, Callable[[], Row]] = {
            "group": self.scim_group,
            "user": lambda: self.scim_user(user_name=self.unique()),
        }
        return ScimMembership.objects.create(
            **{k: v() for k, v in made.items() if k not in changes} | changes
        )

    def sync(self, **changes: Any) -> Row:
        return SyncRun.objects.create(**{"provider": self.idp(), "state": "asked", "asked_at": NOW} | changes)

    def entitlement(self, **changes: Any) -> Row:
        return Entitlement.objects.create(**{"group": self.group(), "role": self.role()} | changes)

    def identity(self, **changes: Any) -> Row:
        given = {"subject": self.unique()}
        made = {k: v for k, v in (("provider", self.idp), ("person", self.person)) if k not in changes}
        return ExternalIdentity.objects.create(**given | {k: v() for k, v in made.items()} | changes)

    def group(self, **changes: Any) -> Row:
        return Group.objects.create(**{"name": self.unique()} | changes)

    def membership(self, **changes: Any) -> Row:
        made = {"group": self.group, "person": self.person}
        return GroupMembership.objects.create(
            **{k: v() for k, v in made.items() if k not in changes} | changes
        )

    def pending(self, **changes: Any) -> Row:
        given = {
            "provider": self.idp(),
            "request_id": self.unique(),
            "relay_state": self.unique(),
            "browser": "b",
            "next_path": "/",
            "created_at": NOW,
            "expires_at": NOW + HOUR,
        }
        return PendingSignIn.objects.create(**given | changes)

    def assertion(self, **changes: Any) -> Row:
        given = {"assertion_id": self.unique(), "valid_until": NOW}
        return SeenAssertion.objects.create(
            **given | ({} if "provider" in changes else {"provider": self.idp()}) | changes
        )

    def token(self, **changes: Any) -> Row:
        given = {
            "person": self.person(),
            "name": "ci",
            "prefix": "sp_x",
            "digest": self.unique(),
            "created_at": NOW,
            "expires_at": NOW + HOUR,
        }
        return ApiToken.objects.create(**given | changes)

    def account(self, **changes: Any) -> Row:
        return AwsAccount.objects.create(**{"name": self.unique(), "account_id": self.unique()} | changes)

    def role(self, **changes: Any) -> Row:
        given = {"title": self.unique(), "name": self.unique()}
        return AwsRole.objects.create(
            **given | ({} if "account" in changes else {"account": self.account()}) | changes
        )

    def template(self) -> Row:
        return ScopeTemplate.objects.create(name=self.unique(), summary="s", policy={"Version": "2012-10-17"})

    def grant(self, **changes: Any) -> Row:
        given = {
            "person": self.person(),
            "role": self.role(),
            "starts_at": NOW,
            "ends_at": NOW + HOUR,
            "state": "active",
            "activated_at": NOW,
            "reason": "r",
            "made_at": NOW,
        }
        return Grant.objects.create(**given | changes)

    def session(self, **changes: Any) -> Row:
        given = {
            "grant": self.grant(),
            "kind": "console",
            "state": "asked",
            "session_name": "sp-x",
            "asked_at": NOW,
            "expires_at": NOW + HOUR,
        }
        return AwsSession.objects.create(**given | changes)

    def document(self, **changes: Any) -> Row:
        given = {"kind": "role", "name": self.unique()}
        return DenyDocument.objects.create(
            **given | ({} if "account" in changes else {"account": self.account()}) | changes
        )

    def revocation(self, **changes: Any) -> Row:
        given = {
            "grant": self.grant(),
            "document": self.document(),
            "userids": ["AROA:x"],
            "state": "pending",
            "asked_at": NOW,
            "covers_until": NOW + HOUR,
            "next_try_at": NOW,
        }
        return Revocation.objects.create(**given | changes)

    def kept(self, **changes: Any) -> Row:
        given = {"userid": "AROA:x", "found_at": NOW, "covers_until": NOW + HOUR}
        return KeptDeny.objects.create(
            **given | ({} if "document" in changes else {"document": self.document()}) | changes
        )

    def sweep(self, **changes: Any) -> Row:
        return Sweep.objects.create(**{"id": 1} | changes)

    def hold(self, **changes: Any) -> Row:
        return Hold.objects.create(**{"entered_at": NOW, "reason": "r"} | changes)

    def reconciliation(self, **changes: Any) -> Row:
        return Reconciliation.objects.create(**{"asked_at": NOW, "asked_by": "x"} | changes)

    def alarm(self, **changes: Any) -> Row:
        given = {"kind": "held", "subject": self.unique(), "text": "t", "raised_at": NOW}
        return Alarm.objects.create(**given | changes)

    def tally(self, **changes: Any) -> Row:
        return Tally.objects.create(**{"name": "n", "label": self.unique(), "amount": 1} | changes)

    def link(self, **changes: Any) -> Row:
        given = {
            "grant": self.grant(),
            "digest": self.unique(),
            "destination": "/",
            "made_at": NOW,
            "expires_at": NOW + HOUR,
        }
        return ConsoleLink.objects.create(**given | changes)

    def event(self, **changes: Any) -> Row:
        given = {
            "at": NOW,
            "type": "x",
            "outcome": "done",
            "actor_kind": "system",
            "actor_label": "x",
        }
        return AuditEvent.objects.create(**given | changes)


# An unknown state is neither living nor ended: several constraints refuse it, and the database names one.
BROKEN_TOO = {
    "grant_state_known": "grant_ended_at_iff_ended",
    "revocation_state_known": "revocation_applied_at_iff_standing",
}
Case = tuple[str, Callable[[Rows], object], Callable[[Rows], object]]


def twice(make: str, **same: Any) -> Callable[[Rows], object]:
    def act(rows: Rows) -> object:
        given = {key: value(rows) if callable(value) else value for key, value in same.items()}
        getattr(rows, make)(**given)
        return getattr(rows, make)(**given)

    return act


def one(make: str, **changes: Any) -> Callable[[Rows], object]:
    def act(rows: Rows) -> object:
        given = {key: value(rows) if callable(value) else value for key, value in changes.items()}
        return getattr(rows, make)(**given)

    return act


def granted_to_oneself(rows: Rows) -> object:
    ada = rows.person()
    return rows.grant(person=ada, granted_by=ada)


CASES: list[Case] = [
    ("tally_once", twice("tally", name="n", label="l"), twice("tally", name="n")),
    ("partner_contract_ends_after_start", one("partner", contract_ends_at=NOW), one("partner")),
    ("person_active_or_deactivated_at", one("person", is_active=False), one("person", is_active=False, deactivated_at=NOW)),
    ("person_active_or_deactivated_at", one("person", deactivated_at=NOW), one("person")),
    ("person_of_partner_never_admin", one("person", partner=Rows.partner, is_staff=True), one("person", partner=Rows.partner)),
    ("person_superuser_is_staff", one("person", is_superuser=True), one("person", is_superuser=True, is_staff=True)),
    ("idp_kind_known", one("idp", kind="kerberos"), one("idp", kind="oidc")),
    ("idp_assertion_lifetime", one("saml", max_assertion_minutes=71), one("saml", max_assertion_minutes=70)),
    ("idp_max_age", one("idp", max_age_hours=0), one("idp", max_age_hours=1)),
    ("idp_local_is_own", one("idp", kind="local", partner=Rows.partner), one("idp", kind="local")),
    ("idp_one_local", twice("idp", kind="local"), twice("idp", kind="ldap")),
    ("oidc_client_once", twice("oidc", issuer="https://i", client_id="c"), twice("oidc", issuer="https://i")),
    ("identity_gone_has_reason", one("identity", gone_at=NOW), one("identity", gone_at=NOW, gone_why="removed")),
    ("pending_sign_in_person", one("pending", purpose="link"), one("pending", purpose="link", person=Rows.person)),
    ("authenticator_app_name_once", twice("app", person=Rows.person, name="a"), twice("app", person=Rows.person)),
    ("passkey_name_once", twice("passkey", person=Rows.person, name="a"), twice("passkey", person=Rows.person)),
    ("scim_token_ends_after_start", one("scim_token", expires_at=NOW), one("scim_token")),
    ("sync_one_at_a_time", twice("sync", provider=Rows.idp), twice("sync", provider=Rows.idp, state="done")),
    ("entitlement_length", one("entitlement", longest_minutes=14), one("entitlement", longest_minutes=15)),
    ("idp_sign_in_age", one("idp", sign_in_hours=25), one("idp", sign_in_hours=24)),
    ("identity_means_one_person", twice("identity", provider=Rows.idp, subject="s"), twice("identity", subject="s")),
    ("identity_has_subject", one("identity", subject=""), one("identity", subject="s")),
    ("group_name_per_provider", twice("group", provider=Rows.idp, name="g"), twice("group", provider=Rows.idp)),
    (
        "group_external_id_per_provider",
        twice("group", provider=Rows.idp, external_id="e"),
        twice("group", external_id="e"),
    ),
    (
        "scim_user_name_once",
        lambda rows: [rows.scim_user(user_name=name) for name in ("Ada", "ADA")],
        lambda rows: [rows.scim_user(user_name=name) for name in ("Ada", "Eve")],
    ),
    (
        "scim_membership_once",
        twice("told_membership", group=Rows.scim_group, user=Rows.scim_user),
        twice("told_membership", group=Rows.scim_group),
    ),
    ("group_name_of_own", twice("group", name="g"), twice("group")),
    ("membership_once", twice("membership", group=Rows.group, person=Rows.person), twice("membership", group=Rows.group)),
    ("pending_sign_in_period", one("pending", expires_at=NOW), one("pending")),
    ("assertion_counts_once", twice("assertion", provider=Rows.idp, assertion_id="a"), twice("assertion", assertion_id="a")),
    ("token_ends_after_start", one("token", expires_at=NOW), one("token")),
    ("account_number_12_digits", one("account", account_id="12345678901x"), one("account", account_id="123456789012")),
    ("account_partition_known", one("account", partition="aws-mars"), one("account", partition="aws-cn")),
    ("role_title_per_account", twice("role", account=Rows.account, title="t"), twice("role", title="t")),
    ("role_name_per_account", twice("role", account=Rows.account, name="n"), twice("role", name="n")),
    ("role_method_known", one("role", method="magic"), one("role", method="assume_role")),
    ("role_session_within_aws_limits", one("role", max_session_seconds=3599), one("role", max_session_seconds=43_200)),
    ("role_allows_something", one("role", allows_console=False, allows_credentials=False), one("role", allows_console=False)),
    ("role_federation_probe", one("role", method="federation_token", requires_scope=True, probe="sts:GetAccessKeyInfo"), one("role", method="federation_token", requires_scope=True, probe="s3:ListAllMyBuckets")),
    ("role_federation_needs_scope", one("role", method="federation_token"), one("role", method="federation_token", requires_scope=True)),
    ("grant_ends_after_start", one("grant", ends_at=NOW), one("grant")),
    ("grant_state_known", one("grant", state="forgotten"), one("grant")),
    ("grant_active_was_activated", one("grant", activated_at=None), one("grant")),
    ("grant_scheduled_not_activated", one("grant", state="scheduled"), one("grant", state="scheduled", activated_at=None)),
    ("grant_ended_at_iff_ended", one("grant", state="revoked"), one("grant", state="revoked", ended_at=NOW)),
    ("grant_ended_at_iff_ended", one("grant", ended_at=NOW), one("grant")),
    ("grant_expires_not_before_end", one("grant", state="expired", ended_at=NOW), one("grant", state="expired", ended_at=NOW + HOUR)),
    ("grant_window_whole_or_none", one("grant", window_days="15"), one("grant", window_days="15", window_zone="UTC", window_opens=time(8), window_closes=time(18))),
    ("grant_window_whole_or_none", one("grant", window_zone="UTC", window_opens=time(8), window_closes=time(18)), one("grant")),
    ("grant_runs_out_only_ended", one("grant", sessions_run_out=True), one("grant", state="revoked", ended_at=NOW, sessions_run_out=True)),
    ("grant_has_reason", one("grant", reason=""), one("grant")),
    ("grant_not_to_oneself", granted_to_oneself, one("grant", granted_by=Rows.person)),
    ("grant_scope_is_frozen", one("grant", scope_template=Rows.template), one("grant", scope_template=Rows.template, scope_policy={"a": 1})),
    ("session_state_known", one("session", state="odd", answered_at=NOW), one("session")),
    ("session_answered_iff_not_asked", one("session", answered_at=NOW), one("session", state="lost", answered_at=NOW)),
    ("session_got_names_userid", one("session", state="got", answered_at=NOW), one("session", state="got", answered_at=NOW, userid="u")),
    ("session_expires_after_asked", one("session", expires_at=NOW), one("session")),
    ("deny_document_once", twice("document", account=Rows.account, name="n"), twice("document", name="n")),
    ("deny_document_kind_known", one("document", kind="team"), one("document", kind="user")),
    ("deny_document_leased_by_somebody", one("document", leased_until=NOW), one("document", leased_until=NOW, holder="h")),
    ("revocation_state_known", one("revocation", state="odd"), one("revocation")),
    ("revocation_applied_at_iff_standing", one("revocation", state="applied"), one("revocation", state="applied", applied_at=NOW)),
    ("revocation_applied_at_iff_standing", one("revocation", applied_at=NOW), one("revocation", state="cleaned", applied_at=NOW, cleaned_at=NOW)),
    ("revocation_proven_at_iff_proven", one("revocation", state="proven", applied_at=NOW), one("revocation", state="proven", applied_at=NOW, proven_at=NOW)),
    ("revocation_proven_at_iff_proven", one("revocation", state="applied", applied_at=NOW, proven_at=NOW), one("revocation", state="applied", applied_at=NOW)),
    ("revocation_cleaned_at_iff_cleaned", one("revocation", state="cleaned"), one("revocation", state="cleaned", cleaned_at=NOW)),
    ("revocation_cleaned_at_iff_cleaned", one("revocation", cleaned_at=NOW), one("revocation")),
    ("revocation_probed_while_applied", one("revocation", probe_at=NOW), one("revocation", state="applied", applied_at=NOW, probe_at=NOW)),
    ("revocation_failing_says_why", one("revocation", state="failing"), one("revocation", state="failing", last_error="e")),
    ("revocation_names_sessions", one("revocation", userids=[]), one("revocation")),
    ("deny_document_cut_has_end", one("document", issued_before=NOW), one("document", issued_before=NOW, issued_before_until=NOW + HOUR)),
    ("deny_document_cut_has_end", one("document", issued_before=NOW, issued_before_until=NOW), one("document")),
    ("kept_deny_once", twice("kept", document=Rows.document), twice("kept")),
    ("kept_deny_covers_time", one("kept", covers_until=NOW), one("kept")),
    ("sweep_one_row", one("sweep", id=2), one("sweep")),
    ("sweep_leased_by_somebody", one("sweep", leased_until=NOW), one("sweep", leased_until=NOW, holder="h")),
    ("hold_one_at_a_time", twice("hold"), twice("hold", released_at=NOW, looked_at=NOW)),
    ("hold_has_reason", one("hold", reason=""), one("hold")),
    ("hold_released_after_a_look", one("hold", released_at=NOW), one("hold", released_at=NOW, looked_at=NOW)),
    ("reconciliation_one_at_a_time", twice("reconciliation"), twice("reconciliation", made_at=NOW, problem="p")),
    (
        "reconciliation_made_says_what",
        one("reconciliation", made_at=NOW),
        one("reconciliation", made_at=NOW, report={}),
    ),
    ("alarm_once_while_open", twice("alarm", subject="s"), twice("alarm", subject="s", cleared_at=NOW)),
    ("alarm_kind_known", one("alarm", kind="odd"), one("alarm")),
    ("revocation_covers_time", one("revocation", covers_until=NOW), one("revocation")),
    ("console_link_ends_after_start", one("link", expires_at=NOW), one("link")),
    ("audit_outcome_known", one("event", outcome="odd"), one("event")),
    ("audit_person_has_id", one("event", actor_kind="person"), one("event", actor_kind="person", actor_id=uuid4())),
]  # fmt: skip


@pytest.mark.parametrize(("name", "impossible", "neighbour"), CASES, ids=[case[0] for case in CASES])
def test_refuses_the_impossible_and_takes_the_neighbour(
    name: str, impossible: Callable[[Rows], object], neighbour: Callable[[Rows], object]
) -> None:
    rows = Rows()
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        impossible(rows)
    found = next(c for model in _models() for c in model._meta.constraints if c.name == name)
    if connection.vendor == "postgresql" or isinstance(found, models.CheckConstraint):
        assert name in str(refused.value) or BROKEN_TOO.get(name, name) in str(refused.value)
    else:  # SQLite names the columns of a unique constraint
        assert "UNIQUE constraint failed" in str(refused.value)
    neighbour(Rows())


def test_every_constraint_of_ours_has_its_case() -> None:
    named = {str(constraint.name) for model in _models() for constraint in model._meta.constraints}
    assert named == {case[0] for case in CASES}


def test_what_history_needs_is_protected() -> None:
    """Whatever points at people, roles or grants keeps them; only what is worthless alone goes along."""
    cascades = {
        f"{model.__name__}.{field.name}"
        for model in _models()
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey) and field.remote_field.on_delete is not models.PROTECT
    }
    assert cascades == {
        "GroupMembership.group",
        "GroupMembership.person",
        "ScimMembership.group",
        "ScimMembership.user",
        "PendingSignIn.provider",
        "PendingSignIn.person",
        "SeenAssertion.provider",
        "SignIn.person",
        "SignIn.identity",
        "SamlSettings.provider",
        "LdapSettings.provider",
        "OidcSettings.provider",
        "ScimToken.provider",
        "ScimUser.provider",
        "ScimUser.identity",
        "ScimGroup.provider",
        "ScimGroup.group",
        "SyncRun.provider",
        "SyncRun.asked_by",
        "AuthenticatorApp.person",
        "Passkey.person",
        "RecoveryCode.person",
        "LocalPassword.identity",
        "Person.deactivated_by_provider",
        "ScopeTemplate_roles.scopetemplate",
        "ScopeTemplate_roles.awsrole",
        "Person_groups.person",
        "Person_groups.group",
        "Person_user_permissions.person",
        "Person_user_permissions.permission",
    }


@pytest.mark.parametrize("make", ["person", "role", "grant"])
def test_a_delete_is_refused_where_something_points(make: str) -> None:
    rows = Rows()
    session = rows.session()
    target = {"grant": session.grant, "person": session.grant.person, "role": session.grant.role}[make]  # type: ignore[attr-defined]  # a session has a grant
    with pytest.raises(models.ProtectedError):
        target.delete()
    getattr(rows, make)().delete()


def _models() -> list[type[models.Model]]:
    return [
        model for label in OURS for model in apps.get_app_config(label).get_models(include_auto_created=True)
    ]
