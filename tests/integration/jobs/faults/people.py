"""Somebody who holds grants is deleted or deactivated, a partner deleted or suspended."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db.models import ProtectedError

from portal.access.models import Grant
from portal.access.operations.grants.deactivate_person import deactivate_person
from portal.access.operations.partners.suspend_partner import suspend_partner
from portal.audit.events import EventType
from portal.directory.models import Partner, Person
from portal.kernel.clock import database_now
from tests.integration.jobs.faults.figures import PROMISE, Figure
from tests.integration.jobs.faults.installation import OPERATOR, Installation
from tests.world import make_person


def person_gone(made: Installation) -> Iterator[Figure]:
    person = make_person("Ben Lindqvist")
    held = made.session(person)
    _cannot_be_deleted(person)
    deactivate_person(person_id=person.pk, reason="left", actor=OPERATOR)
    made.wait(lambda: made.stands(held.grant), PROMISE, "the deny")
    made.audited_once(EventType.GRANT_SUSPENDED, [held.grant.pk])
    assert held.is_denied()
    yield Figure("from deactivating the person to the deny", made.cut_seconds(held.grant), PROMISE)


def partner_gone(made: Installation) -> Iterator[Figure]:
    now = database_now()
    partner = Partner.objects.create(
        name="Acme", contract_starts_at=now - timedelta(days=1), contract_ends_at=now + timedelta(days=30)
    )
    held = [made.session(make_person(name, partner=partner)) for name in ("Cleo", "Dan")]
    _cannot_be_deleted(partner)
    suspend_partner(partner_id=partner.pk, reason="contract in dispute", actor=OPERATOR)
    made.wait(lambda: made.stands(*(one.grant for one in held)), PROMISE, "the denies")
    made.audited_once(EventType.GRANT_SUSPENDED, [one.grant.pk for one in held])
    assert all(one.is_denied() for one in held)
    slowest = max(made.cut_seconds(one.grant) for one in held)
    yield Figure("from suspending the partner to the denies", slowest, PROMISE)


def _cannot_be_deleted(row: Person | Partner) -> None:
    before = Grant.objects.count()
    with pytest.raises(ProtectedError):
        row.delete()
    assert Grant.objects.count() == before
