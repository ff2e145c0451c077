"""Tokens by which programs fetch one grant's credentials: who makes them, until when they do, who takes them away."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from portal.access.models import CredentialToken, Grant
from portal.access.operations.credentials.credential_tokens import (
    MOST,
    ApiTokenOverError,
    GrantEndedError,
    KnownToken,
    TokenOverError,
    find_credential_token,
    make_credential_token,
    revoke_credential_token,
    use_credential_token,
)
from portal.access.operations.credentials.revoke_api_token import programs_by_api_token, revoke_api_token
from portal.audit.models import AuditEvent
from portal.directory.models import ApiToken, Person
from portal.directory.operations.api_tokens import create_token
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError

pytestmark = pytest.mark.django_db
ActorOf = Callable[..., Actor]
DAY = timedelta(days=1)


@pytest.fixture
def grant(make_grant: Callable[..., Grant], ben: Person) -> Grant:
    return make_grant(ben)


@pytest.fixture
def hand(ben: Person, actor_of: ActorOf) -> Actor:
    return actor_of(ben)


def events(kind: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(type=f"access.credential_token.{kind}").order_by("pk"))


def test_a_token_is_random_and_kept_as_a_hash_alone(grant: Grant, hand: Actor) -> None:
    made = make_credential_token(grant_id=grant.pk, name=" laptop ", actor=hand)
    other = make_credential_token(grant_id=grant.pk, name="laptop", actor=hand)
    assert made.plain.startswith("spc_")
    assert len(made.plain) == 4 + 43
    assert made.plain != other.plain
    assert made.plain not in repr(made)
    row = CredentialToken.objects.filter(pk=made.token.pk).values().get()
    assert made.plain[10:] not in str(row)
    assert (row["name"], row["prefix"], row["made_by_id"]) == ("laptop", made.plain[:10], grant.person_id)
    [event, _] = events("made")
    assert event.grant_id == grant.pk
    assert event.details["token"] == str(made.token.pk)
    assert made.plain[10:] not in str(event.details)


def test_it_lasts_as_long_as_its_grant_and_no_longer(grant: Grant, hand: Actor) -> None:
    whole = make_credential_token(grant_id=grant.pk, name="a", actor=hand).token
    longer = make_credential_token(
        grant_id=grant.pk, name="b", actor=hand, lifetime=timedelta(days=900)
    ).token
    short = make_credential_token(
        grant_id=grant.pk, name="c", actor=hand, lifetime=timedelta(minutes=5)
    ).token
    assert whole.expires_at == longer.expires_at == grant.ends_at
    assert short.expires_at - short.made_at == timedelta(minutes=5)
    with pytest.raises(InvalidError, match="at least a minute"):
        make_credential_token(grant_id=grant.pk, name="d", actor=hand, lifetime=timedelta(seconds=59))


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_a_name_is_needed(grant: Grant, hand: Actor, name: str) -> None:
    with pytest.raises(InvalidError, match="1 to 80") as refusal:
        make_credential_token(grant_id=grant.pk, name=name, actor=hand)
    assert refusal.value.field == "name"


def test_anothers_grant_is_not_there(
    grant: Grant, hand: Actor, mallory: Person, admin: Person, actor_of: ActorOf
) -> None:
    for stranger in (mallory, admin):
        with pytest.raises(NotFoundError):
            make_credential_token(grant_id=grant.pk, name="a", actor=actor_of(stranger))
    with pytest.raises(NotFoundError):
        make_credential_token(grant_id=uuid4(), name="a", actor=hand)
    assert not CredentialToken.objects.exists()
    assert make_credential_token(grant_id=grant.pk, name="a", actor=hand).token.grant_id == grant.pk


def test_a_grant_that_gives_nothing_now_gives_no_token(
    make_grant: Callable[..., Grant], make_role: Callable[..., Any], ben: Person, hand: Actor
) -> None:
    early = make_grant(ben, starts_in=600)
    console_only = make_grant(ben, role=make_role("Console", allows_credentials=False))
    with pytest.raises(ConflictError, match="starts only"):
        make_credential_token(grant_id=early.pk, name="a", actor=hand)
    with pytest.raises(ForbiddenError, match="does not allow"):
        make_credential_token(grant_id=console_only.pk, name="a", actor=hand)
    assert not CredentialToken.objects.exists()
    why = AuditEvent.objects.filter(type="access.session.refused").order_by("pk")
    assert [event.details["code"] for event in why] == ["conflict", "forbidden"]


def test_twenty_live_at_once_and_no_more(grant: Grant, hand: Actor) -> None:
    made = [make_credential_token(grant_id=grant.pk, name=f"t{number}", actor=hand) for number in range(MOST)]
    with pytest.raises(InvalidError, match="20 tokens"):
        make_credential_token(grant_id=grant.pk, name="one more", actor=hand)
    revoke_credential_token(grant_id=grant.pk, token_id=made[0].token.pk, actor=hand)
    CredentialToken.objects.filter(pk=made[1].token.pk).update(expires_at=database_now())
    for _ in range(2):
        make_credential_token(grant_id=grant.pk, name="in its place", actor=hand)
    with pytest.raises(InvalidError):
        make_credential_token(grant_id=grant.pk, name="one more", actor=hand)


def by_api_token(hand: Actor) -> Actor:
    """The same person, by an API token of theirs."""
    made = create_token(name="deploy", scopes=["credentials:tokens"], days=1, actor=hand)
    return replace(hand, kind=ActorKind.TOKEN, api_token_id=made.token.pk)


def test_those_that_stopped_with_their_api_token_take_no_room(grant: Grant, hand: Actor) -> None:
    script = by_api_token(hand)
    for number in range(MOST):
        make_credential_token(grant_id=grant.pk, name=f"t{number}", actor=script)
    with pytest.raises(InvalidError, match="20 tokens"):
        make_credential_token(grant_id=grant.pk, name="one more", actor=hand)
    assert script.api_token_id is not None
    assert revoke_api_token(token_id=script.api_token_id, actor=hand).programs == MOST
    make_credential_token(grant_id=grant.pk, name="one more", actor=hand)


@pytest.mark.parametrize("ended", ["revoked", "expired"])
def test_an_api_token_that_ended_a_moment_ago_makes_none(grant: Grant, hand: Actor, ended: str) -> None:
    script = by_api_token(hand)
    make_credential_token(grant_id=grant.pk, name="a", actor=script)
    now = database_now()
    change = {"revoked_at": now} if ended == "revoked" else {"created_at": now - DAY, "expires_at": now}
    ApiToken.objects.update(**change)
    with pytest.raises(ApiTokenOverError, match="deploy is over"):
        make_credential_token(grant_id=grant.pk, name="b", actor=script)
    assert make_credential_token(grant_id=grant.pk, name="b", actor=by_api_token(hand)).token


def test_what_stops_with_an_api_token_is_counted_while_it_still_fetches(
    grant: Grant, hand: Actor, mallory: Person, actor_of: ActorOf
) -> None:
    script, other = by_api_token(hand), by_api_token(hand)
    made = [make_credential_token(grant_id=grant.pk, name=name, actor=script).token for name in "abcd"]
    make_credential_token(grant_id=grant.pk, name="e", actor=other)
    make_credential_token(grant_id=grant.pk, name="f", actor=hand)
    revoke_credential_token(grant_id=grant.pk, token_id=made[0].pk, actor=hand)
    now = database_now()
    CredentialToken.objects.filter(pk=made[1].pk).update(expires_at=now)
    assert programs_by_api_token(grant.holder.pk, at=now) == {script.api_token_id: 2, other.api_token_id: 1}
    assert programs_by_api_token(mallory.pk, at=now) == {}
    assert script.api_token_id is not None
    with pytest.raises(NotFoundError):
        revoke_api_token(token_id=script.api_token_id, actor=actor_of(mallory))
    assert revoke_api_token(token_id=script.api_token_id, actor=hand).programs == 2
    event = AuditEvent.objects.get(type="directory.token.revoked")
    assert (event.actor_id, event.details["programs"]) == (hand.person_id, 2)


def test_the_factor_of_the_hand_that_makes_it_is_its_first(
    grant: Grant, ben: Person, actor_of: ActorOf
) -> None:
    at = database_now()
    plain = actor_of(ben)
    given = Actor(plain.kind, plain.label, plain.person_id, factor_at=at)
    assert make_credential_token(grant_id=grant.pk, name="a", actor=given).token.factor_at == at
    assert make_credential_token(grant_id=grant.pk, name="b", actor=plain).token.factor_at is None


def test_its_person_or_who_may_revoke_the_grant_takes_it_away(
    grant: Grant, hand: Actor, mallory: Person, admin: Person, actor_of: ActorOf
) -> None:
    first, second = (make_credential_token(grant_id=grant.pk, name=name, actor=hand) for name in "ab")
    with pytest.raises(NotFoundError):
        revoke_credential_token(grant_id=grant.pk, token_id=first.token.pk, actor=actor_of(mallory))
    assert CredentialToken.objects.filter(revoked_at=None).count() == 2
    revoke_credential_token(grant_id=grant.pk, token_id=first.token.pk, actor=hand)
    revoke_credential_token(grant_id=grant.pk, token_id=second.token.pk, actor=actor_of(admin))
    assert not CredentialToken.objects.filter(revoked_at=None).exists()
    assert [event.actor_id for event in events("revoked")] == [hand.person_id, admin.pk]
    with pytest.raises(NotFoundError):
        revoke_credential_token(grant_id=grant.pk, token_id=first.token.pk, actor=hand)


def test_a_token_is_revoked_under_its_own_grant_alone(
    grant: Grant, make_grant: Callable[..., Grant], make_role: Callable[..., Any], ben: Person, hand: Actor
) -> None:
    other = make_grant(ben, role=make_role("Other"))
    token = make_credential_token(grant_id=grant.pk, name="a", actor=hand).token
    with pytest.raises(NotFoundError):
        revoke_credential_token(grant_id=other.pk, token_id=token.pk, actor=hand)
    assert revoke_credential_token(grant_id=grant.pk, token_id=token.pk, actor=hand).revoked_at


def test_it_is_found_by_all_of_it_alone(grant: Grant, hand: Actor, ben: Person) -> None:
    made = make_credential_token(grant_id=grant.pk, name="a", actor=hand)
    found = find_credential_token(plain=made.plain)
    assert found is not None
    assert (found.id, found.grant_id) == (made.token.pk, grant.pk)
    assert (found.person_id, found.person_name, found.name) == (ben.pk, "Ben Lindqvist", "a")
    assert (found.expires_at, found.revoked_at, found.factor_at) == (grant.ends_at, None, None)
    assert abs(found.now - database_now()) < timedelta(minutes=1)
    assert find_credential_token(plain=made.plain[:-1]) is None
    assert find_credential_token(plain=made.plain.removeprefix("spc_")) is None


def known(plain: str, **changes: Any) -> KnownToken:
    found = find_credential_token(plain=plain)
    assert found is not None
    return replace(found, **changes)


def test_what_is_over_or_revoked_is_told_so(grant: Grant, hand: Actor) -> None:
    made = make_credential_token(grant_id=grant.pk, name="a", actor=hand, lifetime=timedelta(minutes=5))
    tick, ends_at = timedelta(microseconds=1), made.token.expires_at
    use_credential_token(token=known(made.plain, now=ends_at - tick), actor=hand)
    with pytest.raises(TokenOverError, match="is over"):
        use_credential_token(token=known(made.plain, now=ends_at), actor=hand)
    extended = known(made.plain, expires_at=grant.ends_at + timedelta(hours=1), now=grant.ends_at)
    use_credential_token(token=replace(extended, now=grant.ends_at - tick), actor=hand)
    with pytest.raises(GrantEndedError) as refusal:
        use_credential_token(token=extended, actor=hand)
    assert refusal.value.ended_at == grant.ends_at
    revoke_credential_token(grant_id=grant.pk, token_id=made.token.pk, actor=hand)
    with pytest.raises(TokenOverError, match="was revoked"):
        use_credential_token(token=known(made.plain), actor=hand)


def test_its_use_is_noted_once_a_minute(grant: Grant, hand: Actor) -> None:
    plain, neighbours = (
        make_credential_token(grant_id=grant.pk, name=name, actor=hand).plain for name in ("a", "b")
    )
    first = known(plain).now
    for later, seen in ((0, 0), (60, 0), (61, 61), (90, 61)):
        use_credential_token(token=known(plain, now=first + timedelta(seconds=later)), actor=hand)
        assert known(plain).last_used_at == first + timedelta(seconds=seen)
    assert known(neighbours).last_used_at is None
