"""The demo's story of a partner with an AWS account of its own: what it may read of ours from there."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from portal.access.models import Grant
from portal.access.operations.accounts.verify_account import ask_verification, is_idle
from portal.access.operations.partners.make_partner_grant import make_partner_grant
from portal.access.operations.partners.partner_accounts import open_partner_account
from portal.access.operations.partners.partner_grant_order import PartnerGrantOrder
from portal.catalog.models import AwsAccount, ScopeTemplate
from portal.directory.models import Partner, PartnerAccount
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.wiring import aws_ports

READ_ONE_BUCKET = "One bucket, read only"
BUCKET = "harbor-partner-dropbox"
LASTS = timedelta(days=14)


def tell_of_partners(*, estate: Mapping[str, Any], giver: Actor, teller: Actor) -> None:
    """Make what is missing: each partner's own account, and one grant to it, read from there for two weeks."""
    ours = _account_of(estate, BUCKET)
    # The worker does it, once it runs; one that an interrupted demo asked for is still to be done.
    if ours.verified_at is None and ours.provisioner_role_arn and is_idle(ours, at=database_now()):
        ask_verification(account_pk=ours.pk, actor=teller)
    for described in estate["partners"]:
        partner = Partner.objects.filter(name=described["name"]).first()
        if partner is not None:
            _grant(_own_account(partner, described, teller), ours, giver)


def _account_of(estate: Mapping[str, Any], bucket: str) -> AwsAccount:
    number = next(each["account_id"] for each in estate["buckets"] if each["name"] == bucket)
    return AwsAccount.objects.get(account_id=number)


def _own_account(partner: Partner, described: Mapping[str, Any], teller: Actor) -> PartnerAccount:
    known = PartnerAccount.objects.filter(partner=partner, account_id=described["account_id"]).first()
    return known or open_partner_account(
        partner_id=partner.pk,
        name="Forecasts",
        account_id=described["account_id"],
        partition="aws",
        actor=teller,
    )


def _grant(account: PartnerAccount, ours: AwsAccount, giver: Actor) -> None:
    # Told once: whoever plays with the demo may end it, and it stays ended.
    if not account.is_open or Grant.objects.filter(partner_account=account).exists():
        return
    template = ScopeTemplate.objects.get(name=READ_ONE_BUCKET)
    if not template.for_partners:  # of an older demo
        ScopeTemplate.objects.filter(pk=template.pk).update(for_partners=True)
    order = PartnerGrantOrder(
        partner_account_id=account.pk,
        account_id=ours.pk,
        scope_template_id=template.pk,
        scope_parameters={"bucket": BUCKET},
        ends_at=database_now() + LASTS,
        reason="Joint project: the nightly forecast reads the berths by itself",
        ticket="PRT-14",
    )
    make_partner_grant(order=order, aws=aws_ports(), actor=giver)
