"""Coming back from a provider: what the way there was for is what happens, for the person who asked alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from portal.audit.models import AuditEvent
from portal.directory.models import IdentityProvider, PendingSignIn, Person, SignIn
from portal.directory.requests import FACTOR_AT
from portal.identity.operations.complete_sign_in import SignedIn
from portal.identity.operations.end_sign_ins import end_sign_ins
from portal.kernel.actor import Actor
from portal.kernel.errors import ForbiddenError
from portal.web.signing_in import Arrived, arrive, let_in
from tests.integration.web.saml_visits import refusals
from tests.sign_ins import browser_of, make_identity, sign_in_of

HOURS = timedelta(hours=8)


def coming(client: Client, person: Person | None) -> HttpRequest:
    request = RequestFactory().get("/sign-in/back")
    request.session = SessionStore(client.session.session_key)
    request.user = person or AnonymousUser()
    request._messages = FallbackStorage(request)  # type: ignore[attr-defined]  # as its middleware does
    return request


def way(
    provider: IdentityProvider, person: Person, purpose: str = "step_up", *, next_path: str = "/tokens/"
) -> PendingSignIn:
    now = datetime.now(UTC)
    return PendingSignIn(
        provider=provider,
        person=person,
        purpose=purpose,
        next_path=next_path,
        created_at=now - timedelta(seconds=5),
        expires_at=now + timedelta(minutes=10),
    )


def word(provider: IdentityProvider, person: Person, *, factor_minutes: float | None = 0.0) -> SignedIn:
    now = datetime.now(UTC)
    return SignedIn(
        person=person,
        identity=make_identity(person, provider),
        provider=provider,
        next_path="/tokens/",
        authenticated_at=now,
        valid_for=HOURS,
        factor_at=None if factor_minutes is None else now - timedelta(minutes=factor_minutes),
        factor="" if factor_minutes is None else "mfa",
    )


def came(client: Client, user: Person | None, pending: PendingSignIn, said: SignedIn) -> HttpResponse:
    return arrive(coming(client, user), Arrived(said, pending))


def factor_events() -> list[str]:
    return list(
        AuditEvent.objects.filter(type="directory.factor.given").values_list("details__factor", flat=True)
    )


def test_a_providers_fresh_factor_counts_in_a_session_with_a_new_key(
    provider: IdentityProvider, ben: Person
) -> None:
    client = browser_of(ben, provider=provider, minutes=30)
    before = str(client.session.session_key)
    request = coming(client, ben)
    answer = arrive(request, Arrived(word(provider, ben), way(provider, ben)))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/tokens/")
    after = str(request.session.session_key)
    assert after != before
    assert not SessionStore().exists(before)
    row = SignIn.objects.get()
    assert (row.session_key, row.factor) == (after, "mfa")
    assert row.factor_at == datetime.fromisoformat(SessionStore(after)[FACTOR_AT])
    assert datetime.now(UTC) - row.factor_at < timedelta(seconds=10)
    assert factor_events() == ["mfa"]


def test_a_provider_that_names_no_second_factor_gives_none(provider: IdentityProvider, ben: Person) -> None:
    client = browser_of(ben, provider=provider)
    answer = came(client, ben, way(provider, ben), word(provider, ben, factor_minutes=None))
    assert answer.status_code == 403
    assert b"ask for a second factor" in answer.content
    assert FACTOR_AT not in client.session
    assert factor_events() == []


@pytest.mark.parametrize("who", ["browser", "answer", "both", "nobody"])
def test_another_person_gives_nobody_a_factor(
    provider: IdentityProvider, ben: Person, mallory: Person, who: str
) -> None:
    client = browser_of(mallory if who in {"browser", "both"} else ben, provider=provider)
    user = {"browser": mallory, "answer": ben, "both": mallory, "nobody": None}[who]
    said = word(provider, mallory if who in {"answer", "both"} else ben)
    answer = came(client, user, way(provider, ben), said)
    assert answer.status_code == 403
    assert refusals() == ["directory.somebody_else"]
    assert FACTOR_AT not in client.session
    assert not SignIn.objects.exclude(factor_at=None).exists()


def test_a_factor_of_the_future_counts_from_now_and_an_older_one_takes_nothing_back(
    provider: IdentityProvider, ben: Person
) -> None:
    client = browser_of(ben, provider=provider, factor_minutes=2)
    came(client, ben, way(provider, ben), word(provider, ben, factor_minutes=9))
    kept = SignIn.objects.get()
    assert kept.factor_at is not None
    assert timedelta(minutes=1) < datetime.now(UTC) - kept.factor_at < timedelta(minutes=3)
    request = coming(client, ben)
    request.session = SessionStore(kept.session_key)
    arrive(request, Arrived(word(provider, ben, factor_minutes=-60), way(provider, ben)))
    kept = SignIn.objects.get()
    assert kept.factor_at is not None
    assert kept.factor_at <= datetime.now(UTC)


def test_a_sign_in_that_was_ended_is_not_made_anew(provider: IdentityProvider, ben: Person) -> None:
    client = browser_of(ben, provider=provider)
    request = coming(client, ben)
    assert request.session.get(FACTOR_AT) is None  # read, as the middleware does before a view
    end_sign_ins(SignIn.objects.all(), why="gone", actor=Actor.command("tests"))
    with pytest.raises(ForbiddenError, match="has ended"):
        arrive(request, Arrived(word(provider, ben), way(provider, ben)))
    assert not SessionStore.get_model_class().objects.exists()


def test_a_sign_in_whose_time_is_over_takes_no_factor(provider: IdentityProvider, ben: Person) -> None:
    client = browser_of(ben, provider=provider)
    before = client.session.session_key
    SignIn.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(ForbiddenError, match="has ended"):
        came(client, ben, way(provider, ben), word(provider, ben))
    assert list(SignIn.objects.values_list("session_key", "factor_at")) == [(before, None)]
    assert factor_events() == []


def test_nobody_is_sent_elsewhere(provider: IdentityProvider, ben: Person) -> None:
    client = browser_of(ben, provider=provider)
    away = way(provider, ben, next_path="//evil.example.test/")
    assert came(client, ben, away, word(provider, ben)).headers["Location"] == "/"
    elsewhere = replace(word(provider, ben), next_path="//evil.example.test/")
    assert let_in(coming(Client(), None), elsewhere).headers["Location"] == "/"
    link = way(provider, ben, "link", next_path="https://evil.example.test/")
    assert arrive(coming(client, ben), Arrived(None, link)).headers["Location"] == "/"


def test_a_link_that_was_made_leads_back_to_where_it_was_asked_for(
    provider: IdentityProvider, ben: Person
) -> None:
    client = browser_of(ben, provider=provider)
    answer = arrive(coming(client, ben), Arrived(None, way(provider, ben, "link")))
    assert answer.headers["Location"] == "/tokens/"
    assert sign_in_of(client) is not None


def test_a_sign_in_signs_in_and_its_factor_counts_from_when_it_was_given(
    provider: IdentityProvider, ben: Person
) -> None:
    request = coming(Client(), None)
    said = replace(word(provider, ben, factor_minutes=7), next_path="/tokens/")
    answer = let_in(request, said)
    assert answer.headers["Location"] == "/tokens/"
    assert said.factor_at is not None
    assert request.session[FACTOR_AT] == said.factor_at.isoformat()
    request = coming(Client(), None)
    arrive(request, Arrived(word(provider, ben, factor_minutes=-60), way(provider, ben, "sign_in")))
    assert datetime.fromisoformat(request.session[FACTOR_AT]) <= datetime.now(UTC)
