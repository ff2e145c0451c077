"""Builds the pages about AWS accounts from rows."""

import re
from collections.abc import Sequence
from typing import Final

from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from brokers.types import AccountFile, Partition
from portal.catalog.models import AwsAccount, AwsRole
from portal.directory.models import Person
from portal.web.accounts_doors import may_verify
from portal.web.accounts_verification import verification_of
from portal.web.partner_lines import Clock
from portal.web.presenters.accounts import AccountLine, AccountPage, FileView
from portal.web.presenters.labels import AccountLabel
from portal.web.presenters.providers import CopyField

# How each is run, in a sentence. Another kind has none.
HOW: Final = {
    "CloudFormation": "Make a stack of it in the account, and acknowledge that it makes IAM resources with names.",
    "Terraform": "Put it beside your other modules of the account, then plan and apply.",
    "AWS command line": "Run it in a shell that is signed in to the account.",
}


def listed_accounts() -> QuerySet[AwsAccount]:
    """Return all accounts, with how many roles can be granted in each."""
    granted = ~Q(roles__method=AwsRole.Method.CROSS_ACCOUNT)
    return AwsAccount.objects.select_related("verify_asked_by").annotate(
        role_count=Count("roles", filter=granted)
    )


def account_line(account: AwsAccount, clock: Clock) -> AccountLine:
    return AccountLine(
        number=account.account_id,
        label=AccountLabel(account.name, account.account_id),
        partition=account.partition,
        roles=getattr(account, "role_count", 0),
        partners="Can be let in" if account.provisioner_role_arn else "No",
        badge=verification_of(account, clock).badge,
        verified=clock.moment(account.verified_at) if account.verified_at else None,
    )


def account_page(account: AwsAccount, viewer: Person, clock: Clock, aws: AwsPorts) -> AccountPage:
    """Return what the page of one account shows. Who the hub is, AWS is asked once per process."""
    files, hub, problem = _files(account, aws)
    return AccountPage(
        line=account_line(account, clock),
        is_hubs_own=not account.revoker_role_arn,
        files=tuple(file_view(account, each) for each in files),
        problem=problem,
        hub=hub,
        verification=verification_of(account, clock),
        names=tuple(_names(account, hub, aws)),
        may_verify=may_verify(viewer),
        change=reverse("admin:catalog_awsaccount_change", args=[account.pk]),
    )


def _files(account: AwsAccount, aws: AwsPorts) -> tuple[Sequence[AccountFile], str, str]:
    try:
        files = aws.partners.accounts.files(Partition(account.partition), account.account_id)
        return files, aws.partners.hub_arn(), ""
    except BrokerError as problem:
        return (), "", str(problem)


def file_view(account: AwsAccount, file: AccountFile) -> FileView:
    slug = slug_of(file)
    href = reverse("web:aws-account-file", args=[account.account_id, slug])
    return FileView(f"file-{slug}", file.kind, file.name, file.text, href, HOW.get(file.kind, ""))


def slug_of(file: AccountFile) -> str:
    """Return what a file is called in an address: `aws-command-line`."""
    return re.sub(r"[^a-z]+", "-", file.kind.lower())


def _names(account: AwsAccount, hub: str, aws: AwsPorts) -> Sequence[CopyField]:
    boundary = aws.partners.accounts.roles(Partition(account.partition), account.account_id).boundary_arn
    known = (
        ("hub", "Sallyport itself", hub, "Whom the roles in the account trust."),
        ("revoker", "Revoker", account.revoker_role_arn, "Ends sessions: writes denies on roles."),
        ("provisioner", "Provisioner", account.provisioner_role_arn, "Makes and removes partners' roles."),
        (
            "boundary",
            "Boundary of partners' roles",
            boundary if account.provisioner_role_arn else "",
            "The most that they can do. Yours to keep.",
        ),
    )
    return [CopyField(f"arn-{id_}", label, value, note) for id_, label, value, note in known if value]
