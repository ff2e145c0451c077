"""manage.py suspend_partner PARTNER --reason WHY: end all that a partner has, now; or with --dry-run, say what."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.access.operations.partners.suspend_partner import Preview, preview_suspension, suspend_partner
from portal.directory.models import Partner
from portal.kernel.actor import Actor
from portal.kernel.errors import DomainError
from portal.kernel.periods import utc_clock

ACTOR = Actor.command("manage.py suspend_partner")


class Command(BaseCommand):
    help = "End all grants, sessions and roles of a partner now, and give it nothing until it is resumed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("partner", help="the partner's short name, as in the addresses of its pages")
        parser.add_argument("--reason", default="", help="why, for the audit trail; needed but for --dry-run")
        parser.add_argument("--dry-run", action="store_true", help="say what would end, and end nothing")

    def handle(self, *args: Any, partner: str, reason: str, dry_run: bool, **options: Any) -> None:
        del args, options
        found = Partner.objects.filter(slug=partner).first()
        if found is None:
            raise CommandError(f"There is no partner with the short name {partner!r}.")
        if dry_run:
            self._print(found, preview_suspension(found.pk))
            return
        try:
            ended = suspend_partner(partner_id=found.pk, reason=reason, actor=ACTOR)
        except DomainError as refusal:
            raise CommandError(f"{refusal}") from None
        self.stdout.write(f"{found.name} is suspended. Grants ended: {ended.grants}.")
        self.stdout.write(f"Of them, with sessions that AWS is told to refuse: {ended.revocations}.")
        self.stdout.write(f"Roles in AWS that are being closed and taken away: {ended.roles}.")

    def _print(self, partner: Partner, preview: Preview) -> None:
        if partner.suspended_at is not None:
            self.stdout.write(
                f"{partner.name} is suspended already, since {utc_clock(partner.suspended_at)}."
            )
        self.stdout.write(f"Grants that would end: {len(preview.grants)}")
        for grant in preview.grants:
            live = preview.live_sessions.get(grant.pk, 0)
            self.stdout.write(f"  {grant}, until {utc_clock(grant.ends_at)}, live sessions: {live}")
        self.stdout.write(f"Roles in AWS that would be closed and taken away: {len(preview.roles)}")
        for role in preview.roles:
            self.stdout.write(f"  {role.role.arn} ({role.state})")
        self.stdout.write("Nothing was ended: this was a dry run.")
