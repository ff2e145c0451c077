from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F

from brokers.errors import IdentityUnavailable
from portal.audit.models import AuditEvent
from portal.directory.models import IdentityProvider
from portal.identity.operations.limit_tries import KNOWN, STRANGERS, Place, limited_tries
from portal.identity.operations.refusing import SignInRefusedError
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import TooManyError
from portal.kernel.models import AttemptCount

pytestmark = pytest.mark.django_db
NOBODY = Actor(ActorKind.NOBODY, "nobody", ip="192.0.2.9")
HOME, AWAY = Place("198.51.100.4"), Place("203.0.113.9")
KINDS = [IdentityProvider.Kind.LDAP, IdentityProvider.Kind.LOCAL]
Try = Callable[..., str]


@pytest.fixture(params=KINDS)
def provider(request: pytest.FixtureRequest) -> IdentityProvider:
    return IdentityProvider.objects.create(slug="own", name="Own", kind=request.param)


@pytest.fixture
def attempt(provider: IdentityProvider) -> Try:
    """Try as somebody from somewhere: what became of it."""

    def go(place: Place, login: str = "ada", *, right: bool = False, ends: Exception | None = None) -> str:
        try:
            with limited_tries(provider=provider, login=login, place=place, actor=NOBODY):
                _end(ends if right or ends else SignInRefusedError("ldap.wrong_password"))
        except TooManyError:
            return "too many"
        except SignInRefusedError:
            return "wrong"
        except IdentityUnavailable:
            return "away"
        return "in"

    return go


def _end(problem: Exception | None) -> None:
    if problem is not None:
        raise problem


def strangers(number: int) -> list[Place]:
    return [Place(f"203.0.113.{n}") for n in range(1, number + 1)]


def test_a_guesser_is_stopped_and_the_victim_at_home_is_not(attempt: Try) -> None:
    assert attempt(HOME, right=True) == "in"
    assert [attempt(AWAY) for _ in range(6)].count("too many") >= 1
    assert attempt(AWAY, right=True) == "too many", "not even with the right password, then"
    assert attempt(HOME, right=True) == "in"
    assert attempt(AWAY, "ben", right=True) == "in", "nor is anybody else concerned"


def test_many_addresses_do_not_make_many_tries(attempt: Try, provider: IdentityProvider) -> None:
    assert attempt(HOME, right=True) == "in"
    most = STRANGERS[IdentityProvider.Kind(provider.kind)].most
    tried = [attempt(place) for place in strangers(most + 10)]
    assert tried == ["wrong"] * most + ["too many"] * 10
    assert attempt(HOME, right=True) == "in", "the victim's own network goes on"
    assert attempt(Place("203.0.113.200", device="laptop"), right=True) == "in", (
        "and their own browser anywhere"
    )


def test_guesses_in_the_victims_own_network_leave_their_own_browser_alone(
    attempt: Try, provider: IdentityProvider
) -> None:
    assert attempt(HOME, right=True) == "in"
    most = KNOWN[IdentityProvider.Kind(provider.kind)].most
    assert [attempt(HOME) for _ in range(most + 1)] == ["wrong"] * most + ["too many"]
    assert attempt(Place(HOME.ip, device="laptop"), right=True) == "in"


def test_who_tries_one_password_on_everybody_is_stopped(attempt: Try) -> None:
    tried = [attempt(AWAY, f"person{n}") for n in range(35)]
    assert tried == ["wrong"] * 30 + ["too many"] * 5
    assert attempt(HOME, "person7", right=True) == "in"


def test_an_ipv6_site_is_one_place_and_the_next_another(attempt: Try) -> None:
    site = [Place(f"2001:db8:1:2::{n:x}") for n in range(1, 8)]
    assert "too many" in [attempt(place) for place in site]
    assert attempt(Place("2001:db8:1:3::1"), "ben", right=True) == "in"


def test_right_passwords_and_silent_servers_cost_nothing(attempt: Try) -> None:
    away = IdentityUnavailable("ldap", "timeout")
    assert [attempt(AWAY, right=True) for _ in range(12)] == ["in"] * 12
    assert [attempt(HOME, ends=away) for _ in range(12)] == ["away"] * 12
    assert attempt(HOME, right=True) == "in"


def test_writing_the_name_otherwise_is_no_other_account(attempt: Try) -> None:
    names = ["ada", "ADA", " Ada", "aDa ", "adA", "ada"]
    assert attempt(AWAY, "Ada") == "wrong"
    assert "too many" in [attempt(AWAY, name) for name in names]


def test_the_period_ends(attempt: Try) -> None:
    assert "too many" in [attempt(AWAY) for _ in range(8)]
    AttemptCount.objects.update(until=F("until") - timedelta(hours=2))
    assert attempt(AWAY, right=True) == "in"


def test_it_is_in_the_trail_once_a_period(attempt: Try) -> None:
    for _ in range(10):
        attempt(AWAY)
    found = AuditEvent.objects.filter(type="directory.sign_in.limited")
    assert [event.details["network"] for event in found] == ["203.0.113.9"]
