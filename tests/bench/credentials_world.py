"""python -m tests.bench.credentials_world MANY: migrate a database, plant grants with tokens, print the tokens.

In a process of its own: the bench's own Django is set up for another database.
"""

import json
import secrets
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import django


def main() -> None:
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415  # after the settings are chosen

    call_command("migrate", verbosity=0)
    json.dump(plant(int(sys.argv[1])), sys.stdout)


def plant(many: int) -> dict[str, object]:
    """Return one grant's token and its API token, and so many tokens of grants of their own."""
    from portal.catalog.models import AwsAccount, AwsRole  # noqa: PLC0415
    from portal.directory.models import Person  # noqa: PLC0415
    from portal.directory.operations.api_tokens import create_token  # noqa: PLC0415
    from tests.vouched import vouch  # noqa: PLC0415
    from tests.world import as_actor  # noqa: PLC0415

    person = Person.objects.admit(name=f"Bench {secrets.token_hex(4)}")
    vouch(person)
    account, _ = AwsAccount.objects.get_or_create(name="Bench", account_id="222222222222")
    role, _ = AwsRole.objects.get_or_create(
        account=account, title="Reader", name="Reader", unique_id="AROABENCHBENCHBENCH12"
    )
    grants = [_grant(person, role) for _ in range(many + 1)]
    tokens = [_token(grant) for grant in grants]
    api = create_token(name="bench", scopes=["credentials:issue"], days=1, actor=as_actor(person)).plain
    return {"grant": str(grants[0].pk), "token": tokens[0], "api": api, "others": tokens[1:]}


def _grant(person: Any, role: Any) -> Any:
    from portal.access.models import Grant  # noqa: PLC0415

    now = datetime.now(UTC)
    return Grant.objects.create(
        person=person,
        role=role,
        starts_at=now - timedelta(hours=1),
        ends_at=now + timedelta(hours=8),
        state="active",
        made_at=now,
        activated_at=now,
        reason="bench",
    )


def _token(grant: Any) -> str:
    from portal.access.operations.credentials.credential_tokens import make_credential_token  # noqa: PLC0415
    from tests.world import as_actor  # noqa: PLC0415

    made = make_credential_token(grant_id=grant.pk, name="bench", actor=as_actor(grant.holder))
    return made.plain


if __name__ == "__main__":
    main()
