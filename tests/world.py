"""People, roles, grants and sessions as rows, in any state, for the tests of the portal's doors.

Where a grant should have been made by its operation, there are the fixtures of conftest.py.
"""

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.contrib.auth.models import Permission
from django.http import HttpResponse
from django.test import Client

from portal.access.models import AwsSession, Grant
from portal.catalog.models import AwsAccount, AwsRole
from portal.directory.models import Person
from portal.kernel.actor import Actor, ActorKind
from tests.fakes import role_id_of
from tests.vouched import vouch

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

    Answer = _MonkeyPatchedWSGIResponse
else:
    Answer = HttpResponse  # the stubs' name for what the test client returns isn't there at run time

_numbers = itertools.count(1)
HOUR = timedelta(hours=1)


def make_person(name: str = "Ben Lindqvist", *, vouched: bool = True, **fields: object) -> Person:
    """Somebody for whom a provider vouches, or with `vouched` False nobody does."""
    person = Person.objects.admit(name=name, **fields)
    if vouched:
        vouch(person)
    return person


def make_admin(*permissions: str, name: str = "Ada Okafor") -> Person:
    """An admin with the permissions named, such as `revoke_grant`."""
    admin = make_person(name, is_staff=True)
    admin.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return admin


def make_role(title: str = "Production read only", **fields: object) -> AwsRole:
    number = next(_numbers)
    account = AwsAccount.objects.create(name=f"Production {number}", account_id=f"{number:012d}")
    known: dict[str, object] = {"account": account, "title": title, "name": "ReadOnly", **fields}
    return AwsRole.objects.create(**{"unique_id": role_id_of(str(known["name"])), **known})


def make_grant(person: Person, role: AwsRole | None = None, **fields: object) -> Grant:
    """An active grant of two hours, half of it gone; `fields` change it."""
    now = datetime.now(UTC)
    known: dict[str, object] = {
        "person": person,
        "role": role or make_role(),
        "starts_at": now - HOUR,
        "ends_at": now + HOUR,
        "state": "active",
        "made_at": now - HOUR,
        "activated_at": now - HOUR,
        "reason": "Looking after the errors of this morning",
    }
    return Grant.objects.create(**{**known, **fields})


def make_scheduled(person: Person) -> Grant:
    now = datetime.now(UTC)
    return make_grant(
        person, state="scheduled", activated_at=None, starts_at=now + HOUR, ends_at=now + 2 * HOUR
    )


def add_session(grant: Grant, kind: str = "credentials") -> AwsSession:
    """Credentials got at the grant's start that outlive it by an hour."""
    return AwsSession.objects.create(
        grant=grant,
        kind=kind,
        state="got",
        session_name="sp-1",
        userid=f"{grant.role.unique_id}:sp-1",
        asked_at=grant.starts_at,
        answered_at=grant.starts_at,
        expires_at=grant.ends_at + HOUR,
    )


def as_actor(person: Person) -> Actor:
    return Actor(kind=ActorKind.PERSON, label=person.name, person_id=person.pk)


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client
