"""Partners' roles by the schedule: the sweep wakes workers for what is due, and a worker finds it in the database."""

import threading
from typing import Any

import pytest

from brokers.errors import NotPossible
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.config.celery import app
from portal.jobs import capacity, partner_roles, tasks
from tests.fakes import FakeAws
from tests.partner_world import (
    SHELL,
    add_account,
    add_partner,
    add_template,
    connect,
    grant_to,
    prove,
    row_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def grant(account: Any, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(partner_roles, "aws_ports", aws.ports)
    theirs = add_account(add_partner())
    prove(theirs, connect(account))
    return grant_to(theirs, account, add_template(), aws)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(partner_roles, "send", names.append)
    monkeypatch.setattr(tasks, "send", names.append)
    return names


def test_the_sweep_wakes_a_worker_for_each_that_is_due(grant: Any, sent: list[str]) -> None:
    tasks.dispatch()
    assert sent == [partner_roles.TASK]
    assert partner_roles.partner_roles() == 1
    assert row_of(grant).state == "standing"
    sent.clear()
    tasks.dispatch()
    assert sent == []
    revoke_grant(grant_id=grant.pk, reason="over", actor=SHELL)
    tasks.dispatch()
    assert partner_roles.TASK in sent
    assert partner_roles.partner_roles() == 1
    assert row_of(grant).state == "gone"


def test_it_waits_in_the_queue_of_what_talks_to_aws() -> None:
    assert app.conf.task_routes[partner_roles.TASK]["queue"] == "aws"
    assert partner_roles.TASK in app.tasks


def test_some_threads_are_kept_free_of_it(grant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "_slots", threading.BoundedSemaphore(1))
    with capacity.free_slot():
        assert partner_roles.partner_roles() == 0
    assert row_of(grant).state == "making"
    assert partner_roles.partner_roles() == 1


def test_a_portal_without_a_hub_says_so_in_each_row(grant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise NotPossible("There is no hub key.")

    monkeypatch.setattr(partner_roles, "aws_ports", refuse)
    assert partner_roles.partner_roles() == 0
    assert row_of(grant).last_error == "There is no hub key."
