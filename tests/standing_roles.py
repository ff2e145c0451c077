"""Partners with AWS accounts of their own, and roles made for grants to them, as rows in any state."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from portal.access.models import ExternalId, Grant, PartnerRole
from portal.access.operations.partners.external_ids import accepted_external_ids
from portal.access.operations.partners.partner_accounts import open_partner_account
from portal.access.operations.partners.partner_principal import root_of
from portal.access.operations.partners.partner_role_spec import path_of, spec_of
from portal.catalog.models import AwsAccount, AwsRole, ScopeTemplate
from portal.directory.models import Partner, PartnerAccount
from portal.kernel.actor import Actor
from tests.fakes import FakeAws

SHELL = Actor.command("tests")
HOUR = timedelta(hours=1)
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}],
}
_numbers = itertools.count(1)


def make_partner(name: str = "Acme") -> Partner:
    now = datetime.now(UTC)
    return Partner.objects.create(
        name=name, contract_starts_at=now - timedelta(days=1), contract_ends_at=now + timedelta(days=90)
    )


def make_their_account(partner: Partner | None = None, **changes: Any) -> PartnerAccount:
    """An account of the partner's, opened by the operation: so with an ExternalId."""
    given: dict[str, Any] = {"name": "production", "account_id": f"{next(_numbers):012d}"}
    given |= {"partition": "aws", "actor": SHELL}
    return open_partner_account(partner_id=(partner or make_partner()).pk, **given | changes)


def make_our_account(**changes: Any) -> AwsAccount:
    number = f"9{next(_numbers):011d}"
    given = {
        "name": f"Data {number}",
        "account_id": number,
        "provisioner_role_arn": f"arn:aws:iam::{number}:role/sallyport/provisioner",
    }
    return AwsAccount.objects.create(**given | changes)


def make_partner_role(
    theirs: PartnerAccount, ours: AwsAccount | None = None, aws: FakeAws | None = None, **changes: Any
) -> PartnerRole:
    """A living grant to the account with its role, which stands and has nothing due; with `aws` in AWS, too."""
    ours, now, names = ours or make_our_account(), datetime.now(UTC), (aws or FakeAws()).ports().partners
    grant = Grant(
        partner_account=theirs,
        starts_at=now - HOUR,
        ends_at=now + HOUR,
        state="active",
        activated_at=now - HOUR,
        made_at=now - HOUR,
        reason="a test",
        scope_template=_template(),
        scope_policy=POLICY,
        scope_summary="Read one bucket",
    )
    name = names.role_name(grant.pk)
    grant.role = AwsRole.objects.create(
        account=ours, title=name, name=name, path=path_of(theirs.partner), method="cross_account"
    )
    grant.save(force_insert=True)
    given = {"state": "standing", "made_at": now, "written": 1, "check_at": now}
    row = PartnerRole.objects.create(
        grant=grant,
        role=grant.role,
        principal_arn=root_of(theirs),
        asked_at=now,
        **given | changes,
    )
    if aws is not None:
        shown = aws.partners.make(spec_of(row, at=now))
        AwsRole.objects.filter(pk=row.role_id).update(unique_id=shown.unique_id)
        row.role.unique_id = shown.unique_id
    return row


def current(theirs: PartnerAccount) -> ExternalId:
    return ExternalId.objects.get(partner_account=theirs, accepted_until=None)


def accepted_values(theirs: PartnerAccount, at: datetime | None = None) -> list[str]:
    return [each.value for each in accepted_external_ids(theirs.pk, at=at or datetime.now(UTC))]


def _template() -> ScopeTemplate:
    made, _ = ScopeTemplate.objects.get_or_create(
        name="One bucket", defaults={"summary": "Read one bucket", "policy": POLICY, "for_partners": True}
    )
    return made
