"""Partners with accounts, grants to these in any state, their roles, proofs and drift: rows for the pages' tests."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from portal.access.models import ExternalId, ExternalIdProof, Grant, PartnerRole, RoleDrift
from portal.catalog.models import AwsAccount, AwsRole, ScopeTemplate
from portal.directory.models import Partner, PartnerAccount, Person
from tests.world import HOUR

_numbers = itertools.count(1)
DAY = timedelta(days=1)
READ: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::{{bucket}}/*"}],
}


def now() -> datetime:
    return datetime.now(UTC)


def make_partner(name: str = "Acme", *, sponsor: Person | None = None, **fields: Any) -> Partner:
    """One with a contract of which a third is gone."""
    known = {"contract_starts_at": now() - 100 * DAY, "contract_ends_at": now() + 200 * DAY, **fields}
    return Partner.objects.create(name=name, sponsor=sponsor, **known)


def make_partner_account(partner: Partner, name: str = "production", **fields: Any) -> PartnerAccount:
    """One with its current ExternalId."""
    known = {"account_id": f"{700_000_000_000 + next(_numbers):012d}", **fields}
    account = PartnerAccount.objects.create(partner=partner, name=name, **known)
    ExternalId.objects.create(partner_account=account, made_at=now())
    return account


def make_place(name: str = "Data lake", **fields: Any) -> AwsAccount:
    """An account of ours in which roles can be made for partners."""
    number = f"{500_000_000_000 + next(_numbers):012d}"
    known = {
        "account_id": number,
        "provisioner_role_arn": f"arn:aws:iam::{number}:role/sallyport/SallyportProvisioner",
        **fields,
    }
    return AwsAccount.objects.create(name=name, **known)


def make_template(name: str = "One bucket, read-only", **fields: Any) -> ScopeTemplate:
    known: dict[str, Any] = {
        "summary": "Read every object in the bucket {{bucket}}",
        "policy": READ,
        "parameters": {"bucket": "bucket_name"},
        "for_partners": True,
        **fields,
    }
    return ScopeTemplate.objects.create(name=name, **known)


def make_account_grant(
    theirs: PartnerAccount, ours: AwsAccount, *, state: str = "standing", **fields: Any
) -> Grant:
    """A grant to the account with its role; `state` is the role's, and an ended one's grant has ended, too."""
    is_over = state in {"closing", "gone"}
    name = f"sp-{uuid4().hex[:12]}"
    role = AwsRole.objects.create(
        account=ours,
        title=f"{theirs.partner.name}: reports ({name})",
        name=name,
        path=f"/sallyport/partners/{theirs.partner.slug}/",
        method=AwsRole.Method.CROSS_ACCOUNT,
        allows_console=False,
    )
    known: dict[str, Any] = {
        "partner_account": theirs,
        "role": role,
        "scope_summary": "Read every object in the bucket acme-reports",
        "starts_at": now() - HOUR,
        "ends_at": now() + 13 * DAY,
        "state": "revoked" if is_over else "scheduled" if "activated_at" in fields else "active",
        "made_at": now() - HOUR,
        "activated_at": now() - HOUR,
        "ended_at": now() if is_over else None,
        "reason": "The joint project",
        **fields,
    }
    grant = Grant.objects.create(**known)
    make_partner_role(grant, state)
    return grant


def make_partner_role(grant: Grant, state: str = "standing", **fields: Any) -> PartnerRole:
    is_over = state in {"closing", "gone"}
    account = grant.partner_account
    known: dict[str, Any] = {
        "grant": grant,
        "role": grant.role,
        "principal_arn": f"arn:aws:iam::{account.account_id if account else ''}:root",
        "state": state,
        "asked_at": grant.made_at,
        "made_at": None if state == "making" else grant.made_at + timedelta(seconds=3),
        "written": 0 if state == "making" else 1,
        "closing_at": grant.ended_at if is_over else None,
        "closed_at": grant.ended_at + timedelta(seconds=1) if state == "gone" and grant.ended_at else None,
        "gone_at": grant.ended_at + timedelta(seconds=2) if state == "gone" and grant.ended_at else None,
        "due_at": now() if state in {"making", "closing"} else None,
        "check_at": now() + timedelta(seconds=40) if state == "standing" else None,
        **fields,
    }
    return PartnerRole.objects.create(**known)


def make_proof(
    account: PartnerAccount, ours: AwsAccount, state: str = "proven", **fields: Any
) -> ExternalIdProof:
    is_over = state != "asked"
    step = {"expected": "in", "answer": "in", "is_ok": True, "at": now().isoformat()}
    known: dict[str, Any] = {
        "partner_account": account,
        "external_id": account.external_ids.get(accepted_until=None),
        "account": ours,
        "kind": "onboarding",
        "state": state,
        "asked_at": now(),
        "done_at": now() if is_over else None,
        "due_at": None if is_over else now(),
        "steps": [
            {**step, "what": "with the current ExternalId"},
            {**step, "what": "without any", "expected": "kept out", "answer": "AccessDenied"},
        ],
        **fields,
    }
    return ExternalIdProof.objects.create(**known)


def make_drift(role: PartnerRole | None, ours: AwsAccount, **fields: Any) -> RoleDrift:
    """A trust policy that lets in another account, found just now."""
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::700000000001:root"}}]}
    wide = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}}]}
    known: dict[str, Any] = {
        "account": ours,
        "partner_role": role,
        "role_name": role.role.name if role else "sp-nobody-knows",
        "part": "trust",
        "kind": "widened",
        "why": "Its trust policy lets in more than it should.",
        "wanted": trust,
        "found": wide,
        "digest": "0" * 64,
        "state": "open",
        "found_at": now(),
        "seen_at": now(),
        **fields,
    }
    return RoleDrift.objects.create(**known)
