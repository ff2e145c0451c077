"""The one way into the audit trail: inside a transaction, with what fits and is well-formed."""

from uuid import uuid4

import pytest
from django.db import connection, transaction

from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.audit.operations import Entry, record
from portal.audit.queries import events_of_grant
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now


def entry(actor: Actor) -> Entry:
    return Entry(type=EventType.GRANT_MADE, at=database_now(), actor=actor, grant_id=uuid4())


@pytest.mark.django_db(transaction=True)
def test_no_row_outside_of_a_transaction() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        record(entry(Actor.system("tests")))
    assert not AuditEvent.objects.exists()
    with transaction.atomic():
        record(entry(Actor.system("tests")))
    assert AuditEvent.objects.count() == 1
    assert not connection.in_atomic_block


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("ip", "kept"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("192.0.2.7:443", None),
        ("' OR 1", None),
        (None, None),
    ],
)
def test_what_a_proxy_wrote_never_keeps_a_row_from_being_written(ip: str | None, kept: str | None) -> None:
    somebody = Actor(ActorKind.PERSON, "x" * 300, uuid4(), ip=ip, user_agent="u" * 999, request_id="r" * 99)
    written = entry(somebody)
    record(written)
    [row] = events_of_grant(written.grant_id)  # type: ignore[arg-type]  # it has one
    assert row.ip == kept
    assert (len(row.actor_label), len(row.user_agent), len(row.request_id)) == (200, 300, 40)
    assert str(row).startswith("access.grant.made by x")
