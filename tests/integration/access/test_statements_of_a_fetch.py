"""What a new credential costs the database: a budget, so that it does not grow unseen."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from portal.access.operations.credentials.fetch_credentials import fetch_credentials
from portal.audit.models import AuditEvent
from tests.fakes import FakeAws
from tests.statements import statements

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Any]


def test_a_new_credential(make_grant: Make, ben: Any, aws: FakeAws, actor_of: Make) -> None:
    """The first of a process writes its statements, the first of an account its budget: the second counts."""
    first, second = make_grant(ben), make_grant(ben)
    asked = {"aws": aws.ports(), "actor": actor_of(ben), "door": "api"}
    fetch_credentials(grant_id=first.pk, **asked)
    with statements() as told:
        assert not fetch_credentials(grant_id=second.pk, **asked).was_cached
    assert told.count("COMMIT") == 5, (
        "the slot's, the budget's, the lease's, and one for each of the two steps"
    )
    sent = [sql for sql in told if not sql.startswith(("COMMIT", "BEGIN"))]
    assert len(sent) == (22 if connection.vendor == "postgresql" else 21), sent  # SQLite's clock is ours
    told_of = AuditEvent.objects.filter(grant_id=second.pk, type__startswith="access.session")
    assert list(told_of.values_list("type", flat=True).order_by("pk")) == [
        "access.session.asked",
        "access.session.issued",
    ]
    with statements() as told:
        assert fetch_credentials(grant_id=second.pk, **asked).was_cached
    assert len(told) == 1
