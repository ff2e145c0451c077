"""What the IAM role of a grant to a partner should be in AWS, from the rows: nothing is asked of AWS."""

import re
from datetime import datetime

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from brokers.types import PartnerRoleSizes, PartnerRoleSpec
from portal.access.models import Grant, PartnerRole
from portal.access.operations.partners.external_ids import accepted_external_ids
from portal.directory.models import Partner, PartnerAccount
from portal.kernel.errors import InvalidError

PATH = "/sallyport/partners/"
# IAM: a tag's value has 256 characters at most, a description 1,000; of fewer kinds than people write.
TAG_LIMIT = 256
DESCRIPTION_LIMIT = 1000
_NO_TAG = re.compile(r"[^A-Za-z0-9 _.:/=+@-]+")
_NO_DESCRIPTION = re.compile(r"[^\x20-\x7E\xA1-\xFF]+")


def path_of(partner: Partner) -> str:
    """Return the path under which a partner's roles stand in AWS."""
    return f"{PATH}{partner.slug}/"


def spec_of(row: PartnerRole, *, at: datetime) -> PartnerRoleSpec:
    """Return the role as it should stand in AWS at that moment. The row may be one that was never saved.

    Its window is the grant's within the contract, by whole seconds, as IAM's dates are; an ExternalId that is over at
    `at` is not in it any more.
    """
    grant, role = row.grant, row.role
    account = account_of(grant)
    partner = account.partner
    return PartnerRoleSpec(
        place=role.account.place,
        path=role.path,
        name=role.name,
        principal_arn=row.principal_arn,
        external_ids=accepted_external_ids(account.pk, at=at),
        starts_at=_second(max(grant.starts_at, partner.contract_starts_at)),
        ends_at=_second(min(grant.ends_at, partner.contract_ends_at)),
        max_session=role.max_session,
        policy=grant.scope_policy,
        managed_policy_arns=tuple(grant.scope_managed_policy_arns),
        description=_describe(grant, account),
        tags=_tags(grant, account),
    )


def check_partner_role(row: PartnerRole, aws: AwsPorts, now: datetime) -> PartnerRoleSizes:
    """Return the sizes of what would be written. InvalidError: it is over AWS's limits, or can't be at all."""
    try:
        return aws.partners.roles.check(spec_of(row, at=now))
    except BrokerError as problem:
        raise InvalidError(f"This can't be made in AWS: {problem}.", field="scope_template") from None


def account_of(grant: Grant) -> PartnerAccount:
    if grant.partner_account is None:  # pragma: no cover - nothing else has a partner's role
        raise AssertionError("a role is made for grants to a partner's account alone")
    return grant.partner_account


def grant_tag(grant: Grant) -> str:
    """Return what the role's tag says of whose it is: nothing without it is ever touched."""
    return str(grant.pk)


def _tags(grant: Grant, account: PartnerAccount) -> dict[str, str]:
    told = {
        "SallyportGrant": grant_tag(grant),
        "SallyportPartner": account.partner.slug,
        "SallyportPartnerAccount": account.account_id,
        "SallyportReason": grant.reason,
        "SallyportTicket": grant.ticket,
    }
    return {key: text for key, value in told.items() if (text := fit_tag(value))}


def fit_tag(text: str) -> str:
    """Return a text as IAM takes it as a tag's value: what it does not allow becomes a space, the rest is cut."""
    return " ".join(_NO_TAG.sub(" ", text).split())[:TAG_LIMIT].rstrip()


def _describe(grant: Grant, account: PartnerAccount) -> str:
    words = (
        f"Made by Sallyport for {account.partner.name}, AWS account {account.account_id}: {grant.scope_summary}. "
        f"Why: {grant.reason}. Grant {grant.pk}. It is taken away at the grant's end; change nothing here by hand."
    )
    return " ".join(_NO_DESCRIPTION.sub(" ", words).split())[:DESCRIPTION_LIMIT].rstrip()


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
