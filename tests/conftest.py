"""Fixtures for every test: the database's own, and people, roles and grants to work with."""

import functools
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import botocore.session
import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from portal.audit import append_only
from tests.databases import TEMPLATE
from tests.fakes import FakeAws
from tests.servers.process import require_services, wait_until


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what only PostgreSQL can do when the tests run on SQLite, and what takes long; and say so."""
    skip = pytest.mark.skip(reason="runs on PostgreSQL only (TEST_DATABASE=postgresql)")
    long = pytest.mark.skip(reason="takes long: runs with REQUIRE_SERVICES=1, as CI does")
    soak = pytest.mark.skip(reason="takes many minutes: runs with SOAK=1, as make soak does")
    for item in items:
        if item.get_closest_marker("postgres") and connection.vendor != "postgresql":
            item.add_marker(skip)
        if item.get_closest_marker("thorough") and not require_services():
            item.add_marker(long)
        if item.get_closest_marker("soak") and not os.environ.get("SOAK"):
            item.add_marker(soak)


@pytest.fixture(scope="session", autouse=True)
def _static_files_without_collecting() -> Iterator[None]:
    from django.test import override_settings  # noqa: PLC0415  # after the settings are chosen

    plain = {
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    with override_settings(STORAGES=plain):
        yield


@pytest.fixture(scope="session", autouse=True)
def _aws_models_read_once() -> Iterator[None]:
    """Each hub has a session of its own, and each session would read AWS's models anew: half a second for IAM's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """On PostgreSQL each worker's database is a copy of one that is migrated already (see tests/databases.py)."""
    del django_db_modify_db_settings
    if connection.vendor != "postgresql":
        return
    done = Path(os.environ["TEST_DATABASE_MIGRATED"])
    wait_until(done.exists, seconds=120, what="the template database")
    assert done.read_text() == "0", "migrating the template database failed: its own words stand above"
    connection.settings_dict["TEST"]["TEMPLATE"] = TEMPLATE


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Between transactional tests Django empties all tables; the audit trail's triggers would refuse that.

    They are put back, and tried, by the tests of the audit trail.
    """
    del django_db_setup
    with django_db_blocker.unblock():
        append_only.unprotect(connection)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """A fake AWS; the portal's wiring finds no other while it is there. It shows at once what it took."""
    from portal import wiring  # noqa: PLC0415  # after the settings are chosen
    from portal.access.operations.cutting import apply_revocations  # noqa: PLC0415
    from portal.access.operations.drift import find_differences, look_at_roles  # noqa: PLC0415

    fake = FakeAws()
    monkeypatch.setattr(wiring, "aws_ports", fake.ports)
    monkeypatch.setattr(apply_revocations, "READ_BACK_WAIT", 0.0)
    monkeypatch.setattr(find_differences, "PAUSE", 0.0)
    monkeypatch.setattr(look_at_roles, "PAUSE", 0.0)
    return fake


@pytest.fixture
def person(db: None) -> Callable[..., Any]:
    """Make people: person(), person("Ada", partner=acme); a provider vouches for them unless vouched=False."""
    from portal.directory.models import Person  # noqa: PLC0415  # after the settings are chosen
    from tests.vouched import vouch  # noqa: PLC0415

    def make(name: str = "Ada Brook", *, vouched: bool = True, **fields: Any) -> Person:
        made = Person.objects.admit(name=name, **fields)
        if vouched:
            vouch(made)
        return made

    return make


@pytest.fixture
def admin(person: Callable[..., Any]) -> Any:
    """Somebody who may do all that admins may."""
    return person("Grace Warden", is_staff=True, is_superuser=True)


@pytest.fixture
def ben(person: Callable[..., Any]) -> Any:
    """Somebody who holds things."""
    return person("Ben Lindqvist")


@pytest.fixture
def mallory(person: Callable[..., Any]) -> Any:
    """Somebody whom nothing of it concerns."""
    return person("Mallory Quick")


