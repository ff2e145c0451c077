"""One legal row of each model about access and about partners; `changes` make it another one."""

from typing import Any

from portal.access.models import (
    Alarm,
    AwsSession,
    ConsoleLink,
    DenyDocument,
    ExternalId,
    ExternalIdProof,
    Grant,
    Hold,
    KeptDeny,
    PartnerRole,
    Reconciliation,
    Revocation,
    RoleDrift,
    Sweep,
)
from portal.directory.models import PartnerAccount, SponsorQuestion
from tests.integration.database.rows import HOUR, NOW, CatalogRows, Row


class AccessRows(CatalogRows):
    """Rows about access, beside all others."""

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

    def link(self, **changes: Any) -> Row:
        given = {
            "grant": self.grant(),
            "digest": self.unique(),
            "destination": "/",
            "made_at": NOW,
            "expires_at": NOW + HOUR,
        }
        return ConsoleLink.objects.create(**given | changes)


class Rows(AccessRows):
    """And those about partners that come in from their own accounts."""

    def partner_account(self, **changes: Any) -> Row:
        given = {"name": "production", "account_id": self.unique()}
        return PartnerAccount.objects.create(
            **given | ({} if "partner" in changes else {"partner": self.partner()}) | changes
        )

    def question(self, **changes: Any) -> Row:
        given = {"asked_at": NOW, "answer_by": NOW + HOUR}
        return SponsorQuestion.objects.create(
            **given | ({} if "partner" in changes else {"partner": self.partner()}) | changes
        )

    def external_id(self, **changes: Any) -> Row:
        made = {} if "partner_account" in changes else {"partner_account": self.partner_account()}
        return ExternalId.objects.create(**{"made_at": NOW} | made | changes)

    def proof(self, **changes: Any) -> Row:
        given: dict[str, Any] = {"kind": "onboarding", "state": "asked", "asked_at": NOW, "due_at": NOW}
        made = {"external_id": self.external_id, "account": self.account}
        given |= {k: v() for k, v in made.items() if k not in changes} | changes
        given["partner_account"] = given["external_id"].partner_account
        return ExternalIdProof.objects.create(**given)

    def partner_role(self, **changes: Any) -> Row:
        role = self.role(method="cross_account")
        given = {
            "role": role,
            "grant": self.grant(role=role, person=None, partner_account=self.partner_account()),
            "principal_arn": "arn:aws:iam::123456789012:root",
            "state": "making",
            "asked_at": NOW,
            "due_at": NOW,
        }
        return PartnerRole.objects.create(**given | changes)

    def drift(self, **changes: Any) -> Row:
        given = {
            "role_name": "sp-x",
            "part": "trust",
            "kind": "widened",
            "why": "w",
            "digest": "d",
            "state": "open",
            "found_at": NOW,
            "seen_at": NOW,
        }
        return RoleDrift.objects.create(
            **given | ({} if "account" in changes else {"account": self.account()}) | changes
        )
