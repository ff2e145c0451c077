"""The difference with AWS, as an operator meets it: look, choose, be asked, repair; in hold, in the right order."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from portal.access.models import DenyDocument, Grant, Hold, KeptDeny, Reconciliation
from portal.access.operations.drift.reconcile import ask_comparison, fail_comparison, make_comparison
from portal.access.operations.running.hold import enter_hold
from portal.catalog.models import AwsAccount, AwsRole
from portal.directory.models import Person
from portal.kernel.clock import database_now
from tests.fakes import DENIED, FakeAws
from tests.unit.access.differences_world import SHELL, World, session_of
from tests.world import make_admin, signed_in

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
PAGE, LOOK, REPAIR, RELEASE = (f"/now/difference/{name}" for name in ("", "look", "repair", "release"))


@pytest.fixture
def world(aws: FakeAws, role: AwsRole, make_grant: Make) -> World:
    return World(aws, role, make_grant)


@pytest.fixture
def operator(db: None) -> Client:
    return signed_in(make_admin("revoke_grant", "view_grant"))


def look(operator: Client, world: World) -> str:
    """Ask, let a worker make it, and return the page."""
    assert operator.post(LOOK).status_code == 303
    make_comparison(aws=world.aws.ports())
    return text(operator)


def text(client: Client, path: str = PAGE) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def send(operator: Client, **data: Any) -> str:
    report = Reconciliation.objects.latest("made_at").pk
    answer = operator.post(REPAIR, {"report": report, **data}, follow=True)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def key_of(kind: str) -> str:
    report = Reconciliation.objects.latest("made_at").report
    assert report is not None
    [found] = [each for each in report["differences"] if each["kind"] == kind]
    where = found["principal"]
    return f"{kind}|{where['account']}|{where['kind']}|{where['name']}|{found['item']}"


def test_nobody_else_sees_looks_or_repairs(world: World, ben: Person) -> None:
    others = [signed_in(ben), signed_in(make_admin("view_grant", name="Only Looks"))]
    for client in others:
        assert client.get(PAGE).status_code == 403
        assert [client.post(path).status_code for path in (LOOK, REPAIR, RELEASE)] == [403, 403, 403]
    assert Client().get(PAGE).status_code == 303
    assert not Reconciliation.objects.exists()
    assert world.aws.calls == []


def test_a_look_is_asked_for_followed_and_shown(operator: Client, world: World) -> None:
    assert "Nobody has looked yet" in text(operator)
    assert operator.get(LOOK).status_code == 405
    operator.post(LOOK)
    waiting = text(operator)
    assert "A worker begins in a moment" in waiting
    assert 'hx-trigger="every 2s"' in waiting
    assert operator.post(LOOK, follow=True).content.count(b"under way already") == 1
    Reconciliation.objects.update(begun_at=database_now(), progress="3 of 9 roles and users")
    part = operator.get(PAGE, headers={"HX-Request": "true"}).content.decode()
    assert "3 of 9 roles and users" in part
    assert "<html" not in part
    Reconciliation.objects.update(begun_at=None)
    make_comparison(aws=world.aws.ports())
    done = text(operator)
    assert "AWS and Sallyport agree" in done
    assert "hx-trigger" not in done
    assert world.aws.count("write") == 0


def test_what_is_ticked_is_asked_about_and_then_repaired(operator: Client, world: World) -> None:
    grant, neighbour = world.used(), world.used()
    world.deny_by_hand(session_of(grant))
    found = look(operator, world)
    assert "Denied in AWS, living here" in found
    assert f'href="{reverse("web:grant", args=[grant.pk])}"' in found
    key = key_of("denied_living")
    assert "Nothing was ticked" in send(operator)
    asked = send(operator, key=[key, "made-up"])
    assert "Repair 1 difference?" in asked
    assert "Revoke here what AWS denies already" in asked
    assert Grant.objects.get(pk=grant.pk).state == "active"
    done = send(operator, key=[key], confirmed="yes")
    assert "Repaired: 1" in done
    assert Grant.objects.get(pk=grant.pk).state == "revoked"
    assert Grant.objects.get(pk=neighbour.pk).state == "active"
    assert "Nothing was ticked" in send(operator, key=[key], confirmed="yes")


def test_all_is_repaired_at_once_and_what_is_refused_says_why(operator: Client, world: World) -> None:
    unknown = world.entry(uuid4())
    world.deny_by_hand(unknown, intact=False)
    look(operator, world)
    key = key_of("changed_policy")
    refused = send(operator, key=[key], confirmed="yes")
    assert "Not repaired: 1" in refused
    assert "AWS denies more there that is not known here (1)" in refused
    assert not KeptDeny.objects.exists()
    asked = send(operator, everything="yes")
    assert "Repair 2 differences?" in asked
    assert unknown in asked
    assert "Repaired: 2" in send(operator, everything="yes", confirmed="yes")
    assert KeptDeny.objects.get().userid == unknown


def test_a_report_that_is_not_the_newest_repairs_nothing(operator: Client, world: World) -> None:
    assert operator.post(REPAIR, {"report": "1", "everything": "yes"}).status_code == 400
    world.deny_by_hand(intact=False)
    look(operator, world)
    old = Reconciliation.objects.latest("made_at").pk
    look(operator, world)
    answer = operator.post(REPAIR, {"report": old, "everything": "yes", "confirmed": "yes"})
    assert answer.status_code == 409
    assert operator.post(REPAIR, {"report": "x", "everything": "yes"}).status_code == 400
    assert not DenyDocument.objects.exists()


def test_an_account_that_does_not_answer_and_a_look_that_failed_are_shown(
    operator: Client, world: World
) -> None:
    world.aws.silent.add(world.role.account.account_id)
    found = look(operator, world)
    assert "Not compared" in found
    assert "ReadTimeout" in found
    assert "AWS and Sallyport agree" not in found
    Reconciliation.objects.update(problem=str(DENIED), report=None)
    assert "It could not be made." in text(operator)


def test_a_worker_that_does_not_begin_is_said(operator: Client, world: World) -> None:
    operator.post(LOOK)
    Reconciliation.objects.update(asked_at="2026-01-01T00:00:00Z")
    found = text(operator)
    assert "No worker has begun" in found
    assert "Look now" in found


def test_in_hold_the_order_is_look_take_over_release(operator: Client, world: World) -> None:
    enter_hold(reason="a backup was restored", actor=SHELL)
    world.deny_by_hand(world.entry(uuid4()))
    first = text(operator)
    assert "a backup was restored" in first
    assert RELEASE not in first
    assert operator.post(RELEASE, {"reason": "r"}).status_code == 409
    found = look(operator, world)
    assert "the first writing after the release lets them in again" in found
    asked = text(operator, RELEASE)
    assert "The first writing there lets them in again" in asked
    answer = operator.post(RELEASE, {"reason": "r"})
    assert answer.status_code == 400
    assert "Take them over first, or tick this" in answer.content.decode()
    assert Hold.objects.get().released_at is None
    send(operator, everything="yes", confirmed="yes")
    assert "lets them in again" not in text(operator)
    assert world.aws.count("write") == 0
    assert operator.post(RELEASE, {"reason": ""}).status_code == 400
    assert operator.post(RELEASE, {"reason": "looked"}).status_code == 303
    assert Hold.objects.get().release_reason == "looked"
    assert operator.get(RELEASE).status_code == 409


def test_a_hold_is_released_knowingly_with_denies_that_are_not_taken_over(
    operator: Client, world: World
) -> None:
    enter_hold(reason="restored", actor=SHELL)
    world.deny_by_hand(world.entry(uuid4()))
    look(operator, world)
    assert operator.post(RELEASE, {"reason": "r", "lifts": "on"}).status_code == 303
    assert Hold.objects.get().released_at is not None


def test_a_later_look_that_failed_does_not_forget_what_would_be_lifted(
    operator: Client, world: World
) -> None:
    enter_hold(reason="restored", actor=SHELL)
    world.deny_by_hand(world.entry(uuid4()))
    look(operator, world)
    ask_comparison(actor=SHELL)
    fail_comparison(problem=DENIED)
    assert operator.post(RELEASE, {"reason": "r"}).status_code == 400
    world.aws.silent.add(world.role.account.account_id)
    look(operator, world)
    assert "The first writing there lets them in again" in text(operator, RELEASE)
    world.aws.silent.clear()
    look(operator, world)
    send(operator, everything="yes", confirmed="yes")
    assert operator.post(RELEASE, {"reason": "r"}).status_code == 303


def test_a_hold_is_released_only_knowingly_where_not_all_could_be_compared(
    operator: Client, world: World, make_role: Any
) -> None:
    other = AwsAccount.objects.create(name="Silent", account_id="999999999999")
    make_role("Other", account=other)
    enter_hold(reason="restored", actor=SHELL)
    world.aws.silent.add(other.account_id)
    look(operator, world)
    assert "What AWS denies there is not known" in text(operator, RELEASE)
    assert operator.post(RELEASE, {"reason": "r"}).status_code == 400
    with pytest.raises(CommandError, match="--lift-denies"):
        call_command("hold", "release", reason="r")
    assert Hold.objects.get().released_at is None
    assert operator.post(RELEASE, {"reason": "r", "lifts": "on"}).status_code == 303


def test_the_page_asks_the_same_number_of_queries_however_much_differs(
    operator: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    world.deny_by_hand(*(world.entry(uuid4()) for _ in range(120)))
    found = look(operator, world)
    assert "and 20 more" in found
    with django_assert_max_num_queries(14):
        operator.get(PAGE)
