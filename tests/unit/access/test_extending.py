"""Extending: by the rules of every grant; what was issued before keeps its end, what is issued afterwards is longer."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db.models import Model

from brokers.errors import LimitExceeded
from portal.access import queries
from portal.access.models import AwsSession, Grant
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.grants.extend_grant import extend_grant
from portal.access.operations.grants.release_grant import release_grant
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.running.sweep_grants import expire_batch
from portal.audit.models import AuditEvent
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from portal.kernel.models import OutboxMessage
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
SHELL = Actor.command("tests")
HOUR = timedelta(hours=1)


@pytest.fixture
def extend(aws: FakeAws) -> Make:
    """Extend by an hour: extend(grant), extend(grant, by=DAY, actor=…)."""

    def act(
        grant: Grant, *, by: timedelta = HOUR, reason: str = "not done yet", actor: Actor = SHELL
    ) -> Grant:
        return extend_grant(
            grant_id=grant.pk, ends_at=grant.ends_at + by, reason=reason, aws=aws.ports(), actor=actor
        )

    return act


def test_old_credentials_end_where_they_said_and_fresh_ones_are_longer(
    make_grant: Make, extend: Make, aws: FakeAws, actor_of: Make
) -> None:
    grant = make_grant(seconds=600)
    old_end = grant.ends_at
    by = {"grant_id": grant.pk, "aws": aws.ports(), "actor": actor_of(grant.person)}
    assert issue_credentials(**by).ends_at == old_end
    assert extend(grant).ends_at == old_end + HOUR
    [old] = AwsSession.objects.all()
    assert old.ends_at == old_end
    # The role's longest session is an hour, so the fresh ones are over before the grant is.
    assert issue_credentials(**by).ends_at > old_end + HOUR / 2
    calls = [(call.ends_at, call.duration) for call in aws.asked("assume_role")]
    assert calls == [(old_end, timedelta(minutes=15)), (old_end + HOUR, HOUR)]
    assert queries.live_sessions([grant.pk], at=old_end - timedelta(seconds=1)) == {grant.pk: 2}
    assert queries.live_sessions([grant.pk], at=old_end) == {grant.pk: 1}


def test_an_extension_is_written_with_both_ends_and_its_reason(
    make_grant: Make, extend: Make, admin: Any, actor_of: Make
) -> None:
    grant = make_grant()
    extended = extend(
        grant, by=HOUR + timedelta(microseconds=999_999), reason=" more ", actor=actor_of(admin)
    )
    grant.refresh_from_db()
    assert grant.ends_at == extended.ends_at
    assert grant.ends_at.microsecond == 0
    event = AuditEvent.objects.get(type="access.grant.extended")
    assert (event.grant_id, event.person_id, event.actor_id) == (grant.pk, grant.person_id, admin.pk)
    assert event.details == {
        "old_ends_at": (grant.ends_at - HOUR).isoformat(),
        "ends_at": grant.ends_at.isoformat(),
        "reason": "more",
    }
    assert OutboxMessage.objects.get(topic="access.grant.extended").payload == {"grant": str(grant.pk)}


def test_who_may_extend(make_grant: Make, extend: Make, person: Make, admin: Any, actor_of: Make) -> None:
    grant, own = make_grant(), make_grant(admin)
    with pytest.raises(ForbiddenError, match="Only an admin"):
        extend(grant, actor=actor_of(grant.person))
    with pytest.raises(ForbiddenError, match="themselves"):
        extend(own, actor=actor_of(admin, ActorKind.TOKEN))
    revoker = person("Rita", is_staff=True)
    revoker.user_permissions.set(Permission.objects.filter(codename="revoke_grant"))
    for stranger in (actor_of(person("Mallory")), actor_of(revoker), Actor(ActorKind.NOBODY, "nobody")):
        with pytest.raises(NotFoundError):
            extend(grant, actor=stranger)
    with pytest.raises(NotFoundError):
        extend(Grant(pk=uuid4(), ends_at=grant.ends_at))
    revoker.user_permissions.set(Permission.objects.filter(codename="make_grant"))
    assert extend(grant, actor=actor_of(revoker)).ends_at == grant.ends_at + HOUR
    assert AuditEvent.objects.filter(type="access.grant.extended").count() == 1


@pytest.mark.parametrize(
    ("field", "order"),
    [
        ("reason", {"reason": "  "}),
        ("reason", {"reason": "x" * 501}),
        ("ends_at", {"by": timedelta(0)}),
        ("ends_at", {"by": timedelta(microseconds=900_000)}),
        ("ends_at", {"by": -timedelta(minutes=1)}),
        ("ends_at", {"by": timedelta(days=366)}),
    ],
)
def test_a_wrong_extension_names_its_field(
    make_grant: Make, extend: Make, field: str, order: dict[str, Any]
) -> None:
    grant = make_grant()
    with pytest.raises(InvalidError) as refused:
        extend(grant, **order)
    assert refused.value.field == field
    assert Grant.objects.get().ends_at == grant.ends_at
    extend(grant, by=timedelta(seconds=1), reason="x" * 500)


def test_a_new_end_needs_its_zone_and_an_earlier_one_is_a_revoke(make_grant: Make, aws: FakeAws) -> None:
    grant = make_grant()
    naive = datetime.now(UTC).replace(tzinfo=None)
    for ends_at, words in ((naive, "needs its zone"), (grant.ends_at - HOUR / 2, "revoke it")):
        with pytest.raises(InvalidError, match=words):
            extend_grant(grant_id=grant.pk, ends_at=ends_at, reason="r", aws=aws.ports(), actor=SHELL)


def _change(thing: Any, **fields: Any) -> None:
    model: type[Model] = type(thing)
    model._default_manager.filter(pk=thing.pk).update(**fields)


def test_the_rules_of_making_hold_for_extending(
    make_grant: Make, extend: Make, ben: Any, partner: Any, role: Any
) -> None:
    _change(ben, partner=partner)
    grant, now = make_grant(ben), database_now()
    for thing, broken, words, mended in (
        (
            ben,
            {"is_active": False, "deactivated_at": now},
            "active",
            {"is_active": True, "deactivated_at": None},
        ),
        (partner, {"suspended_at": now}, "suspended", {"suspended_at": None}),
        (
            partner,
            {"contract_ends_at": grant.ends_at},
            "contract ends",
            {"contract_ends_at": now + 99 * HOUR},
        ),
        (role, {"is_enabled": False}, "enabled", {"is_enabled": True}),
        (role, {"is_writable": False}, "No kill switch", {"is_writable": True}),
        (role, {"requires_scope": True}, "scope only", {"requires_scope": False}),
    ):
        _change(thing, **broken)
        with pytest.raises(InvalidError, match=words):
            extend(grant)
        _change(thing, **mended)
    assert extend(grant).ends_at == grant.ends_at + HOUR


def test_an_accepted_lack_of_the_kill_switch_stays_accepted(
    make_grant: Make, make_role: Make, extend: Make
) -> None:
    grant = make_grant(role=make_role("Theirs", is_writable=False), accepts_no_kill_switch=True)
    assert extend(grant).ends_at == grant.ends_at + HOUR


def test_a_scope_that_can_no_longer_be_sent_is_not_extended(
    make_grant: Make, extend: Make, aws: FakeAws
) -> None:
    grant = make_grant()
    aws.scope_problem = LimitExceeded("Policy", "2,049 characters", "2,048")
    with pytest.raises(InvalidError, match="2,049"):
        extend(grant)
    assert aws.asked("check_scope")[-1][1] == grant.ends_at + HOUR


def test_what_has_ended_stays_ended(make_grant: Make, extend: Make, move_time: Make, actor_of: Make) -> None:
    revoked, released, expired, unswept, living = (make_grant() for _ in range(5))
    revoke_grant(grant_id=revoked.pk, reason="r", actor=SHELL)
    release_grant(grant_id=released.pk, actor=actor_of(released.person))
    move_time(expired.pk, 3601)
    assert expire_batch().grants == 1
    unswept = move_time(unswept.pk, 3601)
    for grant, words in (
        (revoked, "revoked already"),
        (released, "released already"),
        (expired, "expired already"),
        (unswept, "end has come already"),
    ):
        with pytest.raises(ConflictError, match=words):
            extend(grant, by=2 * HOUR)
    assert not AuditEvent.objects.filter(type="access.grant.extended").exists()
    assert extend(living).state == "active"


def test_a_scheduled_grant_is_extended_and_stays_scheduled(make_grant: Make, extend: Make) -> None:
    grant = make_grant(starts_in=600)
    assert (extend(grant).state, Grant.objects.get().ends_at) == ("scheduled", grant.ends_at + HOUR)


def test_the_sweep_goes_by_the_new_end(make_grant: Make, extend: Make, move_time: Make) -> None:
    extended, neighbour = make_grant(), make_grant()
    extend(extended)
    for grant in (extended, neighbour):
        move_time(grant.pk, 3700)
    assert expire_batch().grants == 1
    assert set(Grant.objects.filter(state="active")) == {extended}
    move_time(extended.pk, 3600)
    assert expire_batch().grants == 1
