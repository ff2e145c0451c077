"""A role that asks for a second factor: who gave none, or too long ago, gets nothing; whoever just did, does."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.access.models import AwsSession, ConsoleLink
from portal.access.operations.credentials.console_links import make_console_link, use_console_link
from portal.access.operations.credentials.fresh_factor import StepUpNeededError
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.credentials.open_console import open_console
from portal.audit.models import AuditEvent
from portal.kernel.actor import Actor
from portal.kernel.errors import NotFoundError
from tests.fakes import CONSOLE, SECRET, SIGN_IN_URL, FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
Get = Callable[[Any, FakeAws, Actor], Any]


def credentials(grant: Any, aws: FakeAws, actor: Actor) -> Any:
    return issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor).credentials.secret_access_key


def console(grant: Any, aws: FakeAws, actor: Actor) -> Any:
    opened = open_console(
        grant_id=grant.pk, destination=CONSOLE, issuer="https://p.example", aws=aws.ports(), actor=actor
    )
    return opened.sign_in.url


def by_link(grant: Any, aws: FakeAws, actor: Actor) -> Any:
    # It can be made without: a program makes it, its person clicks it.
    made = make_console_link(grant_id=grant.pk, destination=CONSOLE, aws=aws.ports(), actor=actor)
    opened = use_console_link(token=made.token, issuer="https://p.example", aws=aws.ports(), actor=actor)
    return opened.sign_in.url


@pytest.fixture(params=[credentials, console, by_link])
def get(request: pytest.FixtureRequest) -> Get:
    return request.param  # type: ignore[no-any-return]  # one of the three above


@pytest.fixture
def grant(make_grant: Make, make_role: Make) -> Any:
    return make_grant(role=make_role("Guarded", factor_minutes=5))


def ago(actor: Actor, minutes: float | None) -> Actor:
    at = None if minutes is None else datetime.now(UTC) - timedelta(minutes=minutes)
    return replace(actor, factor_at=at, signed_in_at=datetime.now(UTC))


@pytest.mark.parametrize("minutes", [None, 5.01, 600])
def test_without_a_fresh_one_nothing_is_given(
    get: Get, grant: Any, aws: FakeAws, actor_of: Make, minutes: float | None
) -> None:
    actor = ago(actor_of(grant.person), minutes)
    with pytest.raises(StepUpNeededError) as error:
        get(grant, aws, actor)
    assert (error.value.code, error.value.minutes, error.value.grant_id) == ("step_up_required", 5, grant.pk)
    event = AuditEvent.objects.get(type="access.session.refused")
    assert (event.grant_id, event.details["code"]) == (grant.pk, "step_up_required")
    assert not AwsSession.objects.exists()
    assert aws.count("assume_role") == 0
    # A link is still there, for when the factor was given.
    assert not ConsoleLink.objects.exclude(used_at=None).exists()


def test_with_a_fresh_one_it_is(get: Get, grant: Any, aws: FakeAws, actor_of: Make) -> None:
    assert get(grant, aws, ago(actor_of(grant.person), 4.9)) in {SECRET, SIGN_IN_URL}


def test_a_role_that_asks_for_none(get: Get, make_grant: Make, aws: FakeAws, actor_of: Make) -> None:
    grant = make_grant()
    assert get(grant, aws, actor_of(grant.person)) in {SECRET, SIGN_IN_URL}


def test_it_is_not_asked_again_after_aws_took_its_time(
    grant: Any, aws: FakeAws, actor_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    from portal.access.operations.credentials import issue_session  # noqa: PLC0415

    monkeypatch.setattr(issue_session, "check_fresh_factor", lambda *told: asked.append(told))
    assert credentials(grant, aws, actor_of(grant.person)) == SECRET
    assert len(asked) == 1


def test_whose_grant_it_is_comes_first(
    get: Get, grant: Any, aws: FakeAws, actor_of: Make, person: Make
) -> None:
    with pytest.raises(NotFoundError):
        get(grant, aws, ago(actor_of(person("Mallory Quick")), None))
