"""A partner with an AWS account of its own, one of ours that is connected, and grants by the operation itself."""

from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from brokers.ports import AwsPorts
from portal.access.lifecycle import ProofKind, ProofState
from portal.access.models import ExternalId, ExternalIdProof, Grant, PartnerRole
from portal.access.operations.partners.make_partner_grant import make_partner_grant
from portal.access.operations.partners.partner_grant_order import PartnerGrantOrder
from portal.access.operations.partners.work_partner_roles import work_partner_roles
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsAccount, ScopeTemplate
from portal.directory.models import Partner, PartnerAccount
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now

SHELL = Actor.command("tests")
DAY = timedelta(days=1)
THEIRS = "444455556666"


class Aws(Protocol):
    """The fake, or real brokers."""

    def ports(self) -> AwsPorts: ...


def connect(account: AwsAccount) -> AwsAccount:
    """Give an account of ours a role that makes roles for partners."""
    account.provisioner_role_arn = (
        f"arn:{account.partition}:iam::{account.account_id}:role/sallyport/provisioner"
    )
    account.save(update_fields=["provisioner_role_arn"])
    return account


def add_partner(name: str = "Acme Robotics", *, days: float = 30) -> Partner:
    now = datetime.now(UTC)
    return Partner.objects.create(name=name, contract_starts_at=now - DAY, contract_ends_at=now + days * DAY)


def add_account(partner: Partner, number: str = THEIRS) -> PartnerAccount:
    """Add an AWS account of the partner's, with its ExternalId."""
    account = PartnerAccount.objects.create(partner=partner, name="production", account_id=number)
    ExternalId.objects.create(partner_account=account, made_at=database_now())
    return account


def add_template(name: str = "One bucket for a partner") -> ScopeTemplate:
    return ScopeTemplate.objects.create(
        name=name,
        summary="Read the bucket {{bucket}}",
        parameters={"bucket": "bucket_name"},
        policy={
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::{{bucket}}/*"}
            ],
        },
        for_partners=True,
    )


def prove(theirs: PartnerAccount, ours: AwsAccount, state: ProofState = ProofState.PROVEN) -> ExternalIdProof:
    """Have the current ExternalId of a partner's account proven in ours, as if AWS had been asked."""
    current = ExternalId.objects.get(partner_account=theirs, accepted_until=None)
    now = database_now()
    row, _ = ExternalIdProof.objects.update_or_create(
        external_id=current,
        account=ours,
        kind=ProofKind.ONBOARDING.value,
        defaults={
            "partner_account": theirs,
            "state": state.value,
            "asked_at": now,
            "due_at": now if state == ProofState.ASKED else None,
            "done_at": None if state == ProofState.ASKED else now,
        },
    )
    return row


def order_for(
    theirs: PartnerAccount, ours: AwsAccount, template: ScopeTemplate, **changes: Any
) -> PartnerGrantOrder:
    known: dict[str, Any] = {
        "partner_account_id": theirs.pk,
        "account_id": ours.pk,
        "scope_template_id": template.pk,
        "scope_parameters": {"bucket": "joint-project"},
        "ends_at": datetime.now(UTC) + 14 * DAY,
        "reason": "Joint project",
    }
    return PartnerGrantOrder(**{**known, **changes})


def grant_to(
    theirs: PartnerAccount, ours: AwsAccount, template: ScopeTemplate, aws: Aws, **changes: Any
) -> Grant:
    order = order_for(theirs, ours, template, **changes)
    return make_partner_grant(order=order, aws=aws.ports(), actor=SHELL)


def work(aws: Aws) -> int:
    return work_partner_roles(aws=aws.ports(), holder="tests")


def row_of(grant: Grant) -> PartnerRole:
    return PartnerRole.objects.select_related("role__account").get(grant=grant)


def events_of(grant: Grant) -> list[str]:
    """Return what the trail says of a grant, oldest first, without the room's name."""
    found = AuditEvent.objects.filter(grant_id=grant.pk).order_by("pk")
    return [event.type.removeprefix("access.") for event in found]


def due_now() -> None:
    """Have everything that waits tried at once."""
    PartnerRole.objects.exclude(due_at=None).update(due_at=database_now())
