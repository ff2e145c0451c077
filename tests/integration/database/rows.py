"""One legal row of each model of the kernel, the trail, the directory and the catalog; `changes` make another."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import models

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

NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
Row = models.Model


class DirectoryRows:
    """Rows of the kernel, the trail and the directory, made on demand."""

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

    def tally(self, **changes: Any) -> Row:
        return Tally.objects.create(**{"name": "n", "label": self.unique(), "amount": 1} | changes)

    def event(self, **changes: Any) -> Row:
        given = {
            "at": NOW,
            "type": "x",
            "outcome": "done",
            "actor_kind": "system",
            "actor_label": "x",
        }
        return AuditEvent.objects.create(**given | changes)


class CatalogRows(DirectoryRows):
    """And of the catalog."""

    def entitlement(self, **changes: Any) -> Row:
        return Entitlement.objects.create(**{"group": self.group(), "role": self.role()} | changes)

    def account(self, **changes: Any) -> Row:
        return AwsAccount.objects.create(**{"name": self.unique(), "account_id": self.unique()} | changes)

    def role(self, **changes: Any) -> Row:
        given = {"title": self.unique(), "name": self.unique()}
        return AwsRole.objects.create(
            **given | ({} if "account" in changes else {"account": self.account()}) | changes
        )

    def template(self, **changes: Any) -> Row:
        given = {"name": self.unique(), "summary": "s", "policy": {"Version": "2012-10-17"}}
        return ScopeTemplate.objects.create(**given | changes)
