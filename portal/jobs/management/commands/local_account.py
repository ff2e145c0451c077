"""manage.py local_account: an admin who signs in without any provider, for the first day and for emergencies."""

import getpass
import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.identity.operations.local_accounts import add_local_account, set_local_password
from portal.kernel.actor import Actor
from portal.kernel.errors import DomainError

ACTOR = Actor.command("manage.py local_account")


class Command(BaseCommand):
    help = (
        "Add an emergency account, or set its password anew. A second factor is added at its first sign-in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["add", "password"])
        parser.add_argument("login", help="2 to 40 of a-z, 0-9, '.', '_' and '-'")
        parser.add_argument("--name", default="", help="whose it is (add)")
        parser.add_argument(
            "--not-superuser", action="store_true", help="an admin without any rights yet (add)"
        )
        parser.add_argument(
            "--generate",
            action="store_true",
            help="make a password and print it, once, instead of asking for one",
        )

    def handle(self, *args: Any, act: str, login: str, **options: Any) -> None:
        del args
        password = secrets.token_urlsafe(24) if options["generate"] else _asked()
        try:
            if act == "add":
                add_local_account(
                    login=login,
                    name=options["name"],
                    password=password,
                    superuser=not options["not_superuser"],
                    actor=ACTOR,
                )
            else:
                set_local_password(login=login, password=password, actor=ACTOR)
        except DomainError as refusal:
            raise CommandError(f"{refusal}") from None
        if options["generate"]:
            self.stdout.write(f"Password: {password}")
        self.stdout.write(
            f"{login} can sign in at /sign-in/local/, and adds a second factor there within 24 hours."
        )


def _asked() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password, 14 characters or more: ")
    if password != getpass.getpass("Once more: "):
        raise CommandError("The two differ; nothing was done.")
    return password
