"""manage.py rotate_external_id PARTNER ACCOUNT --reason WHY: make a new ExternalId; the old one stays for a while."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.access.models import ExternalId
from portal.access.operations.partners.external_ids import rotate_external_id
from portal.directory.models import PartnerAccount
from portal.kernel.actor import Actor
from portal.kernel.errors import DomainError
from portal.kernel.periods import utc_clock

ACTOR = Actor.command("manage.py rotate_external_id")
WEEK_HOURS = 168


class Command(BaseCommand):
    help = (
        "Make a new ExternalId for a partner's AWS account; AWS accepts the old one for the overlap longer."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("partner", help="the partner's short name, as in the addresses of its pages")
        parser.add_argument("account", help="the number of its AWS account (12 digits)")
        parser.add_argument("--reason", required=True, help="why, for the audit trail")
        parser.add_argument(
            "--overlap-hours",
            type=float,
            default=WEEK_HOURS,
            help="for how long both are accepted; 0: the old one is refused at once (default: 168, a week)",
        )

    def handle(self, *args: Any, partner: str, account: str, reason: str, **options: Any) -> None:
        del args
        try:
            made = rotate_external_id(
                partner_account_id=_find(partner, account).pk,
                overlap=_hours(options["overlap_hours"]),
                reason=reason,
                actor=ACTOR,
            )
        except DomainError as refusal:
            raise CommandError(f"{refusal}") from None
        self.stdout.write(f"The new ExternalId: {made.value}")
        old = ExternalId.objects.filter(partner_account=made.partner_account, accepted_until__gt=made.made_at)
        for each in old:
            until = each.accepted_until
            self.stdout.write(f"The old one is accepted until {utc_clock(until)}." if until else "")
        self.stdout.write("It is proven by real calls, then brought to every role of the account.")


def _find(partner: str, account: str) -> PartnerAccount:
    number = account.replace("-", "")
    found = PartnerAccount.objects.filter(partner__slug=partner, account_id=number, closed_at=None).first()
    if found is None:
        raise CommandError(f"There is no partner {partner!r} with an open AWS account {account!r}.")
    return found


def _hours(hours: float) -> timedelta:
    try:
        return timedelta(hours=hours)
    except (OverflowError, ValueError):
        raise CommandError(f"{hours} are no hours.") from None
