"""A partner's trail among many events: each once, newest first, by indexes, in as many queries whatever there is."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from portal.audit.models import AuditEvent
from portal.audit.partner_trail import PartnerTrail, events_of_partner

pytestmark = pytest.mark.django_db
TYPE = "access.grant.made"
PARTNER, PEOPLE, GRANTS = uuid4(), [uuid4() for _ in range(5)], [uuid4() for _ in range(5)]
TRAIL = PartnerTrail(PARTNER, PEOPLE, GRANTS, [TYPE])
AMONG = 60_000


def event(**subjects: Any) -> AuditEvent:
    known = {
        "at": datetime.now(UTC),
        "type": TYPE,
        "outcome": "done",
        "actor_kind": "system",
        "actor_label": "t",
    }
    return AuditEvent(**{**known, **subjects})


def write(*events: AuditEvent) -> list[int]:
    """Write them one by one, so that their numbers are known on either database."""
    for one in events:
        one.save()
    return [one.pk for one in events]


def numbers(**asked: Any) -> list[int]:
    return [each.pk for each in events_of_partner(TRAIL, **{"limit": 100, **asked})]


def test_by_each_subject_once_and_nobody_elses() -> None:
    others = uuid4()
    ours = write(
        event(partner_id=PARTNER),
        event(person_id=PEOPLE[0]),
        event(grant_id=GRANTS[4]),
        event(partner_id=PARTNER, person_id=PEOPLE[0], grant_id=GRANTS[0]),
    )
    write(
        event(partner_id=others),
        event(person_id=uuid4()),
        event(grant_id=uuid4()),
        event(),
        event(partner_id=PARTNER, type="staff.record.changed"),
        # Of one of its people, while they were of another company; and of a grant that another one shares.
        event(person_id=PEOPLE[0], partner_id=others),
        event(grant_id=GRANTS[0], partner_id=others),
    )
    assert numbers() == ours[::-1]
    assert numbers(before=ours[2]) == [ours[1], ours[0]]
    assert numbers(limit=3) == ours[:0:-1]
    nobody = PartnerTrail(PARTNER, [], [], [TYPE])
    assert [each.pk for each in events_of_partner(nobody, limit=9)] == [ours[3], ours[0]]


def test_pages_meet_without_a_gap() -> None:
    makers: list[Callable[[], AuditEvent]] = [
        lambda: event(partner_id=PARTNER),
        lambda: event(person_id=PEOPLE[1]),
        lambda: event(grant_id=GRANTS[1]),
    ]
    whole = write(*(makers[number % 3]() for number in range(100)))[::-1]
    found: list[int] = []
    while page := numbers(limit=7, before=found[-1] if found else None):
        found += page
    assert found == whole


def test_as_many_queries_whatever_there_is(django_assert_num_queries: Any) -> None:
    write(*(event(person_id=PEOPLE[number % 5]) for number in range(40)))
    with django_assert_num_queries(4):
        assert len(numbers(before=10**9, limit=30)) == 30


@pytest.mark.postgres
def test_each_part_walks_an_index_and_nothing_is_read_whole() -> None:
    _plant(AMONG)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_auditevent")
    plans = _plans()
    assert len(plans) == 4, plans
    for plan in plans:
        assert "Seq Scan on audit_auditevent" not in plan, plan
    for plan, index in zip(plans, ("partner", "person", "grant"), strict=False):
        assert f"audit_by_{index}" in plan, plan


def _plant(number: int) -> None:
    """Events of strangers, and among them one in a hundred of the partner's own people."""
    own = [str(one) for one in PEOPLE]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_auditevent (at, type, outcome, actor_kind, actor_label, user_agent, request_id, "
            "details, person_id) SELECT now(), %s, 'done', 'system', 't', '', '', '{}'::jsonb, "
            "CASE WHEN n %% 100 = 0 THEN (%s::uuid[])[1 + n / 100 %% 5] ELSE gen_random_uuid() END "
            "FROM generate_series(1, %s) AS n",
            [TYPE, own, number],
        )


def _plans() -> list[str]:
    """Run a page, and return how PostgreSQL executes each of its statements."""
    told: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # Django's signature
        told.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        assert len(numbers(before=10**12, limit=50)) == 50
    plans = []
    for sql, params in told:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}", params)
            plans.append("\n".join(row[0] for row in cursor.fetchall()))
    return plans
