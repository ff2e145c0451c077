"""Denies up to a time, of one name: the latest stands for all of them, and each row is told what becomes of it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from brokers.types import StandingDeny
from portal.access.differences import Kind
from portal.access.models import DenyDocument, Grant, KeptDeny, Revocation
from portal.access.operations.cutting.apply_revocations import apply_revocations
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.kernel.clock import database_now
from tests.fakes import UNAVAILABLE, FakeAws, role_id_of
from tests.proof_world import saml_provider, saml_role
from tests.unit.access.differences_world import World
from tests.unit.brokers.aws.fake_iam import FakeIam, Managed
from tests.unit.brokers.aws.test_deny import padded, writer
from tests.world import make_grant, make_person

pytestmark = pytest.mark.django_db
ROUNDS = 2_000
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def by_assertion(make_role: Callable[..., Any]) -> AwsRole:
    return saml_role(make_role, saml_provider(), "Developer", unique_id=role_id_of("Developer"))


@pytest.fixture
def world(aws: FakeAws, by_assertion: AwsRole) -> World:
    return World(aws, by_assertion, make_grant)


def entry(role: AwsRole, name: str, before: datetime) -> str:
    return f"{role.unique_id}:{name}@example.org<{before:%Y-%m-%dT%H:%M:%SZ}"


def cut(role: AwsRole, name: str, ago: timedelta = timedelta(), lives: timedelta = HOUR) -> Revocation:
    """A pending revocation, asked for `ago`, of what `name` got up to a minute later; it lives so long from now."""
    asked_at = database_now() - ago
    ends = {
        "state": "revoked",
        "starts_at": asked_at - HOUR,
        "ends_at": asked_at + HOUR,
        "ended_at": asked_at,
    }
    return Revocation.objects.create(
        grant=make_grant(make_person(name), role, **ends),
        document=DenyDocument.objects.get_or_create(account=role.account, kind="role", name=role.name)[0],
        userids=[entry(role, name, asked_at + MINUTE)],
        state="pending",
        asked_at=asked_at,
        covers_until=database_now() + lives,
        next_try_at=asked_at,
    )


def rounds(role: AwsRole, number: int) -> None:
    """One person took, fetched and gave back so many times within an hour."""
    first = cut(role, "ada", ago=number * timedelta(seconds=1))
    shared = [(Grant(**_columns(first.grant, "id")), number) for number in range(1, number)]
    Grant.objects.bulk_create(grant for grant, _ in shared)
    Revocation.objects.bulk_create(
        Revocation(
            **_columns(first, "id", "grant_id", "userids"),
            grant=grant,
            userids=[entry(role, "ada", first.asked_at + MINUTE + later * timedelta(seconds=1))],
        )
        for grant, later in shared
    )


def _columns(row: Any, *but: str) -> dict[str, Any]:
    return {
        name: value for name, value in row.__dict__.items() if name not in {"_state", *but} and name[0] != "_"
    }


def work(aws: FakeAws) -> int:
    return apply_revocations(document_id=DenyDocument.objects.get().pk, aws=aws.ports(), holder="tests")


def states() -> list[str]:
    return list(Revocation.objects.order_by("asked_at").values_list("state", flat=True))


def test_two_thousand_rounds_take_the_room_of_one_and_the_neighbours_cut_gets_in(
    aws: FakeAws, by_assertion: AwsRole
) -> None:
    """Ten policies of others are attached, and beside others' inline ones there is room for two names."""
    others = {
        f"arn:aws:iam::222222222222:policy/Others{n}": Managed("", {"v1": padded(90)}) for n in range(10)
    }
    iam = FakeIam("Role", {"Other": padded(10_240 - 600)}, managed=others, attached=list(others))
    ports = replace(aws.ports(), deny=writer(iam))
    document = cut(by_assertion, "ben", ago=5 * MINUTE).document

    def apply() -> int:
        return apply_revocations(document_id=document.pk, aws=ports, holder="tests")

    assert apply() == 1
    rounds(by_assertion, ROUNDS)
    assert apply() == ROUNDS
    entries = {text for row in Revocation.objects.all() for text in row.userids}
    assert len(entries) == ROUNDS + 1
    last = max(text for text in entries if "ada" in text)
    assert iam.denied() == {f"{by_assertion.unique_id}:{name}@example.org" for name in ("ada", "ben")}
    stands = json.dumps(iam.policies["SallyportRevoked"])
    assert last.partition("<")[2] in stands
    # No room for a third: it fails, as ever, and what stands stays.
    third = cut(by_assertion, "eve")
    assert apply() == 0
    third.refresh_from_db()
    assert third.state == "failing"
    assert Revocation.objects.filter(state="applied").count() == ROUNDS + 1
    assert json.dumps(iam.policies["SallyportRevoked"]) == stands


