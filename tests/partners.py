"""Partners' people, accounts, ExternalIds and grants to accounts as rows, for the tests of the partner's side."""

from datetime import UTC, datetime, timedelta
from typing import Any

from portal.access.models import ExternalId, Grant, PartnerRole
from portal.catalog.models import AwsAccount, AwsRole, ScopeTemplate
from portal.directory.models import ExternalIdentity, IdentityProvider, Partner, PartnerAccount, Person
from portal.identity.operations.admit_person import admit_as
from portal.kernel.actor import Actor
from tests.world import HOUR, make_person

ROLE = "sallyport-partner-4f2a"
POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::shared-reports"]},
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::shared-reports/*"]},
    ],
}


def make_partner(name: str = "Acme", **fields: Any) -> Partner:
    now = datetime.now(UTC)
    known: dict[str, Any] = {
        "name": name,
        "contract_starts_at": now - timedelta(days=1),
        "contract_ends_at": now + timedelta(days=30),
    }
    return Partner.objects.create(**{**known, **fields})


def make_partner_admin(partner: Partner, name: str = "Kim Reyes", **fields: Any) -> Person:
    return make_person(name, partner=partner, is_partner_admin=True, **fields)


def partner_provider(
    partner: Partner, *, kind: str = "oidc", slug: str = "", **fields: Any
) -> IdentityProvider:
    """Where the partner's own people sign in."""
    known = {"name": f"{partner.name} sign-in", "kind": kind, "partner": partner}
    return IdentityProvider.objects.create(slug=slug or f"{partner.slug}-{kind}", **{**known, **fields})


def admitted(provider: IdentityProvider, subject: str) -> Person:
    """Somebody whom a first sign-in at the provider made."""
    identity = ExternalIdentity(provider=provider, subject=subject, login=subject)
    return admit_as(identity, name=subject.capitalize(), email="", actor=Actor.command("tests")).person


def partner_account(partner: Partner, number: str = "333333333333", **fields: Any) -> PartnerAccount:
    """An AWS account of the partner's, with its ExternalId."""
    made = PartnerAccount.objects.create(
        **{"partner": partner, "name": "Production", "account_id": number, **fields}
    )
    ExternalId.objects.create(partner_account=made, made_at=datetime.now(UTC))
    return made


def account_grant(account: PartnerAccount, *, state: str = "standing", **fields: Any) -> Grant:
    """A living grant to a partner's account, its role standing in AWS."""
    now = datetime.now(UTC)
    number = Grant.objects.count() + 1
    ours, _ = AwsAccount.objects.get_or_create(
        account_id="222222222222", defaults={"name": "Data", "provisioner_role_arn": ""}
    )
    role = AwsRole.objects.create(
        account=ours,
        title=f"{account.partner.name} {number}",
        name=f"{ROLE}-{number}",
        path=f"/sallyport/partners/{account.partner.slug}/",
        method="cross_account",
        allows_console=False,
    )
    template, _ = ScopeTemplate.objects.get_or_create(
        name="S3 bucket, read-only", defaults={"summary": "Read", "policy": POLICY, "for_partners": True}
    )
    known: dict[str, Any] = {
        "partner_account": account,
        "role": role,
        "scope_template": template,
        "scope_policy": POLICY,
        "scope_summary": "Read the bucket shared-reports",
        "starts_at": now - HOUR,
        "ends_at": now + 13 * 24 * HOUR,
        "state": "active",
        "made_at": now - HOUR,
        "activated_at": now - HOUR,
        "reason": "A joint project",
    }
    grant = Grant.objects.create(**{**known, **fields})
    PartnerRole.objects.create(
        grant=grant,
        role=role,
        principal_arn=f"arn:aws:iam::{account.account_id}:root",
        state=state,
        asked_at=now - HOUR,
        made_at=None if state == "making" else now - HOUR,
        written=0 if state == "making" else 1,
        due_at=now if state in {"making", "closing"} else None,
        closing_at=now if state in {"closing", "gone"} else None,
        gone_at=now if state == "gone" else None,
    )
    return grant
