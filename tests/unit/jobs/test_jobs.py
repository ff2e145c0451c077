"""The schedule's thin layer: one bad step stops nothing, slots stay free, commands end with a sentence."""

import io
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from django.core.management import CommandError, call_command
from kombu.exceptions import OperationalError

from brokers.errors import NotPossible
from portal.access.models import Grant, Revocation
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.jobs import capacity, tasks, waking
from portal.jobs.beat import SteadyScheduler
from portal.jobs.management.commands import apply_revocations as waiting_command
from portal.jobs.management.commands import revoke_grant as command
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from tests.fakes import DENIED, FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture
def revoked(make_grant: Make, aws: FakeAws, actor_of: Make) -> Grant:
    grant = make_grant()
    issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    return revoke_grant(grant_id=grant.pk, reason="r", actor=Actor.command("tests"))


def test_one_worker_is_woken_for_each_document_with_work_due(
    revoked: Grant, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(tasks, "send", sent.append)
    monkeypatch.setattr(tasks, "aws_ports", aws.ports)
    tasks.dispatch()
    assert sent == ["portal.jobs.revoke"]
    assert tasks.revoke() == 1
    sent.clear()
    Revocation.objects.update(probe_at=None)
    tasks.dispatch()
    assert sent == []


def test_revoke_applies_or_shows_why_not(
    revoked: Grant, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_hub() -> Any:
        raise NotPossible("the hub has no AWS credentials")

    monkeypatch.setattr(tasks, "aws_ports", no_hub)
    assert tasks.revoke() == 0
    assert Revocation.objects.get().last_error == "the hub has no AWS credentials"
    Revocation.objects.update(next_try_at=database_now())
    monkeypatch.setattr(tasks, "aws_ports", aws.ports)
    assert tasks.revoke() == 1


def test_some_threads_stay_free_of_aws(revoked: Grant, monkeypatch: pytest.MonkeyPatch) -> None:
    capacity.set_concurrency(3)
    try:
        with capacity.free_slot() as first:
            assert first
            assert tasks.revoke() == 0
            assert Revocation.objects.get().attempts == 0
        with capacity.free_slot() as again:
            assert again
    finally:
        capacity.set_concurrency(66)


def test_wake_sends_both_at_once_and_rests_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[Any] = []

    def gone(name: str, **options: Any) -> None:
        tries.append((name, options["retry"], options["expires"]))
        if len(tries) > 2:
            raise OperationalError("no Redis")

    monkeypatch.setattr(current_app, "send_task", gone)
    monkeypatch.setitem(waking._rest, "until", 0.0)
    waking.wake()
    assert tries == [("portal.jobs.revoke", False, 10), ("portal.jobs.sweep", False, 10)]
    with waking.quietly():
        waking.wake()
    assert len(tries) == 2
    waking.wake()
    waking.wake()
    assert len(tries) == 3
    monkeypatch.setitem(waking._rest, "until", 0.0)
    waking.wake()
    assert len(tries) == 4


def test_tidy_runs(revoked: Grant) -> None:
    tasks.tidy()
    assert Grant.objects.count() == 1


def test_a_clock_that_jumps_back_does_not_put_beat_to_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    from portal.config.celery import app  # noqa: PLC0415  # after the settings are chosen

    beat = SteadyScheduler(app=app, lazy=True)
    beat.setup_schedule()
    entry = beat.schedule["sweep"]
    ran: list[str] = []
    monkeypatch.setattr(beat, "apply_async", lambda entry, **_: ran.append(entry.name))
    hour = 3600
    real_time, real_now = time.time, app.now
    from datetime import timedelta  # noqa: PLC0415

    entry.last_run_at = real_now() + timedelta(hours=1)  # as if it had run before the clock went back
    monkeypatch.setattr(time, "time", lambda: real_time() - hour)
    beat.tick()
    last_run_at: Any = beat.schedule["sweep"].last_run_at
    assert abs((last_run_at - real_now()).total_seconds()) < 5
    monkeypatch.setattr(time, "time", real_time)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, aws: FakeAws) -> Callable[..., str]:
    monkeypatch.setattr(command, "aws_ports", aws.ports)

    def call(*arguments: str) -> str:
        out = io.StringIO()
        call_command(*arguments, stdout=out)
        return out.getvalue()

    return call


def test_revoke_grant_from_the_shell(
    run: Callable[..., str], make_grant: Make, aws: FakeAws, actor_of: Make
) -> None:
    idle, used, stuck = make_grant(), make_grant(), make_grant()
    for grant in (used, stuck):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    assert "nothing to end in AWS" in run("revoke_grant", str(idle.pk), "--reason", "r")
    said = run("revoke_grant", str(used.pk), "--reason", "r")
    assert "AWS shows the order to refuse" in said
    assert "proven" not in said
    aws.fail["read"] = DENIED
    with pytest.raises(CommandError, match="Not yet cut off"):
        run("revoke_grant", str(stuck.pk), "--reason", "r")
    with pytest.raises(CommandError, match="already"):
        run("revoke_grant", str(stuck.pk), "--reason", "r")


def test_revoke_grant_lets_run_out_only_where_that_was_asked_for(
    run: Callable[..., str], make_grant: Make, make_role: Make, aws: FakeAws, actor_of: Make
) -> None:
    left, uncut = (
        make_grant(),
        make_grant(role=make_role("Off", is_writable=False), accepts_no_kill_switch=True),
    )
    for grant in (left, uncut):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    said = run("revoke_grant", str(left.pk), "--reason", "r", "--let-run-out")
    assert "let the sessions run out: 0 console sessions and 1 set of credentials may live on" in said
    assert f"until {left.ends_at:%Y-%m-%d %H:%M}" in said
    assert "no kill switch" in run("revoke_grant", str(uncut.pk), "--reason", "r")
    assert not Revocation.objects.exists()
    assert aws.count("write") == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("revoke_grant", "not-an-id", "--reason", "r"), "'not-an-id' is not a grant's id"),
        (("revoke_grant", str(uuid4()), "--reason", "r"), "no such grant"),
        (("revoke_grant", str(uuid4())), "--reason"),
        (("appoint_admin", "nowhere", "ada"), "no identity provider 'nowhere'"),
        (("add_saml_provider", "corp", "/nonexistent/file.xml"), "can't be read"),
        (("add_saml_provider", "corp", __file__), "metadata can't be used"),
    ],
)
def test_wrong_arguments_end_in_a_sentence(
    run: Callable[..., str], arguments: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)


def test_apply_revocations_brings_what_waits_to_aws_and_says_what_is_left(
    revoked: Grant, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_command, "aws_ports", aws.ports)
    aws.fail["write"] = DENIED
    errors = io.StringIO()
    with pytest.raises(CommandError, match="1 of 1 still wait"):
        call_command("apply_revocations", stdout=io.StringIO(), stderr=errors)
    assert "AccessDenied" in errors.getvalue()
    del aws.fail["write"]
    said = io.StringIO()
    call_command("apply_revocations", stdout=said)
    assert "Every revocation stands in AWS" in said.getvalue()
    assert Revocation.objects.get().state == "applied"
    assert aws.denied() == set(Revocation.objects.get().userids)


def test_apply_revocations_without_a_hub_says_so(revoked: Grant, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_hub() -> Any:
        raise NotPossible("the hub has no AWS credentials")

    monkeypatch.setattr(waiting_command, "aws_ports", no_hub)
    with pytest.raises(CommandError, match="AWS was not reached: the hub has no AWS credentials"):
        call_command("apply_revocations", stdout=io.StringIO())
    assert Revocation.objects.get().state == "pending"