def test_the_earlier_is_denied_again_before_the_later_goes(aws: FakeAws, by_assertion: AwsRole) -> None:
    early = cut(by_assertion, "ada", ago=10 * MINUTE, lives=5 * HOUR)
    assert work(aws) == 1
    assert aws.denied() == set(early.userids)
    late = cut(by_assertion, "ada", lives=2 * HOUR)
    assert work(aws) == 1
    assert aws.denied() == set(late.userids)
    assert states() == ["applied", "applied"]
    assert AuditEvent.objects.filter(type="access.deny.put_back").count() == 0

    Revocation.objects.filter(pk=late.pk).update(
        covers_until=database_now() - 6 * MINUTE, asked_at=early.asked_at
    )
    aws.fail["write"] = UNAVAILABLE
    assert work(aws) == 0
    assert aws.denied() == set(late.userids), "the later stays while the earlier can't be put"
    aws.fail.clear()
    assert work(aws) == 0
    assert aws.denied() == set(early.userids)
    late.refresh_from_db()
    early.refresh_from_db()
    assert (late.state, early.state) == ("cleaned", "applied")
    assert [standing.entries for standing in aws.asked("write")] == [
        frozenset(row.userids) for row in (early, late, early, early)
    ]
    Revocation.objects.filter(pk=early.pk).update(covers_until=database_now() - 6 * MINUTE)
    work(aws)
    assert aws.documents == {}
    assert set(states()) == {"cleaned"}


def test_what_was_cut_earlier_and_lives_shorter_is_cleaned_alone(aws: FakeAws, by_assertion: AwsRole) -> None:
    early, late = cut(by_assertion, "ada", ago=10 * MINUTE), cut(by_assertion, "ada")
    assert work(aws) == 2
    Revocation.objects.filter(pk=early.pk).update(covers_until=database_now() - 6 * MINUTE)
    assert work(aws) == 0
    assert states() == ["cleaned", "applied"]
    assert aws.denied() == set(late.userids)
    assert aws.count("write") == 1


def test_an_old_copy_put_back_by_hand_concerns_the_later_alone(aws: FakeAws, by_assertion: AwsRole) -> None:
    early, late = cut(by_assertion, "ada", ago=10 * MINUTE), cut(by_assertion, "ada")
    work(aws)
    [target] = aws.documents
    aws.documents[target] = StandingDeny(frozenset(early.userids))
    work(aws)
    assert aws.denied() == set(late.userids)
    [put_back] = AuditEvent.objects.filter(type="access.deny.put_back")
    assert put_back.details["changed"] == "1 of 1 denied sessions were missing"
    assert put_back.details["revocations"] == 1
    aws.documents.clear()
    work(aws)
    assert AuditEvent.objects.filter(type="access.deny.put_back").latest("pk").details["revocations"] == 2


def test_what_was_taken_away_and_cant_be_put_fails_for_those_that_it_denied(
    aws: FakeAws, by_assertion: AwsRole
) -> None:
    early, _ = cut(by_assertion, "ada", ago=10 * MINUTE), cut(by_assertion, "ada")
    work(aws)
    [target] = aws.documents
    aws.documents[target] = StandingDeny(frozenset(early.userids))
    aws.fail["write"] = UNAVAILABLE
    work(aws)
    assert states() == ["applied", "failing"]


