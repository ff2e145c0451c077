"""Races on a real PostgreSQL, by threads: what must hold whoever comes first."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connections

from portal.access.lifecycle import RevocationState
from portal.access.models import AwsSession, ConsoleLink, DenyDocument, Grant, Revocation
from portal.access.operations.credentials.console_links import make_console_link, use_console_link
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.cutting.apply_revocations import apply_revocations
from portal.access.operations.cutting.leases import LATE_PUT, LEASE
from portal.access.operations.cutting.work_off import due_documents
from portal.access.operations.grants.deactivate_person import deactivate_person
from portal.access.operations.grants.make_grant import GrantOrder
from portal.access.operations.grants.make_grant import make_grant as grant_operation
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.running.sweep_grants import expire_batch
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.directory.models import Person
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, DomainError, NotFoundError
from tests.at_once import at_once
from tests.fakes import CONSOLE, FakeAws
from tests.servers.process import require_services

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("races")]
Make = Callable[..., Any]
SHELL = Actor.command("tests")
# Every delay comes three times, or twelve.
TRIES = 300 if require_services() else 72


@pytest.fixture
def known_role(role: AwsRole, aws: FakeAws) -> AwsRole:
    AwsRole.objects.filter(pk=role.pk).update(unique_id=aws.role_id(role.name))
    return role


def grants(role: AwsRole, person: Person, many: int) -> list[Grant]:
    now = database_now()
    return Grant.objects.bulk_create(
        Grant(
            person=person,
            role=role,
            starts_at=now - timedelta(hours=1),
            ends_at=now + timedelta(hours=1),
            state="active",
            reason="race",
            made_at=now,
            activated_at=now,
        )
        for _ in range(many)
    )


def duel(grant: Grant, actor: Actor, aws: FakeAws) -> str:
    """Issue and revoke at once; return whether the credentials were got or refused."""
    start = threading.Barrier(2)

    def issue() -> str:
        start.wait(20)
        try:
            issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor)
        except ConflictError:
            return "refused"
        finally:
            connections.close_all()
        return "got"

    with ThreadPoolExecutor(1) as other:
        outcome = other.submit(issue)
        start.wait(20)
        # Not always at the same point: before, amid and after the three steps of issuing.
        time.sleep((grant.pk.int % 24) / 100)
        revoke_grant(grant_id=grant.pk, reason="race", actor=SHELL)
        connections.close_all()
        return outcome.result(60)


def test_no_credentials_are_released_after_the_cut_off(known_role: AwsRole, person: Make) -> None:
    """300 tries in CI: whatever was handed out was handed out before the end, and all that may live is denied."""
    somebody = person()
    aws = FakeAws()
    aws.role_ids[known_role.name] = AwsRole.objects.get().unique_id
    act = partial(duel, actor=Actor(ActorKind.PERSON, somebody.name, somebody.pk), aws=aws)
    with ThreadPoolExecutor(8) as pool:
        outcomes = Counter(pool.map(act, grants(known_role, somebody, TRIES), timeout=120))
    assert set(outcomes) == {"got", "refused"}, f"no race took place: {outcomes}"
    assert outcomes.total() == TRIES
    late = [
        session
        for session in AwsSession.objects.filter(state="got").select_related("grant")
        if session.answered_at is None
        or session.grant.ended_at is None
        or session.answered_at > session.grant.ended_at
    ]
    assert late == []
    assert AwsSession.objects.filter(state="got").count() == outcomes["got"]
    denied = {userid for row in Revocation.objects.all() for userid in row.userids}
    assert {row.userid for row in AwsSession.objects.exclude(userid="")} <= denied


def test_two_sweeps_share_the_work_and_end_each_grant_once(
    known_role: AwsRole, person: Make, settings: Any
) -> None:
    settings.SWEEP_BATCH = 20
    made = grants(known_role, person(), 200)
    Grant.objects.update(ends_at=database_now() - timedelta(seconds=1))

    def sweep() -> int:
        ended = 0
        while many := expire_batch().grants:
            ended += many
        return ended

    counts = at_once(sweep, sweep, sweep)
    assert sum(count for count in counts if isinstance(count, int)) == 200, counts
    rows = AuditEvent.objects.filter(type="access.grant.expired").values_list("grant_id", flat=True)
    assert sorted(str(pk) for pk in rows) == sorted(str(grant.pk) for grant in made)


def _revoked(role: AwsRole, person: Person, aws: FakeAws, many: int = 1) -> list[Grant]:
    actor = Actor(ActorKind.PERSON, person.name, person.pk)
    made = grants(role, person, many)
    for grant in made:
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor)
        revoke_grant(grant_id=grant.pk, reason="race", actor=SHELL)
    return made


def test_two_workers_on_one_document_one_writes(known_role: AwsRole, person: Make, aws: FakeAws) -> None:
    _revoked(known_role, person(), aws, many=3)
    [document] = due_documents(at=database_now())
    aws.before["write"] = lambda: time.sleep(0.3)
    results = at_once(
        *(
            lambda name=name: apply_revocations(document_id=document, aws=aws.ports(), holder=name)
            for name in ("a", "b", "c")
        )
    )
    assert sorted(str(result) for result in results) == ["0", "0", "3"]
    assert aws.count("write") == 1
    assert AuditEvent.objects.filter(type="access.revocation.applied").count() == 3


def test_a_late_put_of_an_older_holder_marks_nothing_and_is_put_right(
    known_role: AwsRole, person: Make, aws: FakeAws
) -> None:
    somebody = person()
    _revoked(known_role, somebody, aws)
    [document] = due_documents(at=database_now())
    in_put, go_on = threading.Event(), threading.Event()

    def hang_once() -> None:
        if not in_put.is_set():
            in_put.set()
            go_on.wait(30)

    aws.before["write"] = hang_once
    older: list[int] = []

    def work() -> None:
        older.append(apply_revocations(document_id=document, aws=aws.ports(), holder="older"))
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    assert in_put.wait(20)
    [second] = _revoked(known_role, somebody, aws)
    DenyDocument.objects.update(leased_until=database_now() - LEASE)
    assert apply_revocations(document_id=document, aws=aws.ports(), holder="newer") == 2
    whole = aws.denied()
    go_on.set()
    thread.join(30)
    assert older == [0]
    assert aws.denied() < whole, "the late put was to land over the newer document"
    assert AuditEvent.objects.filter(type="access.revocation.applied").count() == 2
    [again] = due_documents(at=database_now())
    apply_revocations(document_id=again, aws=aws.ports(), holder="third")
    assert aws.denied() == whole
    assert Revocation.objects.get(grant=second).userids[0] in whole
    assert due_documents(at=database_now()) == []


def test_an_overtaken_lease_is_looked_at_again_even_if_its_holder_is_dead(
    known_role: AwsRole, person: Make, aws: FakeAws
) -> None:
    _revoked(known_role, person(), aws)
    [document] = due_documents(at=database_now())
    DenyDocument.objects.update(holder="dead", leased_until=database_now() - timedelta(seconds=1))
    assert apply_revocations(document_id=document, aws=aws.ports(), holder="heir") == 1
    whole = dict(aws.documents)
    aws.documents.clear()  # the dead holder's put, still on the wire, landed
    assert due_documents(at=database_now()) == []
    assert due_documents(at=database_now() + LATE_PUT) == [document]
    DenyDocument.objects.update(recheck_at=database_now())
    apply_revocations(document_id=document, aws=aws.ports(), holder="heir")
    assert aws.documents == whole
    assert not Revocation.objects.exclude(state=RevocationState.APPLIED.value).exists()


def test_of_two_clicks_on_a_link_one_wins(known_role: AwsRole, person: Make, aws: FakeAws) -> None:
    somebody = person()
    actor = Actor(ActorKind.PERSON, somebody.name, somebody.pk)
    [grant] = grants(known_role, somebody, 1)
    link = make_console_link(grant_id=grant.pk, destination=CONSOLE, aws=aws.ports(), actor=actor)
    results = at_once(
        *[lambda: use_console_link(token=link.token, issuer="x", aws=aws.ports(), actor=actor)] * 4
    )
    lost = [result for result in results if isinstance(result, Exception)]
    assert [type(error) for error in lost] == [NotFoundError] * 3
    assert aws.count("sign_in_url") == 1
    assert ConsoleLink.objects.get().used_at is not None


def test_two_admins_who_grant_to_each_other_do_not_block(known_role: AwsRole, person: Make) -> None:
    admins = [person(name, is_staff=True, is_superuser=True) for name in ("Grace", "Alan")]

    def give(giver: Person, taker: Person) -> Grant:
        order = GrantOrder(taker.pk, known_role.pk, datetime.now(UTC) + timedelta(hours=1), "race")
        actor = Actor(ActorKind.PERSON, giver.name, giver.pk)
        return grant_operation(order=order, aws=FakeAws().ports(), actor=actor)

    for _ in range(10):
        results = at_once(lambda: give(*admins), lambda: give(*reversed(admins)))
        assert all(isinstance(result, Grant) for result in results), results


def test_nobody_deactivated_keeps_a_grant_made_meanwhile(known_role: AwsRole, person: Make) -> None:
    for number in range(10):
        somebody = person(f"Ada {number}")
        order = GrantOrder(somebody.pk, known_role.pk, datetime.now(UTC) + timedelta(hours=1), "race")
        give = partial(grant_operation, order=order, aws=FakeAws().ports(), actor=SHELL)
        leave = partial(deactivate_person, person_id=somebody.pk, reason="left", actor=SHELL)
        results = at_once(give, leave)
        assert not [r for r in results if isinstance(r, Exception) and not isinstance(r, DomainError)]
        assert not Grant.objects.filter(person=somebody, state__in=["active", "scheduled"]).exists()
