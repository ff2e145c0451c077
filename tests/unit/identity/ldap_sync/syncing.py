"""A directory at the port, people it knows, and syncs of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.sessions.backends.db import SessionStore

from portal.access.models import Grant
from portal.audit.models import AuditEvent
from portal.catalog.models import Entitlement
from portal.directory.models import (
    Group,
    GroupMembership,
    IdentityProvider,
    Person,
    SignIn,
    SyncRun,
)
from portal.identity.operations import sync_people
from portal.identity.operations.ask_sync import ask_sync
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from tests.fake_ldap import FakeLdap

SHELL = Actor.command("tests")
Make = Callable[..., Any]
State = SyncRun.State


def sync(provider: IdentityProvider, ldap: FakeLdap, **asked: Any) -> SyncRun:
    ask_sync(provider_id=provider.pk, actor=SHELL, **asked)
    return ran(ldap)


def ran(ldap: FakeLdap) -> SyncRun:
    run = sync_people.run_sync(ldap=ldap)
    assert run is not None
    return run


def is_in(person: Person) -> set[str]:
    return set(GroupMembership.objects.filter(person=person).values_list("group__name", flat=True))


def events(kind: str) -> int:
    return AuditEvent.objects.filter(type=kind).count()


def active(*people: Person) -> list[bool]:
    return [Person.objects.get(pk=person.pk).is_active for person in people]


def open_session(person: Person) -> str:
    session = SessionStore()
    session.create()
    now = database_now()
    SignIn.objects.create(
        person=person,
        identity=person.identities.get(),
        session_key=str(session.session_key),
        authenticated_at=now,
        started_at=now,
        expires_at=now + timedelta(hours=1),
    )
    return str(session.session_key)


def crowd(known: Make, number: int) -> list[Person]:
    return [known(f"p{one}") for one in range(number)]


def taken(office: IdentityProvider, make_grant: Make, person: Person) -> tuple[Grant, Grant]:
    """Return a grant that was taken through the group dev, and one that was not."""
    through, other = make_grant(person), make_grant(person)
    entitlement, _ = Entitlement.objects.get_or_create(
        group=Group.objects.get(provider=office, name="dev"), role=through.role
    )
    Grant.objects.filter(pk=through.pk).update(entitlement=entitlement)
    return through, other
