"""Who comes second sees what the first one did: granting, extending and suspending at once, on a real PostgreSQL."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction

from portal.access.lifecycle import LIVING
from portal.access.models import Grant
from portal.access.operations.grants.deactivate_person import deactivate_person
from portal.access.operations.grants.extend_grant import extend_grant
from portal.access.operations.grants.release_grant import release_grant
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.partners.suspend_partner import suspend_partner
from portal.access.operations.running.sweep_grants import expire_batch
from portal.audit.models import AuditEvent
from portal.directory.models import Partner
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import ConflictError, DomainError, InvalidError
from tests.fakes import FakeAws

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("races")]
Make = Callable[..., Any]
SHELL = Actor.command("tests")
HOUR = timedelta(hours=1)


def outcome(act: Callable[[], object]) -> object:
    """Return what it gave or raised, from a thread with a connection of its own."""
    try:
        return act()
    except Exception as error:  # noqa: BLE001  # the outcome is looked at
        return error
    finally:
        connections.close_all()


def held_back(
    act: Callable[[], object], meanwhile: Callable[[], object], lock: Callable[[], object]
) -> object:
    """Start `act` while `lock` is held, do `meanwhile` once it waits for it, commit; return what `act` came to."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            lock()
            started = pool.submit(outcome, act)
            _wait_for_a_waiter()
            meanwhile()
        return started.result(30)


def _wait_for_a_waiter() -> None:
    # Whoever waits for this very connection: other tests' databases are on the same server.
    waiting = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    )
    for _ in range(1000):
        with connection.cursor() as cursor:
            cursor.execute(waiting)
            if cursor.fetchone() != (0,):
                return
        threading.Event().wait(0.01)
    raise AssertionError("nothing waits for the lock")


def locked(row: Any) -> Callable[[], object]:
    return lambda: list(type(row).objects.select_for_update(no_key=True).filter(pk=row.pk))


@pytest.fixture
def pat(person: Make, partner: Any) -> Any:
    return person("Pat", partner=partner)


def test_a_grant_that_waits_for_a_suspension_is_refused(make_grant: Make, pat: Any, partner: Any) -> None:
    def suspend() -> None:
        Partner.objects.update(suspended_at=datetime.now(UTC))

    refused = held_back(lambda: make_grant(pat), suspend, locked(partner))
    assert isinstance(refused, InvalidError), refused
    assert "Acme is suspended" in str(refused)
    assert not Grant.objects.exists()
    Partner.objects.update(suspended_at=None)
    made = held_back(lambda: make_grant(pat), lambda: None, locked(partner))
    assert isinstance(made, Grant), made


def test_an_extension_that_waits_for_an_end_is_refused(make_grant: Make, aws: FakeAws) -> None:
    ended, living = make_grant(), make_grant()

    def extend(grant: Grant) -> Grant:
        end = grant.ends_at + HOUR
        return extend_grant(grant_id=grant.pk, ends_at=end, reason="r", aws=aws.ports(), actor=SHELL)

    refused = held_back(
        lambda: extend(ended),
        lambda: revoke_grant(grant_id=ended.pk, reason="r", actor=SHELL),
        locked(ended),
    )
    assert isinstance(refused, ConflictError), refused
    extended = held_back(lambda: extend(living), lambda: None, locked(living))
    assert isinstance(extended, Grant), extended
    assert Grant.objects.get(pk=living.pk).ends_at == living.ends_at + HOUR


def test_the_sweep_that_found_an_old_end_leaves_the_extended_grant_alone(
    make_grant: Make, aws: FakeAws, move_time: Make
) -> None:
    grant = move_time(make_grant().pk, 3598)
    new_end = grant.ends_at + HOUR
    with transaction.atomic():
        extend_grant(grant_id=grant.pk, ends_at=new_end, reason="r", aws=aws.ports(), actor=SHELL)
        while datetime.now(UTC) <= grant.ends_at:
            threading.Event().wait(0.05)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(outcome, expire_batch).result(30) == (0, 0.0)
    assert expire_batch().grants == 0
    assert Grant.objects.get().state == "active"


def test_all_at_once_nobody_waits_in_a_circle_and_nothing_of_the_partner_lives_on(
    make_grant: Make, aws: FakeAws, pat: Any, person: Make, partner: Any
) -> None:
    quin, neighbour = person("Quin", partner=partner), make_grant(person("Nia"))
    held = [make_grant(who) for who in (pat, quin) * 4]
    holder = Actor(ActorKind.PERSON, pat.name, pat.pk)

    def extend(grant: Grant) -> Callable[[], object]:
        end = grant.ends_at + HOUR
        return lambda: extend_grant(grant_id=grant.pk, ends_at=end, reason="r", aws=aws.ports(), actor=SHELL)

    acts = [
        *(extend(grant) for grant in held[:6]),
        *(lambda who=who: make_grant(who) for who in (pat, quin) * 2),
        lambda: suspend_partner(partner_id=partner.pk, reason="r", actor=SHELL),
        lambda: deactivate_person(person_id=quin.pk, reason="r", actor=SHELL),
        lambda: revoke_grant(grant_id=held[6].pk, reason="r", actor=SHELL),
        lambda: release_grant(grant_id=held[6].pk, actor=holder),
    ]
    with ThreadPoolExecutor(len(acts)) as pool:
        outcomes = [future.result(60) for future in [pool.submit(outcome, act) for act in acts]]
    wrong = [came for came in outcomes if isinstance(came, Exception) and not isinstance(came, DomainError)]
    assert wrong == []
    living = Grant.objects.filter(state__in=[state.value for state in LIVING])
    assert set(living) == {neighbour}
    for grant in Grant.objects.exclude(pk=neighbour.pk):
        ends = AuditEvent.objects.filter(grant_id=grant.pk).exclude(
            type__in=["access.grant.made", "access.grant.extended"]
        )
        assert ends.count() == 1, "each ended once"
