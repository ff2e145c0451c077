"""The short way to kept credentials lets in nobody whom the long way refuses: each thing that closes it, alone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.access.models import AwsSession, CredentialSlot, Grant, HandOut, Hold, Sweep
from portal.access.operations.credentials.credential_slots import empty_slots
from portal.access.operations.credentials.fetch_credentials import fetch_credentials
from portal.access.operations.credentials.hand_out import Place
from portal.access.operations.credentials.kept_at_once import KeptAtOnce, kept_at_once
from portal.access.operations.credentials.look_at_credentials import look
from portal.catalog.models import AccountHub, AwsAccount, AwsRole
from portal.directory.models import ExternalIdentity, IdentityProvider, Partner, Person, ScimToken
from portal.kernel.actor import Actor
from portal.kernel.errors import DomainError
from tests.fakes import FakeAws
from tests.statements import statements

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
DOOR = "api"


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


@pytest.fixture
def grants(make_grant: Make, make_role: Make, person: Make, partner: Partner) -> tuple[Grant, Grant]:
    """Two grants that share nothing: a partner's person's, and one of our own."""
    other = AwsAccount.objects.create(name="Other", account_id="333333333333")
    return (
        make_grant(person("Pia", partner=partner), seconds=36_000),
        make_grant(person("Nell"), role=make_role("Neighbour", account=other), seconds=36_000),
    )


@pytest.fixture
def pair(grants: tuple[Grant, Grant], aws: FakeAws, actor_of: Make) -> tuple[Grant, Grant]:
    """Both, with what was fetched kept."""
    for grant in grants:
        fetch_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person), door=DOOR)
    return grants


def found(grant: Grant, actor: Actor, door: str = DOOR) -> KeptAtOnce | None:
    return kept_at_once(grant_id=grant.pk, place=Place.of(actor, door), actor=actor)


def is_given_the_long_way(grant: Grant, actor: Actor) -> bool:
    """Whether the long way would hand out the same, at once, without writing anything."""
    try:
        seen = look(grant_id=grant.pk, place=Place.of(actor, DOOR), actor=actor)
    except DomainError:
        return False
    return seen.is_known and seen.left > timedelta() and seen.freshness.value == "good"


def on(model: Any, **changes: Any) -> Callable[[Grant], object]:
    """Change the one row of `model` that belongs to the grant."""
    of: dict[Any, Callable[[Grant], Any]] = {
        Grant: lambda grant: Grant.objects.filter(pk=grant.pk),
        AwsRole: lambda grant: AwsRole.objects.filter(pk=grant.role_id),
        AwsAccount: lambda grant: AwsAccount.objects.filter(pk=grant.role.account_id),
        Person: lambda grant: Person.objects.filter(grants=grant.pk),
        Partner: lambda grant: Partner.objects.filter(people__grants=grant.pk),
        CredentialSlot: lambda grant: CredentialSlot.objects.filter(grant=grant),
        ExternalIdentity: lambda grant: ExternalIdentity.objects.filter(person=grant.person_id),
    }
    return lambda grant: of[model](grant).update(**changes)


def ago(number: float) -> Any:
    return timezone.now() - hours(number)


# What closes it, and whether it closes the neighbour's as well.
CLOSES: dict[str, tuple[Callable[[Grant], object], bool]] = {
    "it ended": (on(Grant, state="revoked", ended_at=ago(0)), False),
    "its end came nearer": (on(Grant, ends_at=timezone.now() + hours(0.5)), False),
    "it was extended": (on(Grant, ends_at=timezone.now() + hours(20)), False),
    "it starts later": (on(Grant, starts_at=timezone.now() + hours(1)), False),
    "the person is switched off": (on(Person, is_active=False, deactivated_at=ago(0)), False),
    "the role is switched off": (on(AwsRole, is_enabled=False), False),
    "the role gives none": (on(AwsRole, allows_credentials=False), False),
    "the role asks for a factor": (on(AwsRole, factor_minutes=5), False),
    "the role is another": (on(AwsRole, name="Other"), False),
    "the role sends no tags": (on(AwsRole, sends_tags=False), False),
    "the role lasts longer": (on(AwsRole, max_session_seconds=7200), False),
    "the account is another": (on(AwsAccount, account_id="444444444444"), False),
    "another hub is called": (
        lambda grant: AccountHub.objects.create(account=grant.role.account, kind="ambient"),
        False,
    ),
    "the partner is suspended": (on(Partner, suspended_at=ago(0)), False),
    "the contract begins later": (on(Partner, contract_starts_at=timezone.now() + hours(1)), False),
    "the contract is over": (on(Partner, contract_ends_at=ago(0.1)), False),
    "the contract was shortened": (on(Partner, contract_ends_at=timezone.now() + hours(0.5)), False),
    "nobody vouches any more": (on(ExternalIdentity, confirmed_at=ago(3000)), False),
    "the provider's word ends before": (
        lambda grant: (
            IdentityProvider.objects.update(max_age_hours=2),
            on(ExternalIdentity, confirmed_at=ago(1.5))(grant),
        ),
        False,
    ),
    "the provider says that they left": (on(ExternalIdentity, gone_at=ago(0), gone_why="test"), False),
    "the provider is off": (lambda _: IdentityProvider.objects.update(is_enabled=False), True),
    "SCIM kept them and is gone": (on(ExternalIdentity, is_provisioned=True, confirmed_at=ago(3000)), False),
    "the portal is in hold": (lambda _: Hold.objects.create(entered_at=ago(0), reason="test"), True),
    "the credentials are over": (on(CredentialSlot, expires_at=ago(0)), False),
    "they are to be renewed": (
        lambda grant: (
            AwsSession.objects.filter(grant=grant).update(asked_at=ago(0.8)),
            on(CredentialSlot, expires_at=timezone.now() + hours(0.2))(grant),
        ),
        False,
    ),
    "they were emptied": (lambda grant: empty_slots([grant.pk]), False),
    "their key is gone": (on(CredentialSlot, key=b"gone"), False),
    "they were made of something else": (on(CredentialSlot, version="other"), False),
    "another session's stand there": (on(CredentialSlot, sealed=b"x" * 100), False),
    "this place had none": (lambda grant: HandOut.objects.filter(session__grant=grant).delete(), False),
}


@pytest.mark.parametrize("closing", CLOSES)
def test_what_closes_it(closing: str, pair: tuple[Grant, Grant], actor_of: Make) -> None:
    close, reaches_both = CLOSES[closing]
    grant, neighbour = pair
    actor, neighbours = actor_of(grant.person), actor_of(neighbour.person)
    assert found(grant, actor) is not None
    assert is_given_the_long_way(grant, actor)
    close(grant)
    assert found(Grant.objects.get(pk=grant.pk), actor) is None
    assert (found(neighbour, neighbours) is None) is reaches_both


def test_what_it_finds_is_what_was_fetched(pair: tuple[Grant, Grant], aws: FakeAws, actor_of: Make) -> None:
    grant = pair[0]
    actor = actor_of(grant.person)
    short = found(grant, actor)
    seen = look(grant_id=grant.pk, place=Place.of(actor, DOOR), actor=actor)
    assert short is not None
    assert seen.slot is not None
    assert (short.session_id, short.ends_at) == (seen.slot.session_id, seen.slot.expires_at)
    assert short.grant.ends_at == grant.ends_at
    assert short.grant.role == grant.role, "what it did not read it reads when it is asked for"
    assert short.issued_at == AwsSession.objects.get(pk=short.session_id).asked_at
    fetched = fetch_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor, door=DOOR)
    assert fetched.credentials == short.kept.credentials
    assert "secret" not in repr(short)


def test_nobody_else_and_nowhere_else(pair: tuple[Grant, Grant], actor_of: Make) -> None:
    grant, neighbour = pair
    actor = actor_of(grant.person)
    assert found(grant, actor_of(neighbour.person)) is None
    assert found(grant, Actor.command("tests")) is None
    assert found(grant, actor, door="page") is None
    other = Actor(actor.kind, actor.label, actor.person_id, ip="192.0.2.99", user_agent=actor.user_agent)
    assert found(grant, other) is None
    program = Actor(actor.kind, actor.label, actor.person_id, ip=actor.ip, user_agent="curl")
    assert found(grant, program) is None
    assert found(grant, actor) is not None


def test_a_fresh_factor_opens_it(pair: tuple[Grant, Grant], actor_of: Make) -> None:
    grant = pair[0]
    AwsRole.objects.update(factor_minutes=5)
    actor = actor_of(grant.person)

    def after(minutes: float) -> Actor:
        given = timezone.now() - timedelta(minutes=minutes)
        return Actor(
            actor.kind,
            actor.label,
            actor.person_id,
            ip=actor.ip,
            user_agent=actor.user_agent,
            factor_at=given,
        )

    assert found(grant, after(1)) is not None
    assert found(grant, after(5)) is None


def test_scims_word_opens_it_while_it_has_a_token(pair: tuple[Grant, Grant], actor_of: Make) -> None:
    grant, actor = pair[0], actor_of(pair[0].person)
    identities = ExternalIdentity.objects.filter(person=grant.person_id)
    identities.update(is_provisioned=True, confirmed_at=ago(3000))
    token = ScimToken.objects.create(
        provider=identities.get().provider, name="t", prefix="p", digest="a" * 64, expires_at=ago(-1)
    )
    assert found(grant, actor) is not None
    for change in ({"expires_at": ago(0)}, {"expires_at": ago(-1), "revoked_at": ago(0)}):
        ScimToken.objects.filter(pk=token.pk).update(**change)
        assert found(grant, actor) is None


def test_a_stopped_sweep_closes_it_where_the_setting_says_so(
    pair: tuple[Grant, Grant], actor_of: Make, settings: Any
) -> None:
    grant, actor = pair[0], actor_of(pair[0].person)
    settings.SWEEP_STOPPED_AFTER = 30
    assert found(grant, actor) is not None
    settings.CLOSE_ISSUING_WHEN_SWEEP_STOPPED = True
    Sweep.objects.all().delete()
    assert found(grant, actor) is None
    Sweep.objects.create(pk=1, ran_at=timezone.now())
    assert found(grant, actor) is not None
    for seconds in (60, -60):
        Sweep.objects.update(ran_at=timezone.now() + timedelta(seconds=seconds))
        assert found(grant, actor) is None


def test_it_is_one_statement(pair: tuple[Grant, Grant], actor_of: Make) -> None:
    grant, actor = pair[0], actor_of(pair[0].person)
    assert found(grant, actor) is not None
    with statements() as asked:
        assert found(grant, actor) is not None
    assert len(asked) == 1


@pytest.mark.django_db(transaction=True)
def test_a_pooler_without_plans_is_found_out(
    pair: tuple[Grant, Grant], actor_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg  # noqa: PLC0415
    from django.db import ProgrammingError  # noqa: PLC0415

    from portal.kernel import prepared  # noqa: PLC0415

    def lost(*_: object) -> None:
        raise ProgrammingError from psycopg.errors.InvalidSqlStatementName()

    monkeypatch.setattr(prepared, "_ask_planned", lost)
    monkeypatch.setitem(prepared._plans, "are_kept", True)  # what a process finds out once
    assert found(pair[0], actor_of(pair[0].person)) is not None