@pytest.fixture
def partner(db: None) -> Any:
    from portal.directory.models import Partner  # noqa: PLC0415

    now = datetime.now(UTC)
    return Partner.objects.create(
        name="Acme", contract_starts_at=now - timedelta(days=1), contract_ends_at=now + timedelta(days=30)
    )


@pytest.fixture
def account(db: None) -> Any:
    from portal.catalog.models import AwsAccount  # noqa: PLC0415

    return AwsAccount.objects.create(name="Data", account_id="222222222222")


@pytest.fixture
def make_role(account: Any) -> Callable[..., Any]:
    """Make AWS roles: make_role("Reader", max_session_seconds=7200)."""
    from portal.catalog.models import AwsRole  # noqa: PLC0415

    def make(name: str = "Reader", **fields: Any) -> AwsRole:
        return AwsRole.objects.create(**{"account": account, "title": name, "name": name, **fields})

    return make


@pytest.fixture
def role(make_role: Callable[..., Any]) -> Any:
    return make_role()


@pytest.fixture
def template(role: Any) -> Any:
    """A scope: one bucket, read-only."""
    from portal.catalog.models import ScopeTemplate  # noqa: PLC0415

    made = ScopeTemplate.objects.create(
        name="One bucket, read-only",
        summary="Read the bucket {{bucket}}",
        parameters={"bucket": "bucket_name"},
        policy={
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::{{bucket}}/*"}
            ],
        },
    )
    made.roles.add(role)
    return made


@pytest.fixture
def actor_of() -> Callable[..., Any]:
    from portal.kernel.actor import Actor, ActorKind  # noqa: PLC0415

    def make(person: Any, kind: ActorKind = ActorKind.PERSON) -> Actor:
        return Actor(kind, person.name, person.pk, ip="192.0.2.7", user_agent="tests")

    return make


@pytest.fixture
def make_grant(role: Any, aws: FakeAws, person: Callable[..., Any]) -> Callable[..., Any]:
    """Make grants by the operation itself: make_grant(someone, seconds=600, starts_in=3600, role=other)."""
    from portal.access.operations.grants.make_grant import GrantOrder  # noqa: PLC0415
    from portal.access.operations.grants.make_grant import make_grant as operation  # noqa: PLC0415
    from portal.kernel.actor import Actor  # noqa: PLC0415

    def make(someone: Any = None, *, seconds: float = 3600, starts_in: float = 0, **order: Any) -> Any:
        now = datetime.now(UTC)
        given: dict[str, Any] = {
            "person_id": (someone or person()).pk,
            "role_id": order.pop("role", role).pk,
            "reason": "a test",
            "starts_at": now + timedelta(seconds=starts_in) if starts_in else None,
            "ends_at": now + timedelta(seconds=starts_in + seconds),
        }
        by = order.pop("actor", Actor.command("tests"))
        return operation(order=GrantOrder(**given | order), aws=aws.ports(), actor=by)

    return make


@pytest.fixture
def move_time() -> Callable[..., Any]:
    """Make a grant older: its times, its sessions' and its links' lie `seconds` further back."""
    from django.db.models import F  # noqa: PLC0415

    from portal.access.models import AwsSession, ConsoleLink, Grant  # noqa: PLC0415

    def move(grant_id: UUID, seconds: float) -> Grant:
        back = timedelta(seconds=seconds)
        Grant.objects.filter(pk=grant_id).update(
            starts_at=F("starts_at") - back, ends_at=F("ends_at") - back, made_at=F("made_at") - back
        )
        AwsSession.objects.filter(grant=grant_id).update(
            asked_at=F("asked_at") - back,
            expires_at=F("expires_at") - back,
            ends_at=F("ends_at") - back,
        )
        ConsoleLink.objects.filter(grant=grant_id).update(
            made_at=F("made_at") - back, expires_at=F("expires_at") - back
        )
        return Grant.objects.get(pk=grant_id)

    return move