def test_where_not_all_fit_whoever_takes_no_room_is_never_left_out(
    aws: FakeAws, by_assertion: AwsRole
) -> None:
    long_over = cut(by_assertion, "ada", ago=2 * HOUR)
    mine, neighbour = cut(by_assertion, "ada", ago=MINUTE), cut(by_assertion, "ben")
    aws.room = 1
    assert work(aws) == 2
    assert aws.denied() == set(mine.userids)
    for row, state in ((long_over, "applied"), (mine, "applied"), (neighbour, "failing")):
        row.refresh_from_db()
        assert row.state == state
    aws.room = 2
    assert work(aws) == 1
    assert aws.denied() == {*mine.userids, *neighbour.userids}


def test_nothing_differs_while_the_later_stands_for_the_earlier(world: World) -> None:
    early, late = cut(world.role, "ada", ago=10 * MINUTE), cut(world.role, "ada")
    world.work()
    assert world.found() == []
    # A writing that was broken off left it, or it is from before: it denies no more than is wanted.
    world.deny_by_hand(*early.userids)
    assert world.found() == []
    unknown = late.userids[0].replace("ada", "eve")
    world.deny_by_hand(unknown)
    assert world.found() == [(Kind.UNKNOWN_DENY.value, unknown)]


def test_what_was_cut_after_the_backup_is_kept_until_it_is_dead(world: World) -> None:
    """Nothing tells whose it is; the next writing would let it in again."""
    known = cut(world.role, "ada", ago=10 * MINUTE)
    world.work()
    now = database_now()
    newer, others = (entry(world.role, name, now) for name in ("ada", "eve"))
    pool = "sub=eu-west-1:0b7e4f5a-0000-4000-8000-00000000000b"
    dead = entry(world.role, "eve", now - 26 * HOUR)
    foreign = f"{world.role.unique_id}:somebody"
    [target] = world.aws.documents
    world.aws.documents[target] = StandingDeny(frozenset({newer, others, pool, dead, foreign}))
    kinds = {item: kind for kind, item in world.found()}
    assert kinds == {
        **dict.fromkeys((newer, others, pool), Kind.UNKNOWN_DENY.value),
        dead: Kind.STALE_DENY.value,
        foreign: Kind.FOREIGN_DENY.value,
    }
    assert world.repair().refused == {}
    world.work()
    assert world.standing().entries == {newer, others, pool}, "which denies what is known as well"
    assert world.found() == []
    KeptDeny.objects.filter(userid=newer).update(covers_until=now - 6 * MINUTE, found_at=now - HOUR)
    DenyDocument.objects.update(recheck_at=now)
    world.work()
    assert world.standing().entries == {*known.userids, others, pool}


def test_the_later_that_is_missing_is_a_difference_though_the_earlier_stands(world: World) -> None:
    early, late = cut(world.role, "ada", ago=10 * MINUTE), cut(world.role, "ada")
    world.work()
    world.aws.documents[world.target()] = StandingDeny(frozenset(early.userids))
    [found] = world.find().differences
    assert found.kind == Kind.MISSING_DENY
    assert found.words.startswith("1 of 1 sessions")
    assert late.userids[0] in found.words
    world.repair(found)
    world.work()
    assert world.standing().entries == set(late.userids)
    assert world.found() == []


def test_a_cut_of_everybody_excuses_nobody_who_was_cut_after_it(world: World) -> None:
    """Both rows have one and the same entry; the cut reached the first alone."""
    first, second = cut(world.role, "ada", ago=MINUTE), cut(world.role, "ada")
    Revocation.objects.filter(pk=first.pk).update(userids=second.userids)
    world.work()
    at = database_now() - MINUTE / 2
    DenyDocument.objects.update(issued_before=at, issued_before_until=at + 24 * HOUR)
    world.aws.documents[world.target()] = StandingDeny(issued_before=at)
    assert [each.kind for each in world.find().differences] == [Kind.MISSING_DENY]
    Revocation.objects.filter(pk=second.pk).update(asked_at=at)
    assert world.found() == []
