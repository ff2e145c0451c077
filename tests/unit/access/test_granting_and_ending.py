"""Granting, revoking, sweeping: what is refused, with the field that is wrong; what is written, once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from brokers.errors import LimitExceeded
from portal.access import lifecycle, queries
from portal.access.lifecycle import GrantState
from portal.access.models import AwsSession, ConsoleLink, DenyDocument, Grant, Revocation
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.grants.deactivate_person import deactivate_person, reactivate_person
from portal.access.operations.grants.end_grants import Ending, end_locked_grants
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.locking import lock_grant
from portal.access.operations.running.sweep_grants import activate_batch, expire_batch
from portal.access.operations.running.tidy import tidy_access
from portal.access.policy import contract_refusal, session_length, window_refusal
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.audit.queries import events_of_grant
from portal.catalog.models import AwsRole, ScopeTemplate
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from portal.kernel.models import OutboxMessage
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
SHELL = Actor.command("tests")
NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)


def audited(grant: Grant, event: EventType) -> int:
    return AuditEvent.objects.filter(grant_id=grant.pk, type=event.value).count()


def test_an_admin_grants_to_somebody_else(make_grant: Make, admin: Any, person: Make, actor_of: Make) -> None:
    grant = make_grant(actor=actor_of(admin), ticket=" T-1 ")
    assert (grant.state, grant.granted_by_id, grant.ticket) == ("active", admin.pk, "T-1")
    assert audited(grant, EventType.GRANT_MADE) == 1
    assert OutboxMessage.objects.get().payload == {"grant": str(grant.pk)}
    with pytest.raises(ForbiddenError, match="themselves"):
        make_grant(admin, actor=actor_of(admin))
    for giver in (actor_of(person("Mallory")), Actor(ActorKind.NOBODY, "nobody")):
        with pytest.raises(ForbiddenError, match="Only an admin"):
            make_grant(actor=giver)


def test_a_right_that_stayed_with_a_former_admin_counts_nothing(
    make_grant: Make, person: Make, actor_of: Make
) -> None:
    from django.contrib.auth.models import Permission  # noqa: PLC0415  # after the settings are chosen

    former, grant = person("Former"), make_grant()
    former.user_permissions.set(Permission.objects.filter(codename__in=["make_grant", "revoke_grant"]))
    with pytest.raises(ForbiddenError, match="Only an admin"):
        make_grant(actor=actor_of(former))
    with pytest.raises(NotFoundError):
        revoke_grant(grant_id=grant.pk, reason="r", actor=actor_of(former, ActorKind.TOKEN))
    type(former).objects.filter(pk=former.pk).update(is_staff=True)
    assert make_grant(person("Ben"), actor=actor_of(former)).state == "active"
    assert revoke_grant(grant_id=grant.pk, reason="r", actor=actor_of(former)).state == "revoked"


@pytest.mark.parametrize(
    ("field", "order"),
    [
        ("person", {"person_id": uuid4()}),
        ("role", {"role_id": uuid4()}),
        ("reason", {"reason": "  "}),
        ("reason", {"reason": "x" * 501}),
        ("ends_at", {"seconds": 59}),
        ("ends_at", {"seconds": 366 * 86_400 + 60}),
        ("ends_at", {"ends_at": NOW - timedelta(days=3000)}),
        ("ends_at", {"ends_at": NOW.replace(tzinfo=None)}),
        ("starts_at", {"starts_at": NOW.replace(tzinfo=None)}),
        ("starts_at", {"starts_at": datetime.now(UTC) - timedelta(minutes=16)}),
        ("scope_parameters", {"scope_parameters": {"bucket": "b"}}),
        ("scope_template", {"scope_template_id": uuid4()}),
    ],
)
def test_a_wrong_order_names_its_field(make_grant: Make, field: str, order: dict[str, Any]) -> None:
    with pytest.raises(InvalidError) as refused:
        make_grant(**order)
    assert refused.value.field == field
    assert not Grant.objects.exists()
    make_grant(starts_at=datetime.now(UTC) - timedelta(minutes=14))


def test_scopes(make_grant: Make, make_role: Make, template: Any, aws: FakeAws) -> None:
    narrow = make_role("Narrow", requires_scope=True)
    for order, field in (
        ({"role": narrow}, "scope_template"),
        ({"role": narrow, "scope_template_id": template.pk}, "scope_template"),
        ({"scope_template_id": template.pk, "scope_parameters": {"bucket": "*"}}, "scope_parameters"),
        ({"scope_template_id": template.pk, "scope_parameters": {}}, "scope_parameters"),
    ):
        with pytest.raises(InvalidError) as refused:
            make_grant(**order)
        assert refused.value.field == field
    good = {"scope_template_id": template.pk, "scope_parameters": {"bucket": "reports"}}
    aws.scope_problem = LimitExceeded("Policy", "2,049 characters", "2,048")
    with pytest.raises(InvalidError, match="2,049"):
        make_grant(**good)
    aws.scope_problem = None
    ScopeTemplate.objects.update(managed_policy_arns=["arn:aws:iam::333333333333:policy/Theirs"])
    with pytest.raises(InvalidError, match="another account"):
        make_grant(**good)
    ScopeTemplate.objects.update(managed_policy_arns=["arn:aws:iam::222222222222:policy/Ours"])
    assert make_grant(**good).scope_summary == "Read the bucket reports"
    ScopeTemplate.objects.update(summary="{{bucket}} {{forgotten}}")
    with pytest.raises(InvalidError, match="forgotten"):
        make_grant(**good)


def test_a_grant_stays_within_the_partners_contract(make_grant: Make, person: Make, partner: Any) -> None:
    pat = person("Pat", partner=partner)
    make_grant(pat, seconds=86_400)
    with pytest.raises(InvalidError, match="contract ends"):
        make_grant(pat, seconds=31 * 86_400)
    type(partner).objects.update(contract_starts_at=datetime.now(UTC) + timedelta(days=1))
    with pytest.raises(InvalidError, match="contract starts"):
        make_grant(pat)


def test_a_disabled_role_and_a_deactivated_person_get_no_grant(
    make_grant: Make, role: Any, person: Make
) -> None:
    gone = person(is_active=False, deactivated_at=NOW)
    with pytest.raises(InvalidError, match="active"):
        make_grant(gone)
    AwsRole.objects.update(is_enabled=False)
    with pytest.raises(InvalidError, match="enabled"):
        make_grant()


def test_revoking_is_for_admins_says_why_and_happens_once(
    make_grant: Make, admin: Any, actor_of: Make, person: Make
) -> None:
    grant = make_grant()
    for reason in ("", "x" * 501):
        with pytest.raises(InvalidError):
            revoke_grant(grant_id=grant.pk, reason=reason, actor=SHELL)
    with pytest.raises(ForbiddenError):
        revoke_grant(grant_id=grant.pk, reason="r", actor=actor_of(grant.person))
    for stranger in (actor_of(person("Mallory")), Actor(ActorKind.NOBODY, "nobody")):
        with pytest.raises(NotFoundError):
            revoke_grant(grant_id=grant.pk, reason="r", actor=stranger)
    with pytest.raises(NotFoundError):
        revoke_grant(grant_id=uuid4(), reason="r", actor=SHELL)
    ended = revoke_grant(grant_id=grant.pk, reason=" stop ", actor=actor_of(admin))
    assert (ended.state, ended.end_reason, ended.ended_by_id) == ("revoked", "stop", admin.pk)
    with pytest.raises(ConflictError, match="revoked already"):
        revoke_grant(grant_id=grant.pk, reason="again", actor=SHELL)
    assert audited(grant, EventType.GRANT_REVOKED) == 1
    assert not Revocation.objects.exists()  # nothing was issued: there is nothing to cut


def test_ending_kills_links_and_plans_the_deny(make_grant: Make, aws: FakeAws, actor_of: Make) -> None:
    grant, other = make_grant(), make_grant()
    for one in (grant, other):
        issue_credentials(grant_id=one.pk, aws=aws.ports(), actor=actor_of(one.person))
        for number, used in enumerate((None, NOW)):
            ConsoleLink.objects.create(
                grant=one, digest=f"{one.pk}{number}"[-64:], destination="/", made_at=NOW,
                expires_at=NOW + timedelta(minutes=1), used_at=used,
            )  # fmt: skip
    revoke_grant(grant_id=grant.pk, reason="r", actor=SHELL)
    assert ConsoleLink.objects.filter(grant=grant).count() == 1
    assert ConsoleLink.objects.filter(grant=other).count() == 2
    [revocation] = Revocation.objects.all()
    assert revocation.userids == [AwsSession.objects.get(grant=grant).userid]
    session = AwsSession.objects.get(grant=grant)
    assert session.ends_at is not None
    assert revocation.covers_until == max(session.expires_at, session.ends_at)


def test_one_grant_that_cannot_end_leaves_the_others_as_they_were(make_grant: Make) -> None:
    living, ended = make_grant(), make_grant()
    revoke_grant(grant_id=ended.pk, reason="r", actor=SHELL)
    both = [lock_grant(living.pk), lock_grant(ended.pk)]
    with pytest.raises(ConflictError):
        end_locked_grants(
            both, Ending(GrantState.REVOKED, EventType.GRANT_REVOKED, SHELL, database_now(), "r")
        )
    living.refresh_from_db()
    assert living.state == "active"


def test_the_sweep_starts_and_ends_what_is_due_and_nothing_else(make_grant: Make, move_time: Make) -> None:
    early, running, missed = make_grant(starts_in=600), make_grant(), make_grant(starts_in=60, seconds=60)
    assert (activate_batch().grants, expire_batch().grants) == (0, 0)
    move_time(early.pk, 600)
    move_time(missed.pk, 130)
    assert (activate_batch().grants, expire_batch().grants) == (1, 1)
    states = {grant.pk: grant.state for grant in Grant.objects.all()}
    assert states == {early.pk: "active", running.pk: "active", missed.pk: "expired"}
    assert audited(early, EventType.GRANT_ACTIVATED) == audited(missed, EventType.GRANT_EXPIRED) == 1
    assert [event.type for event in events_of_grant(early.pk)] == [
        "access.grant.made",
        "access.grant.activated",
    ]


def test_a_thousand_due_grants_take_a_bounded_number_of_statements(
    make_role: Make, person: Make, make_grant: Make, settings: Any
) -> None:
    settings.SWEEP_BATCH = 1200
    roles = [make_role(f"Role-{number}", unique_id=f"AROA{number:016d}") for number in range(20)]
    somebody, now = person(), database_now()
    hour = timedelta(hours=1)
    grants = Grant.objects.bulk_create(
        Grant(person=somebody, role=roles[number % 20], starts_at=now - 2 * hour, ends_at=now - hour,
              state="active", activated_at=now - 2 * hour, reason="r", made_at=now - 2 * hour)
        for number in range(1200)
    )  # fmt: skip
    AwsSession.objects.bulk_create(
        AwsSession(grant=grant, kind="console", state="asked", session_name=f"sp-{number}",
                   asked_at=now - hour, expires_at=now + hour)
        for number, grant in enumerate(grants)
    )  # fmt: skip
    with CaptureQueriesContext(
        connection,
    ) as spent:
        assert expire_batch().grants == 1200
    # SQLite takes 999 values a statement, and so some for the audit rows and the revocations.
    assert len(spent) < (20 if connection.vendor == "postgresql" else 100), len(spent)
    assert Revocation.objects.count() == 1200
    assert DenyDocument.objects.count() == 20
    assert AuditEvent.objects.filter(type="access.grant.expired").count() == 1200


def test_deactivation_suspends_and_reactivation_gives_nothing_back(
    make_grant: Make, admin: Any, actor_of: Make
) -> None:
    grant = make_grant()
    done = deactivate_person(person_id=grant.person_id, reason="left", actor=actor_of(admin))
    assert (done.grants, done.revocations) == (1, 0)
    grant.refresh_from_db()
    assert grant.state == "suspended"
    assert (audited(grant, EventType.GRANT_SUSPENDED), audited(grant, EventType.GRANT_REVOKED)) == (1, 0)
    reactivate_person(person_id=grant.person_id, reason="back", actor=actor_of(admin))
    grant.refresh_from_db()
    assert grant.state == "suspended"


def test_old_links_go(make_grant: Make) -> None:
    ConsoleLink.objects.create(
        grant=make_grant(), digest="d", destination="/", made_at=NOW, expires_at=NOW + timedelta(minutes=1)
    )
    assert tidy_access(at=NOW + timedelta(hours=23)) == 0
    assert tidy_access(at=NOW + timedelta(hours=25)) == 1


def test_what_the_doors_show(make_grant: Make, aws: FakeAws, actor_of: Make, person: Make) -> None:
    grant, other = make_grant(), make_grant()
    now = database_now()
    issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    later = now + timedelta(minutes=1)
    assert list(queries.grants_of(grant.person_id, at=now)) == [grant]
    assert set(queries.visible_grants(grant.person_id, sees_all=True)) == {grant, other}
    assert list(queries.visible_grants(grant.person_id, sees_all=False)) == [grant]
    assert queries.live_sessions([grant.pk, other.pk], at=later) == {grant.pk: 1}
    assert queries.others_at_work(grant, at=later) == 1
    assert len(queries.sessions_of(grant.pk)) == 1
    assert "Reader" in str(grant)
    assert "credentials" in str(AwsSession.objects.get())


def test_the_lifecycle_is_closed() -> None:
    for state in GrantState:
        for following in GrantState:
            why = lifecycle.refusal(state, following)
            assert (why is None) == (following in lifecycle.GRANT_NEXT[state])
    assert "already" in str(lifecycle.refusal(GrantState.REVOKED, GrantState.ACTIVE))
    assert "can't become" in str(lifecycle.refusal(GrantState.ACTIVE, GrantState.SCHEDULED))


@pytest.mark.parametrize(
    ("remaining", "longest", "chained", "seconds", "why"),
    [
        (899.9, 3600, False, 900, "shortest"),
        (900, 3600, False, 900, "grant's end"),
        (3600, 3600, False, 3600, "grant's end"),
        (3601, 3600, False, 3600, "this role allows"),
        (9999, 43_200, True, 3600, "one hour"),
        (9999, 1800, True, 1800, "this role allows"),
    ],
)
def test_how_long_a_session_is(remaining: float, longest: int, chained: bool, seconds: int, why: str) -> None:
    length = session_length(
        longest=timedelta(seconds=longest), chained=chained, remaining=timedelta(seconds=remaining)
    )
    assert length.duration == timedelta(seconds=seconds)
    assert why in length.why


def test_windows_are_judged_in_words() -> None:
    hour = timedelta(hours=1)
    assert window_refusal(NOW, NOW, now=NOW - hour) == ("ends_at", "A grant must end after it starts.")
    assert window_refusal(NOW, NOW + hour, now=NOW) is None
    passed = window_refusal(NOW - 2 * hour, NOW - hour, now=NOW)
    assert passed == ("ends_at", "This end has passed already; choose one in the future.")
    assert contract_refusal(NOW, NOW + hour, contract_starts_at=NOW, contract_ends_at=NOW + hour) is None


def test_no_condition_of_a_scope_is_lost_to_its_parameters(make_grant: Make, template: ScopeTemplate) -> None:
    tags = {"aws:ResourceTag/{{one}}": "yes", "aws:ResourceTag/{{two}}": "no"}
    template.policy["Statement"][0] |= {"Resource": "*", "Condition": {"StringEquals": tags}}
    template.parameters, template.summary = {"one": "resource_name", "two": "resource_name"}, "Tagged"
    template.save()

    def grant(two: str) -> Grant:
        made: Grant = make_grant(scope_template_id=template.pk, scope_parameters={"one": "a", "two": two})
        return made

    with pytest.raises(InvalidError, match="one key of two") as refused:
        grant("a")
    assert refused.value.field == "scope_parameters"
    policy: Any = grant("b").scope_policy
    assert len(policy["Statement"][0]["Condition"]["StringEquals"]) == 2


def test_a_console_made_of_credentials_outlives_them_and_is_cut_off_with_them(
    make_grant: Make, aws: FakeAws, actor_of: Make
) -> None:
    """AWS's sign-in endpoint makes a console session of 12 hours of a role's credentials until their last second."""
    alive, ended = make_grant(seconds=172_800), make_grant(seconds=172_800)
    for grant in (alive, ended):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    now, hour = database_now(), timedelta(hours=1)
    AwsSession.objects.update(asked_at=now - 3 * hour, expires_at=now - 2 * hour)
    AwsSession.objects.filter(grant=ended).update(ends_at=now - hour)  # its window has closed
    for grant in (alive, ended):
        revoke_grant(grant_id=grant.pk, reason="r", actor=SHELL)
    [revocation] = Revocation.objects.all()
    assert revocation.grant_id == alive.pk, "its credentials are dead, a console made of them may live"
    assert revocation.covers_until == revocation.asked_at + timedelta(hours=24, minutes=30)


def test_an_answer_that_comes_when_its_row_counted_as_dead_is_denied_all_the_same(
    make_grant: Make, aws: FakeAws, actor_of: Make
) -> None:
    """A process slept so long between asking and calling that its grant ended with nothing left to revoke."""
    grant, neighbour = make_grant(seconds=172_800), make_grant(seconds=172_800)

    def sleep_and_revoke() -> None:
        long_ago = database_now() - timedelta(days=1)
        AwsSession.objects.filter(grant=grant).update(
            asked_at=long_ago, expires_at=long_ago + timedelta(hours=1), ends_at=long_ago
        )
        revoke_grant(grant_id=grant.pk, reason="r", actor=SHELL)
        assert not Revocation.objects.exists()

    aws.before["assume_role"] = sleep_and_revoke
    with pytest.raises(ConflictError):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    aws.before.clear()
    issue_credentials(grant_id=neighbour.pk, aws=aws.ports(), actor=actor_of(neighbour.person))
    [revocation] = Revocation.objects.all()
    assert revocation.userids == [AwsSession.objects.get(grant=grant).userid]
    assert (revocation.state, revocation.covers_until > database_now()) == ("pending", True)
