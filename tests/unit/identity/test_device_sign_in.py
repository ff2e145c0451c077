"""Signing in a program (RFC 8628), by the operations alone: who may decide, and what is taken once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from portal.audit.models import AuditEvent
from portal.directory.models import ApiToken, DeviceSignIn
from portal.directory.operations.api_tokens import create_token, find_token
from portal.identity.operations import device_codes
from portal.identity.operations.device_codes import new_user_code, tidy_user_code
from portal.identity.operations.device_sign_in import (
    ASKS,
    AskedDevice,
    OAuthError,
    ask_device_sign_in,
    decide_device_sign_in,
    find_device_sign_in,
)
from portal.identity.operations.device_tokens import revoke_own_token, take_device_token
from portal.identity.operations.limit_tries import Place
from portal.identity.operations.tidy import tidy_sign_ins
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, TooManyError
from tests.world import as_actor, make_person

pytestmark = pytest.mark.django_db
CLI = "sallyport-cli"
HERE, THERE = Place("192.0.2.7"), Place("198.51.100.9")
PROGRAM = Actor(kind=ActorKind.NOBODY, label="nobody", ip="198.51.100.9", user_agent="sallyport/1.0")


def ask(*scopes: str) -> AskedDevice:
    return ask_device_sign_in(client_id=CLI, scopes=scopes, place=THERE, actor=PROGRAM)


def decide(asked: AskedDevice, person: Any, *, approve: bool = True, **facts: Any) -> DeviceSignIn:
    actor = replace(as_actor(person), **facts)
    return decide_device_sign_in(user_code=asked.user_code, approve=approve, place=HERE, actor=actor)


def refusal(asked: AskedDevice, client_id: str = CLI) -> str:
    with pytest.raises(OAuthError) as refused:
        take_device_token(client_id=client_id, device_code=asked.device_code, actor=PROGRAM)
    return refused.value.error


def move(asked: AskedDevice, **fields: Any) -> None:
    DeviceSignIn.objects.filter(pk=asked.row.pk).update(**fields)


def events(*names: str) -> list[str]:
    return list(AuditEvent.objects.filter(type__in=names).order_by("pk").values_list("type", flat=True))


def test_an_approved_program_gets_its_persons_token_once(ben: Any, settings: Any) -> None:
    settings.CLI_TOKEN_HOURS = 3
    asked = ask("grants:read", "credentials:issue")
    given_at = database_now() - timedelta(minutes=1)
    decide(asked, ben, factor_at=given_at)
    made = take_device_token(client_id=CLI, device_code=asked.device_code, actor=PROGRAM)
    assert refusal(asked) == "invalid_grant"
    token = find_token(plain=made.plain)
    assert token is not None
    assert token.person == ben
    assert token.name == "Sallyport's command line"
    assert token.scopes == ["credentials:issue", "grants:read"]
    assert token.expires_at - token.created_at == timedelta(hours=3)
    assert token.factor_at == given_at
    assert ApiToken.objects.count() == 1


def test_the_trail_says_who_asked_from_where_who_let_it_in_and_that_it_came(ben: Any) -> None:
    asked = ask()
    decide(asked, ben)
    take_device_token(client_id=CLI, device_code=asked.device_code, actor=PROGRAM)
    told = AuditEvent.objects.filter(type__startswith="directory.").order_by("pk")
    rows = {row.type: row for row in told if "device" in row.type or "token" in row.type}
    assert list(rows) == ["directory.device.asked", "directory.device.approved", "directory.token.created"]
    assert rows["directory.device.asked"].actor_kind == "nobody"
    assert rows["directory.device.approved"].actor_kind == "person"
    assert rows["directory.device.approved"].details["asked_from"] == "198.51.100.9"
    assert rows["directory.token.created"].actor_kind == "token"
    assert rows["directory.token.created"].person_id == ben.pk


def test_no_code_is_in_the_database(ben: Any) -> None:
    asked = ask()
    decide(asked, ben)
    row = DeviceSignIn.objects.values().get(pk=asked.row.pk)
    kept = f"{row} {list(AuditEvent.objects.values_list('details', flat=True))}"
    assert asked.device_code not in kept
    assert asked.user_code not in kept
    assert asked.user_code.replace("-", "") not in kept
    assert asked.user_code not in repr(asked)
    assert asked.device_code not in repr(asked)


def test_a_refused_program_gets_nothing_and_its_neighbour_gets_in(ben: Any) -> None:
    refused, neighbour = ask(), ask()
    decide(refused, ben, approve=False)
    decide(neighbour, ben)
    assert refusal(refused) == "access_denied"
    assert take_device_token(client_id=CLI, device_code=neighbour.device_code, actor=PROGRAM).plain
    assert events("directory.device.denied") == ["directory.device.denied"]


def test_what_was_decided_stays_decided(ben: Any) -> None:
    asked = ask()
    decide(asked, ben, approve=False)
    with pytest.raises(NotFoundError):
        decide(asked, ben)
    assert refusal(asked) == "access_denied"


def test_of_two_who_decide_at_once_one_does(ben: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ask()
    other = make_person("Carla Nunes")
    module = "portal.identity.operations.device_sign_in.find_device_sign_in"
    stale = DeviceSignIn.objects.get(pk=asked.row.pk)
    decide(asked, other, approve=False)
    monkeypatch.setattr(module, lambda **_: stale)
    with pytest.raises(ConflictError):
        decide(asked, ben)
    assert refusal(asked) == "access_denied"


def test_before_anybody_decided_it_waits(ben: Any) -> None:
    asked = ask()
    assert refusal(asked) == "authorization_pending"
    move(asked, polled_at=database_now() - timedelta(seconds=5))
    assert refusal(asked) == "authorization_pending"


def test_who_polls_too_often_waits_five_seconds_longer_for_good(ben: Any) -> None:
    asked = ask()
    assert refusal(asked) == "authorization_pending"
    assert refusal(asked) == "slow_down"
    asked.row.refresh_from_db()
    assert asked.row.interval == 10
    # What was enough before is too soon now.
    move(asked, polled_at=database_now() - timedelta(seconds=7))
    assert refusal(asked) == "slow_down"
    move(asked, polled_at=database_now() - timedelta(seconds=15))
    assert refusal(asked) == "authorization_pending"


def test_a_poll_that_came_too_soon_is_the_next_ones_measure_and_nobody_elses(ben: Any) -> None:
    asked, neighbour = ask(), ask()
    before = database_now() - timedelta(seconds=2)
    move(asked, polled_at=before)
    assert refusal(asked) == "slow_down"
    asked.row.refresh_from_db()
    assert asked.row.polled_at is not None
    assert asked.row.polled_at > before
    neighbour.row.refresh_from_db()
    assert (neighbour.row.polled_at, neighbour.row.interval) == (None, 5)
    assert refusal(neighbour) == "authorization_pending"


def test_slow_down_has_its_end(ben: Any) -> None:
    asked = ask()
    move(asked, interval=60, polled_at=database_now())
    assert refusal(asked) == "slow_down"
    asked.row.refresh_from_db()
    assert asked.row.interval == 60


@pytest.mark.parametrize("approved", [None, True, False])
def test_after_ten_minutes_it_is_over(ben: Any, approved: bool | None) -> None:
    asked = ask()
    if approved is not None:
        decide(asked, ben, approve=approved)
    past = database_now() - timedelta(seconds=1)
    move(asked, asked_at=past - timedelta(minutes=10), expires_at=past)
    assert refusal(asked) == "expired_token"
    assert not ApiToken.objects.exists()


def test_what_was_taken_is_no_grant_after_ten_minutes_too(ben: Any) -> None:
    asked = ask()
    decide(asked, ben)
    take_device_token(client_id=CLI, device_code=asked.device_code, actor=PROGRAM)
    past = database_now() - timedelta(seconds=1)
    move(asked, asked_at=past - timedelta(minutes=10), expires_at=past)
    assert refusal(asked) == "invalid_grant"


def test_what_is_over_can_not_be_let_in(ben: Any) -> None:
    asked = ask()
    past = database_now() - timedelta(seconds=1)
    move(asked, asked_at=past - timedelta(minutes=10), expires_at=past)
    with pytest.raises(NotFoundError):
        decide(asked, ben)


def test_another_clients_code_and_an_unknown_one_are_no_grant(
    ben: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(device_codes.CLIENTS[CLI], id="other", name="Other")
    monkeypatch.setitem(device_codes.CLIENTS, "other", other)
    asked = ask()
    decide(asked, ben)
    assert refusal(asked, "other") == "invalid_grant"
    assert refusal(asked, "nobody") == "invalid_client"
    assert refusal(replace(asked, device_code="spd_wrong")) == "invalid_grant"
    assert take_device_token(client_id=CLI, device_code=asked.device_code, actor=PROGRAM).plain


def test_who_was_deactivated_meanwhile_lets_nothing_in(ben: Any) -> None:
    asked, late = ask(), ask()
    decide(asked, ben)
    ben.is_active, ben.deactivated_at = False, database_now()
    ben.save()
    assert refusal(asked) == "access_denied"
    with pytest.raises(ForbiddenError):
        decide(late, ben)
    assert decide(late, make_person("Carla Nunes")).approved


def test_a_token_or_nobody_lets_nothing_in(ben: Any) -> None:
    asked = ask()
    for kind in (ActorKind.TOKEN, ActorKind.NOBODY):
        with pytest.raises(ForbiddenError):
            decide(asked, ben, kind=kind)
    assert decide(asked, ben).approved


def test_scopes_are_those_of_people_and_the_usual_ones_where_none_is_named(ben: Any) -> None:
    for scope in ("grants:make", "grants:revoke", "partners:write", "partners:suspend", "nothing"):
        with pytest.raises(OAuthError) as refused:
            ask(scope)
        assert refused.value.error == "invalid_scope"
    assert ask("partners:read").row.scopes == ["partners:read"]
    assert "credentials:issue" in ask().row.scopes
    assert "partners:read" not in ask().row.scopes


def test_nobody_gets_more_tokens_than_one_may_have(ben: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.directory.operations.api_tokens.MOST_TOKENS", 1)
    create_token(name="one", scopes=["grants:read"], days=1, actor=as_actor(ben))
    asked = ask()
    with pytest.raises(InvalidError):
        decide(asked, ben)
    # Refusing needs no room.
    assert decide(asked, ben, approve=False).approved is False


def test_codes_can_be_typed_as_people_type_them(ben: Any) -> None:
    asked = ask()
    typed = f" {asked.user_code.lower().replace('-', ' ')} "
    assert find_device_sign_in(user_code=typed, place=HERE, actor=as_actor(ben)) == asked.row
    assert tidy_user_code("AEIO-UAEI") == tidy_user_code("WDJB-MJH") == tidy_user_code("") == ""
    for _ in range(200):
        code = new_user_code()
        assert tidy_user_code(code) == code
        assert not set(code) & set("AEIOUY0123456789")


def test_guesses_are_counted_by_person_and_by_network(ben: Any) -> None:
    asked = ask()
    carla = make_person("Carla Nunes")

    def guess(person: Any, place: Place, times: int) -> None:
        for _ in range(times):
            with pytest.raises(NotFoundError):
                find_device_sign_in(user_code="BBBB-BBBB", place=place, actor=as_actor(person))

    guess(ben, HERE, 15)
    with pytest.raises(TooManyError):
        find_device_sign_in(user_code=asked.user_code, place=THERE, actor=as_actor(ben))
    # Another person goes on, until the network has had enough too.
    assert find_device_sign_in(user_code=asked.user_code, place=HERE, actor=as_actor(carla))
    for number in range(5):
        guess(make_person(f"Guest {number}"), HERE, 5)
    with pytest.raises(TooManyError):
        find_device_sign_in(user_code=asked.user_code, place=HERE, actor=as_actor(carla))
    assert find_device_sign_in(user_code=asked.user_code, place=THERE, actor=as_actor(carla))


def test_right_codes_count_as_no_tries(ben: Any) -> None:
    asked = ask()
    for _ in range(45):
        assert find_device_sign_in(user_code=asked.user_code, place=HERE, actor=as_actor(ben))


def test_a_network_asks_only_so_often(ben: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.identity.operations.device_sign_in.ASKS", replace(ASKS, most=2))
    ask()
    ask()
    with pytest.raises(TooManyError):
        ask()
    assert ask_device_sign_in(client_id=CLI, scopes=(), place=HERE, actor=PROGRAM).row


def test_a_program_gives_its_token_back(ben: Any) -> None:
    asked = ask()
    decide(asked, ben)
    plain = take_device_token(client_id=CLI, device_code=asked.device_code, actor=PROGRAM).plain
    for unknown in ("sp_unknown", "nothing"):
        revoke_own_token(plain=unknown, client_id=CLI, actor=PROGRAM)
    assert find_token(plain=plain)
    with pytest.raises(OAuthError) as refused:
        revoke_own_token(plain=plain, client_id="nobody", actor=PROGRAM)
    assert refused.value.error == "invalid_client"
    for _ in range(2):
        revoke_own_token(plain=plain, client_id=CLI, actor=PROGRAM)
    assert find_token(plain=plain) is None
    assert events("directory.token.revoked") == ["directory.token.revoked"]


def test_old_ones_go_an_hour_after_their_end(ben: Any) -> None:
    asked, fresh = ask(), ask()
    decide(asked, ben)
    assert tidy_sign_ins(at=database_now() + timedelta(minutes=69)) == 0
    assert tidy_sign_ins(at=fresh.row.expires_at + timedelta(minutes=61)) == 2
