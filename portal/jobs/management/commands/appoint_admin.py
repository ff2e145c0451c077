"""manage.py appoint_admin: the way to the first admin, for whoever has the server's shell."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.identity.operations.appoint_admin import appoint_admin
from portal.kernel.actor import Actor
from portal.kernel.errors import DomainError


class Command(BaseCommand):
    help = "Make the person who is SUBJECT at PROVIDER an admin, before or after their first sign-in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("provider", help="the identity provider's short name (slug)")
        parser.add_argument(
            "subject",
            help="the person there, exactly: SAML's NameID, OIDC's sub, LDAP's entryUUID or objectGUID",
        )
        parser.add_argument("--format", help="the NameID's format (default: persistent, for SAML)")
        parser.add_argument("--name", default="", help="the person's name until the provider tells it")

    def handle(self, *args: Any, provider: str, subject: str, name: str, **options: Any) -> None:
        del args
        try:
            person = appoint_admin(
                provider_slug=provider,
                subject=subject,
                subject_format=options["format"],
                name=name,
                actor=Actor.command("manage.py appoint_admin"),
            )
        except DomainError as refusal:
            raise CommandError(f"{refusal}") from None
        self.stdout.write(f"{person} is an admin.")
