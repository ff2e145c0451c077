"""manage.py add_saml_provider: pin a provider's metadata from a file, before anybody can sign in."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.identity.operations.keep_provider import keep_saml_provider
from portal.kernel.actor import Actor
from portal.kernel.errors import DomainError
from portal.wiring import saml_ports


class Command(BaseCommand):
    help = "Add a SAML identity provider, or replace the metadata of the one with this short name."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="a short name: letters, digits, hyphens")
        parser.add_argument("metadata", type=Path, help="the provider's metadata file (XML)")
        parser.add_argument("--name", default="", help="what people see on the sign-in page")
        parser.add_argument("--entity-id", default=None, help="which entity, where the file has several")

    def handle(self, *args: Any, slug: str, metadata: Path, name: str, **options: Any) -> None:
        del args
        try:
            document = metadata.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            raise CommandError(f"{metadata} can't be read: {problem}") from None
        try:
            provider = keep_saml_provider(
                slug=slug,
                name=name,
                metadata=document,
                entity_id=options["entity_id"],
                read=saml_ports().read_metadata,
                actor=Actor.command("manage.py add_saml_provider"),
            )
        except DomainError as refusal:
            raise CommandError(f"{refusal}") from None
        self.stdout.write(f"{provider.name}: people can sign in by {provider.saml.entity_id}.")
