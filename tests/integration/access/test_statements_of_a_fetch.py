"""What a new credential costs the database: a budget, so that it does not grow unseen."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from portal.access.models import Grant
from portal.access.operations.credentials.fetch_credentials import fetch_credentials
from portal.access.operations.locking import hold_lock
from portal.audit.models import AuditEvent
from portal.kernel import prepared
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


@pytest.mark.postgres
def test_plans_are_kept_in_a_transaction_once_the_connection_is_trusted(make_grant: Make, ben: Any) -> None:
    """Where a pooler keeps none the error ends the transaction: so others find that out before."""
    grant = make_grant(ben)
    connection.close()
    assert planned(grant) == 0
    prepared._went_well[connection.connection] = prepared.TRUSTED_AFTER
    assert planned(grant) == 1


def planned(grant: Grant) -> int:
    """Lock a grant often enough; return how many plans the server keeps for that."""
    with transaction.atomic(), connection.cursor() as cursor:
        for _ in range(2 * prepared.PLAN_AFTER):
            hold_lock(grant.pk)
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FOR NO KEY UPDATE%'"
        )
        return int(cursor.fetchone()[0])
