"""Bringing denies to AWS, and the console: faults, back-off, poisoned rows, single-use links."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from brokers.errors import NotPossible
from portal.access.models import AwsSession, ConsoleLink, DenyDocument, Grant, Revocation
from portal.access.operations.credentials.console_links import (
    find_console_link,
    make_console_link,
    use_console_link,
)
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.credentials.open_console import open_console
from portal.access.operations.cutting import apply_revocations as engine
from portal.access.operations.cutting.retry_revocations import retry_revocations
from portal.access.operations.cutting.work_off import due_documents
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.audit.models import AuditEvent
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, UpstreamError
from tests.fakes import CONSOLE, DENIED, UNAVAILABLE, FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
SHELL = Actor.command("tests")


@pytest.fixture
def revoked(make_grant: Make, aws: FakeAws, actor_of: Make) -> Callable[[], Grant]:
    def make() -> Grant:
        grant = make_grant()
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
        return revoke_grant(grant_id=grant.pk, reason="stop", actor=SHELL)

    return make


def apply(aws: FakeAws) -> int:
    return engine.apply_revocations(
        document_id=DenyDocument.objects.get().pk, aws=aws.ports(), holder="tests"
    )


def events(name: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(type=f"access.revocation.{name}").order_by("id"))


def test_the_deny_names_the_revoked_and_not_the_neighbour(
    revoked: Callable[[], Grant], aws: FakeAws, make_grant: Make, actor_of: Make
) -> None:
    neighbour = make_grant()
    issue_credentials(grant_id=neighbour.pk, aws=aws.ports(), actor=actor_of(neighbour.person))
    grant = revoked()
    assert apply(aws) == 1
    assert aws.denied() == {AwsSession.objects.get(grant=grant).userid}
    row = Revocation.objects.get()
    assert (row.state, row.attempts, row.last_error) == ("applied", 1, "")
    assert [event.grant_id for event in events("applied")] == [grant.pk]
    document = DenyDocument.objects.get()
    assert (document.leased_until, document.holder, document.entries) == (None, "", 1)
    assert apply(aws) == 0
    assert aws.count("write") == 1
    assert len(events("applied")) == 1
    assert str(grant.pk) in str(row)
    assert "role Reader" in str(document)


@pytest.mark.parametrize("operation", ["read", "write"])
@pytest.mark.parametrize("problem", [UNAVAILABLE, DENIED])
def test_a_failure_is_shown_and_tried_again_for_ever(
    revoked: Callable[[], Grant], aws: FakeAws, operation: str, problem: Any
) -> None:
    revoked()
    aws.fail[operation] = problem
    for attempt in range(1, 9):
        assert apply(aws) == 0
        row = Revocation.objects.get()
        assert (row.state, row.attempts, row.last_error) == ("failing", attempt, str(problem))
        wait = (row.next_try_at - database_now()).total_seconds()
        assert 0 < wait <= 60
    assert len(events("failing")) == 1  # one row for the change of state, not one for each try
    assert due_documents(at=database_now()) == []
    assert retry_revocations(revocation_ids=[Revocation.objects.get().pk], actor=SHELL) == 1
    assert len(due_documents(at=database_now())) == 1
    assert len(events("retried")) == 1
    aws.fail.clear()
    assert apply(aws) == 1
    assert len(events("applied")) == 1


def test_an_answer_lost_after_success_is_seen_at_the_next_try(
    revoked: Callable[[], Grant], aws: FakeAws
) -> None:
    revoked()
    aws.lose_answer["write"] = UNAVAILABLE
    assert apply(aws) == 0
    aws.lose_answer.clear()
    assert apply(aws) == 1
    assert aws.count("write") == 1


def test_iam_that_shows_it_late_is_put_again_and_then_failing(
    revoked: Callable[[], Grant], aws: FakeAws
) -> None:
    revoked()
    aws.hidden_reads = 2
    assert apply(aws) == 1
    assert aws.count("write") == 2
    revoked()
    aws.hidden_reads = 99
    assert apply(aws) == 0
    # The first is failing, too: AWS, asked twice, did not show its deny any more.
    failing = Revocation.objects.filter(state="failing")
    assert ["does not show it yet" in row.last_error for row in failing] == [True, True]
    assert engine.NotShownYetError().retryable


def test_a_poisoned_row_starves_nobody(revoked: Callable[[], Grant], aws: FakeAws) -> None:
    bad, good = revoked(), revoked()
    Revocation.objects.filter(grant=bad).update(userids=["*"])
    assert apply(aws) == 1
    assert Revocation.objects.get(grant=good).state == "applied"
    row = Revocation.objects.get(grant=bad)
    assert row.state == "failing"
    assert "ROLE-ID" in row.last_error
    assert "*" not in aws.denied()


def test_where_aws_has_no_room_what_is_over_anyway_makes_room_for_what_was_revoked_early(
    revoked: Callable[[], Grant], aws: FakeAws, move_time: Make
) -> None:
    aws.room = 2
    over, over_too = revoked(), revoked()
    assert apply(aws) == 2
    move_time(over.pk, 3700)
    move_time(over_too.pk, 3700)
    late, early = revoked(), revoked()
    move_time(late.pk, 3700)
    assert apply(aws) == 1
    states = dict(Revocation.objects.values_list("grant", "state"))
    assert states == {over.pk: "failing", over_too.pk: "failing", late.pk: "failing", early.pk: "applied"}
    assert aws.denied() == {AwsSession.objects.get(grant=early).userid}
    assert DenyDocument.objects.get().entries == 1
    assert "allowed is 2" in Revocation.objects.get(grant=late).last_error
    second, third = revoked(), revoked()  # more than fit, and none of them is over: one more finds room
    assert apply(aws) == 1
    states = dict(Revocation.objects.values_list("grant", "state"))
    assert (states[early.pk], states[second.pk], states[third.pk]) == ("applied", "applied", "failing")
    assert len(aws.denied()) == 2


def test_a_fault_of_our_own_is_shown_without_its_text_and_raised(
    revoked: Callable[[], Grant], aws: FakeAws
) -> None:
    revoked()

    def broken() -> None:
        raise RuntimeError("secret text")

    aws.before["write"] = broken
    with pytest.raises(RuntimeError):
        apply(aws)
    row = Revocation.objects.get()
    assert row.state == "failing"
    assert "RuntimeError" in row.last_error
    assert "secret text" not in row.last_error


def test_aws_that_cannot_be_asked_at_all(revoked: Callable[[], Grant], aws: FakeAws) -> None:
    revoked()
    document = DenyDocument.objects.get().pk
    engine.fail_revocations(document_id=document, problem=NotPossible("no hub key"), holder="tests")
    assert Revocation.objects.get().last_error == "no hub key"
    DenyDocument.objects.update(holder="x", leased_until=database_now() + timedelta(minutes=1))
    engine.fail_revocations(document_id=document, problem=NotPossible("again"), holder="tests")
    assert Revocation.objects.get().last_error == "no hub key"
    assert apply(aws) == 0


def test_an_overtaken_worker_records_nothing_and_has_it_looked_at(
    revoked: Callable[[], Grant], aws: FakeAws
) -> None:
    revoked()

    def overtake() -> None:
        DenyDocument.objects.update(fence=99)

    for moment, failing in (("read", False), ("write", False), ("write", True)):
        aws.documents.clear()
        aws.fail.clear()
        DenyDocument.objects.update(leased_until=None, holder="", recheck_at=None)
        aws.before = {moment: overtake}
        if failing:
            aws.fail["write"] = UNAVAILABLE
        assert apply(aws) == 0
        assert Revocation.objects.get().state == "pending"
        assert DenyDocument.objects.get().recheck_at is not None
        if moment == "read":
            assert aws.count("write") == 0  # overtaken before the put: nothing is put any more
    assert events("applied") == events("failing") == []


def test_a_row_that_grew_meanwhile_waits_for_the_next_round(
    revoked: Callable[[], Grant], aws: FakeAws
) -> None:
    revoked()
    more = ["AROA1234567890ABCDEF:late"]

    def grow() -> None:
        Revocation.objects.update(userids=more)

    aws.after["write"] = grow
    assert apply(aws) == 0
    aws.after.clear()
    assert apply(aws) == 1
    assert aws.denied() == set(more)


def test_dead_entries_leave_the_document(revoked: Callable[[], Grant], aws: FakeAws) -> None:
    revoked()
    apply(aws)
    long_ago = database_now() - timedelta(days=1)
    Revocation.objects.update(asked_at=long_ago, covers_until=long_ago + timedelta(hours=1))
    DenyDocument.objects.update(recheck_at=long_ago)
    [document] = due_documents(at=database_now())
    engine.apply_revocations(document_id=document, aws=aws.ports(), holder="tests")
    assert aws.documents == {}
    assert DenyDocument.objects.get().recheck_at is None
    row = Revocation.objects.get()
    assert row.state == "cleaned"
    assert row.cleaned_at is not None
    assert len(events("cleaned")) == 1
    assert due_documents(at=database_now() + timedelta(days=1)) == []


def test_a_failed_recheck_comes_again(revoked: Callable[[], Grant], aws: FakeAws) -> None:
    revoked()
    apply(aws)
    DenyDocument.objects.update(recheck_at=database_now())
    aws.fail["read"] = UNAVAILABLE
    apply(aws)
    again = DenyDocument.objects.get().recheck_at
    assert again is not None
    assert again > database_now()


def console(grant: Grant, aws: FakeAws, actor: Actor, destination: str = CONSOLE) -> Any:
    return open_console(
        grant_id=grant.pk, destination=destination, issuer="https://portal", aws=aws.ports(), actor=actor
    )


def test_the_console_opens_and_its_url_is_written_nowhere(
    make_grant: Make, aws: FakeAws, actor_of: Make
) -> None:
    grant = make_grant()
    opened = console(grant, aws, actor_of(grant.person))
    assert "SigninToken" in opened.sign_in.url
    asked = next(asked for name, asked in aws.calls if name == "sign_in_url")
    assert asked["session_duration"] is not None
    session = AwsSession.objects.get()
    # The URL is honoured for 15 minutes, and the console session then lives its whole duration.
    assert session.expires_at - session.asked_at >= asked["session_duration"] * 2 + timedelta(minutes=15)
    assert "SigninToken" not in str(list(AuditEvent.objects.values())) + str(
        list(AwsSession.objects.values())
    )


def test_no_duration_is_sent_where_aws_refuses_it(
    make_grant: Make, make_role: Make, aws: FakeAws, actor_of: Make, template: Any
) -> None:
    aws.hub_is_chained = True
    grant = make_grant()
    console(grant, aws, actor_of(grant.person))
    aws.hub_is_chained = False
    role = make_role("user", method="federation_token", requires_scope=True)
    template.roles.add(role)
    other = make_grant(role=role, scope_template_id=template.pk, scope_parameters={"bucket": "reports"})
    console(other, aws, actor_of(other.person))
    sent = [asked["session_duration"] for name, asked in aws.calls if name == "sign_in_url"]
    assert sent == [None, None]


def test_a_sign_in_that_fails_after_sts_is_lost_and_so_covered(
    make_grant: Make, aws: FakeAws, actor_of: Make
) -> None:
    grant = make_grant()
    aws.fail["sign_in_url"] = DENIED
    with pytest.raises(UpstreamError):
        console(grant, aws, actor_of(grant.person))
    session = AwsSession.objects.get()
    assert (session.state, session.access_key_id) == ("lost", "ASIAFAKE")
    revoke_grant(grant_id=grant.pk, reason="r", actor=SHELL)
    assert Revocation.objects.get().userids == [session.userid]


def test_destinations(make_grant: Make, aws: FakeAws, actor_of: Make, person: Make) -> None:
    grant = make_grant()
    for destination in ("https://evil.example/", CONSOLE + "x" * 2000):
        with pytest.raises(InvalidError) as refused:
            console(grant, aws, actor_of(grant.person), destination)
        assert refused.value.field == "destination"
        with pytest.raises(NotFoundError):  # the same for a stranger as where there is no grant
            console(grant, aws, actor_of(person("Mallory")), destination)
    assert aws.count("assume_role") == 0


def test_a_link_is_used_once_by_its_person_in_time(
    make_grant: Make, aws: FakeAws, actor_of: Make, person: Make, move_time: Make
) -> None:
    grant = make_grant()
    owner = actor_of(grant.person)

    def make() -> Any:
        return make_console_link(grant_id=grant.pk, destination=CONSOLE, aws=aws.ports(), actor=owner)

    def use(token: str, actor: Actor) -> Any:
        return use_console_link(token=token, issuer="https://portal", aws=aws.ports(), actor=actor)

    link = make()
    assert link.token not in str(list(ConsoleLink.objects.values()))
    assert find_console_link(token=link.token, actor=owner).grant_id == grant.pk
    for token, actor in ((link.token, actor_of(person("Mallory"))), ("other", owner)):
        with pytest.raises(NotFoundError):
            use(token, actor)
    assert "SigninToken" in use(link.token, owner).sign_in.url
    with pytest.raises(NotFoundError):
        use(link.token, owner)
    second = make()
    move_time(grant.pk, 601)
    with pytest.raises(NotFoundError):
        use(second.token, owner)
    assert "console link" in str(ConsoleLink.objects.first())


def test_links_are_refused_as_the_console_is_and_it_is_written(
    make_grant: Make, make_role: Make, aws: FakeAws, actor_of: Make, person: Make
) -> None:
    closed, silent = make_grant(starts_in=600), make_grant(role=make_role("Api", allows_console=False))
    for grant, actor, error in (
        (closed, actor_of(closed.person), ConflictError),
        (silent, actor_of(silent.person), ForbiddenError),
        (closed, actor_of(person("Mallory")), NotFoundError),
    ):
        with pytest.raises(error):
            make_console_link(grant_id=grant.pk, destination=CONSOLE, aws=aws.ports(), actor=actor)
    assert AuditEvent.objects.filter(type="access.session.refused").count() == 3
    assert not ConsoleLink.objects.exists()


def test_of_two_clicks_the_second_finds_nothing(
    make_grant: Make, aws: FakeAws, actor_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = make_grant()
    owner = actor_of(grant.person)
    link = make_console_link(grant_id=grant.pk, destination=CONSOLE, aws=aws.ports(), actor=owner)
    found = find_console_link(token=link.token, actor=owner)
    ConsoleLink.objects.update(used_at=database_now())
    monkeypatch.setattr(
        "portal.access.operations.credentials.console_links.find_console_link", lambda **_: found
    )
    with pytest.raises(NotFoundError):
        use_console_link(token=link.token, issuer="x", aws=aws.ports(), actor=owner)
