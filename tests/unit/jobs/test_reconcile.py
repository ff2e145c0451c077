"""Comparisons from the shell and by a worker: exit codes, what is printed where, and what a page's asking leads to."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from django.core.management import CommandError, call_command
from kombu.exceptions import OperationalError

from brokers.errors import NotPossible
from portal.access.models import Hold, Reconciliation
from portal.access.operations.drift.reconcile import ask_comparison
from portal.access.operations.running.hold import enter_hold
from portal.catalog.models import AwsRole
from portal.jobs import capacity, comparing
from portal.jobs.management.commands import reconcile as command
from portal.kernel import outbox
from portal.kernel.models import OutboxMessage
from tests.fakes import FakeAws
from tests.unit.access.differences_world import SHELL, World

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def _everywhere(monkeypatch: pytest.MonkeyPatch, aws: FakeAws) -> None:
    monkeypatch.setattr(command, "aws_ports", aws.ports)
    monkeypatch.setattr(comparing, "aws_ports", aws.ports)


@pytest.fixture
def world(aws: FakeAws, role: AwsRole, make_grant: Make) -> World:
    return World(aws, role, make_grant)


@dataclass
class Ran:
    code: int
    out: str
    err: str


def run(*arguments: str) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("reconcile", *arguments, stdout=out, stderr=err)
    except CommandError as error:
        return Ran(1, out.getvalue(), f"{err.getvalue()}{error}")
    except SystemExit as left:
        return Ran(int(str(left.code)), out.getvalue(), err.getvalue())
    return Ran(0, out.getvalue(), err.getvalue())


def test_where_all_agrees_it_says_so(world: World) -> None:
    world.cut()
    ran = run()
    assert (ran.code, ran.out) == (0, "1 roles and users compared: AWS and the portal agree.\n")
    assert "1 of 1" in ran.err


def test_without_repair_it_only_tells(world: World) -> None:
    world.cut()
    world.aws.documents.clear()
    world.deny_by_hand(world.entry(uuid4()))
    ran = run()
    assert ran.code == 3
    assert "missing_deny (1)" in ran.out
    assert "repair: A worker writes the deny again." in ran.out
    assert run().code == 3
    made = json.loads(run("--json").out)
    assert [each["kind"] for each in made["differences"]] == ["unknown_deny", "missing_deny"]
    assert Reconciliation.objects.count() == 3


def test_repair_mends_all_of_it_or_one_kind_alone(world: World) -> None:
    world.cut()
    world.aws.documents.clear()
    world.deny_by_hand(world.entry(uuid4()))
    ran = run("--repair", "--only", "missing_deny")
    assert ran.code == 3
    assert "not repaired: AWS denies more there" in ran.out
    assert "not repaired: not asked for" in ran.out
    ran = run("--repair")
    assert ran.code == 0
    assert "done: A worker writes the deny again." in ran.out
    world.work()
    assert run().code == 0
    ran = run("--repair", "--json")
    assert (ran.code, json.loads(ran.out)["repaired"]) == (0, [])


def test_in_hold_it_warns_of_what_a_release_would_let_in(world: World) -> None:
    enter_hold(reason="restored", actor=SHELL)
    world.deny_by_hand(world.entry(uuid4()), intact=False)
    ran = run()
    assert "DO NOT RELEASE THE HOLD YET" in ran.err
    ran = run("--repair")
    assert (ran.code, "DO NOT RELEASE" in ran.err) == (0, False)
    assert "Once the hold is released." in ran.out


def test_a_hold_is_not_released_from_the_shell_with_denies_that_would_be_lifted(world: World) -> None:
    enter_hold(reason="restored", actor=SHELL)
    world.deny_by_hand(world.entry(uuid4()))
    run()
    with pytest.raises(CommandError, match="AWS denies 1 that are not known here"):
        call_command("hold", "release", "--reason", "r")
    assert Hold.objects.get().released_at is None
    call_command("hold", "release", "--reason", "r", "--lift-denies", stdout=io.StringIO())
    assert Hold.objects.get().released_at is not None


def test_what_could_not_be_asked_is_told_and_exit_code_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deny_by_hand(intact=False)
    world.aws.silent.add(world.role.account.account_id)
    ran = run()
    assert ran.code == 1
    assert "not asked:" in ran.out
    assert "Not all could be compared" in ran.err

    def no_hub() -> Any:
        raise NotPossible("the hub has no AWS credentials")

    monkeypatch.setattr(command, "aws_ports", no_hub)
    ran = run()
    assert (ran.code, "AWS could not be asked: the hub has no AWS credentials" in ran.err) == (1, True)


@pytest.mark.parametrize("arguments", [("--only", "missing_deny"), ("--repair", "--only", "nonsense")])
def test_wrong_arguments_end_in_a_sentence(world: World, arguments: tuple[str, ...]) -> None:
    ran = run(*arguments)
    assert ran.code == 1
    assert "--repair as well" in ran.err or "invalid choice: 'nonsense'" in ran.err


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr(current_app, "send_task", lambda task, **_: sent.append(task))
    return sent


def test_what_a_page_asked_for_wakes_a_worker_that_makes_it(world: World, sent: list[str]) -> None:
    row = ask_comparison(actor=SHELL)
    outbox.relay()
    assert sent == ["portal.jobs.compare"]
    comparing.compare()
    row.refresh_from_db()
    assert row.made_at is not None
    comparing.compare()
    assert Reconciliation.objects.count() == 1


def test_a_wake_up_that_redis_did_not_take_comes_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*args: Any, **options: Any) -> None:
        raise OperationalError("no Redis")

    monkeypatch.setattr(current_app, "send_task", gone)
    ask_comparison(actor=SHELL)
    outbox.relay()
    assert OutboxMessage.objects.get(delivered_at=None).attempts == 1


def test_without_hub_credentials_the_comparison_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_hub() -> Any:
        raise NotPossible("the hub has no AWS credentials")

    monkeypatch.setattr(comparing, "aws_ports", no_hub)
    ask_comparison(actor=SHELL)
    comparing.compare()
    assert Reconciliation.objects.get().problem == "the hub has no AWS credentials"


def test_with_no_thread_left_it_waits(world: World) -> None:
    ask_comparison(actor=SHELL)
    capacity.set_concurrency(3)
    try:
        with capacity.free_slot() as first:
            assert first
            with pytest.raises(RuntimeError, match="busy"):
                comparing.compare()
    finally:
        capacity.set_concurrency(66)
    assert Reconciliation.objects.get().begun_at is None
