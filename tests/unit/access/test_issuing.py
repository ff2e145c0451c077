"""Issuing: who gets credentials, what is written down, and what is thrown away."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.access.models import AwsSession, Grant, Revocation
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.credentials.issue_session import ask_session
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.directory.models import Partner, Person
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError, ForbiddenError, NotFoundError, UpstreamError
from tests.fakes import DENIED, SECRET, TOKEN, UNAVAILABLE, FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


def issue(grant: Grant, aws: FakeAws, actor: Actor) -> Any:
    return issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor)


def kinds(grant: Grant) -> list[str]:
    events = AuditEvent.objects.filter(grant_id=grant.pk).order_by("id")
    return [event.type.removeprefix("access.") for event in events]


def test_the_grants_person_gets_credentials_and_every_step_is_written(
    make_grant: Make, aws: FakeAws, actor_of: Make
) -> None:
    grant = make_grant()
    issued = issue(grant, aws, actor_of(grant.person))
    assert issued.credentials.secret_access_key == SECRET
    assert issued.length_why == "until the grant's end" or "longest" in issued.length_why
    session = AwsSession.objects.get()
    assert (session.state, session.userid, session.access_key_id, session.ip) == (
        "got",
        f"{aws.role_id('Reader')}:{session.session_name}",
        "ASIAFAKE",
        "192.0.2.7",
    )
    assert kinds(grant) == ["grant.made", "session.asked", "session.issued"]
    event = AuditEvent.objects.get(type="access.session.issued")
    assert (event.actor_id, event.person_id, event.role_id) == (
        grant.person_id,
        grant.person_id,
        grant.role_id,
    )
    written = str(list(AuditEvent.objects.values())) + str(list(AwsSession.objects.values()))
    assert SECRET not in written
    assert TOKEN not in written


def test_the_call_carries_the_grants_end_and_its_scope(
    make_grant: Make, aws: FakeAws, actor_of: Make, template: Any
) -> None:
    grant = make_grant(scope_template_id=template.pk, scope_parameters={"bucket": "reports"})
    issue(grant, aws, actor_of(grant.person))
    [(_, call)] = [entry for entry in aws.calls if entry[0] == "assume_role"]
    assert call.ends_at == grant.ends_at
    assert call.scope.policy["Statement"][0]["Resource"] == "arn:aws:s3:::reports/*"
    assert call.tags == {"SallyportGrant": str(grant.pk), "SallyportPerson": str(grant.person_id)}
    assert call.source_identity
    assert call.duration <= timedelta(hours=1)


def test_a_role_without_tags_and_source_identity_sends_none(
    make_grant: Make, make_role: Make, aws: FakeAws, actor_of: Make
) -> None:
    grant = make_grant(role=make_role("Plain", sends_tags=False, sets_source_identity=False))
    issue(grant, aws, actor_of(grant.person))
    call = next(asked for name, asked in aws.calls if name == "assume_role")
    assert (call.tags, call.source_identity) == ({}, None)


def test_a_federation_role_calls_get_federation_token(
    make_grant: Make, make_role: Make, aws: FakeAws, actor_of: Make, template: Any
) -> None:
    role = make_role("hub-user", method="federation_token", requires_scope=True, max_session_seconds=900)
    template.roles.add(role)
    grant = make_grant(role=role, scope_template_id=template.pk, scope_parameters={"bucket": "reports"})
    issued = issue(grant, aws, actor_of(grant.person))
    [call] = aws.asked("get_federation_token")
    assert call.user_arn == role.arn, "the user that the deny is written to"
    assert aws.count("unique_id") == 0
    assert issued.credentials.access_key_id == "ASIAFAKE"


def test_a_strangers_grant_looks_like_none_and_asks_nothing_of_aws(
    make_grant: Make, aws: FakeAws, actor_of: Make, person: Make
) -> None:
    grant = make_grant()
    with pytest.raises(NotFoundError) as refused:
        issue(grant, aws, actor_of(person("Mallory")))
    with pytest.raises(NotFoundError) as unknown:
        issue(Grant(pk=grant.person_id), aws, actor_of(grant.person))
    assert str(refused.value) == str(unknown.value)
    assert {name for name, _ in aws.calls} == {"check_scope"}
    rows = AuditEvent.objects.filter(type="access.session.refused").order_by("id")
    assert [(row.grant_id, row.details["code"]) for row in rows] == [
        (grant.pk, "not_found"),
        (None, "not_found"),
    ]


def test_nobody_gets_nothing(make_grant: Make, aws: FakeAws) -> None:
    with pytest.raises(NotFoundError):
        issue(make_grant(), aws, Actor.command("shell"))


def _deactivate(grant: Grant) -> None:
    Person.objects.filter(pk=grant.holder.pk).update(is_active=False, deactivated_at=datetime.now(UTC))


def _disable(grant: Grant) -> None:
    AwsRole.objects.filter(pk=grant.role_id).update(is_enabled=False)


def _no_credentials(grant: Grant) -> None:
    AwsRole.objects.filter(pk=grant.role_id).update(allows_credentials=False)


@pytest.mark.parametrize("break_it", [_deactivate, _disable, _no_credentials])
def test_switched_off_is_refused_and_written(
    make_grant: Make, aws: FakeAws, actor_of: Make, break_it: Make
) -> None:
    grant = make_grant()
    issue(grant, aws, actor_of(grant.person))
    break_it(grant)
    with pytest.raises(ForbiddenError):
        issue(grant, aws, actor_of(grant.person))
    assert aws.count("assume_role") == 1
    assert kinds(grant)[-1] == "session.refused"


@pytest.mark.parametrize("break_it", [_deactivate, _disable])
def test_switched_off_while_aws_is_asked_throws_the_answer_away(
    make_grant: Make, aws: FakeAws, actor_of: Make, break_it: Make
) -> None:
    grant = make_grant()
    aws.after["assume_role"] = lambda: break_it(grant)
    with pytest.raises(ConflictError):
        issue(grant, aws, actor_of(grant.person))
    assert AwsSession.objects.get().state == "discarded"


def test_a_shortened_contract_stops_issuing(
    make_grant: Make, aws: FakeAws, actor_of: Make, person: Make, partner: Any
) -> None:
    grant = make_grant(person("Pat", partner=partner))
    issue(grant, aws, actor_of(grant.person))
    Partner.objects.filter(pk=partner.pk).update(contract_ends_at=datetime.now(UTC))
    with pytest.raises(ForbiddenError, match="contract with Acme"):
        issue(grant, aws, actor_of(grant.person))


def test_the_window_decides_and_not_the_sweep(
    make_grant: Make, aws: FakeAws, actor_of: Make, move_time: Make
) -> None:
    early = make_grant(starts_in=600)
    with pytest.raises(ConflictError, match="starts only at"):
        issue(early, aws, actor_of(early.person))
    move_time(early.pk, 601)  # begun, and no sweep has activated it
    issue(early, aws, actor_of(early.person))
    move_time(early.pk, 3600)  # over, and no sweep has expired it
    with pytest.raises(ConflictError, match="has ended"):
        issue(early, aws, actor_of(early.person))


def test_what_comes_after_the_end_is_discarded_and_denied(
    make_grant: Make, aws: FakeAws, actor_of: Make
) -> None:
    grant = make_grant()
    command = Actor.command("shell")

    def meanwhile() -> None:
        revoke_grant(grant_id=grant.pk, reason="stop", actor=command)

    aws.after["assume_role"] = meanwhile
    with pytest.raises(ConflictError, match="ended while AWS was asked"):
        issue(grant, aws, actor_of(grant.person))
    session = AwsSession.objects.get()
    assert session.state == "discarded"
    assert Revocation.objects.get().userids == [session.userid]
    assert kinds(grant) == ["grant.made", "session.asked", "grant.revoked", "session.discarded"]


def test_a_role_made_anew_in_aws_reopens_the_revocation(
    make_grant: Make, aws: FakeAws, actor_of: Make
) -> None:
    grant = make_grant()
    old = aws.role_id("Reader")

    def meanwhile() -> None:
        revoke_grant(grant_id=grant.pk, reason="stop", actor=Actor.command("shell"))
        Revocation.objects.update(state="applied", applied_at=datetime.now(UTC))

    AwsRole.objects.filter(pk=grant.role_id).update(unique_id=old)
    aws.role_ids["Reader"] = "AROA9999999999999999"
    aws.after["assume_role"] = meanwhile
    with pytest.raises(ConflictError):
        issue(grant, aws, actor_of(grant.person))
    revocation = Revocation.objects.get()
    assert revocation.state == "pending"
    assert {userid.partition(":")[0] for userid in revocation.userids} == {old, "AROA9999999999999999"}
    assert AwsRole.objects.get().unique_id == "AROA9999999999999999"
    assert kinds(grant)[-1] == "revocation.reopened"


def test_no_answer_is_lost_and_covered_a_refusal_is_failed_and_not(
    make_grant: Make, aws: FakeAws, actor_of: Make
) -> None:
    lost, refused = make_grant(), make_grant()
    for grant, problem, state in ((lost, UNAVAILABLE, "lost"), (refused, DENIED, "failed")):
        aws.fail["assume_role"] = problem
        with pytest.raises(UpstreamError) as told:
            issue(grant, aws, actor_of(grant.person))
        assert told.value.retryable == problem.retryable
        assert AwsSession.objects.get(grant=grant).state == state
        assert kinds(grant)[-1] == "session.failed"
        revoke_grant(grant_id=grant.pk, reason="stop", actor=Actor.command("shell"))
    [revocation] = Revocation.objects.all()
    assert revocation.grant_id == lost.pk
    assert revocation.userids[0].startswith(aws.role_id("Reader"))


def test_a_role_id_that_cannot_be_read_stops_issuing_and_is_written(
    make_grant: Make, aws: FakeAws, actor_of: Make
) -> None:
    grant = make_grant()
    aws.fail["unique_id"] = UNAVAILABLE
    with pytest.raises(UpstreamError):
        issue(grant, aws, actor_of(grant.person))
    assert kinds(grant) == ["grant.made", "session.failed"]
    with pytest.raises(ConflictError, match="unique id"):
        ask_session(
            grant_id=grant.pk,
            kind=AwsSession.Kind.CREDENTIALS,
            aws=aws.ports(),
            actor=actor_of(grant.person),
        )
    del aws.fail["unique_id"]
    issue(grant, aws, actor_of(grant.person))


def test_without_the_audit_row_no_credentials_leave(
    make_grant: Make, aws: FakeAws, actor_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = make_grant()

    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the audit trail can't be written")

    aws.after["assume_role"] = lambda: monkeypatch.setattr(
        "portal.access.operations.credentials.write_sessions.record", broken
    )
    with pytest.raises(RuntimeError):
        issue(grant, aws, actor_of(grant.person))
    assert AwsSession.objects.get().state == "asked"
    monkeypatch.undo()
    revoke_grant(grant_id=grant.pk, reason="stop", actor=Actor.command("shell"))
    assert len(Revocation.objects.get().userids) == 1
