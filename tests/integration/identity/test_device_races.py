"""A device code that several come for at once: one gets the token, one decides."""

from collections.abc import Callable
from typing import Any

import pytest

from portal.directory.models import ApiToken, DeviceSignIn
from portal.identity.operations.device_sign_in import (
    AskedDevice,
    OAuthError,
    ask_device_sign_in,
    decide_device_sign_in,
)
from portal.identity.operations.device_tokens import take_device_token
from portal.identity.operations.limit_tries import Place
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import ConflictError, NotFoundError
from tests.at_once import at_once
from tests.servers.process import require_services
from tests.world import as_actor, make_person

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("races"),
]
CLI = "sallyport-cli"
HERE = Place("192.0.2.7")
PROGRAM = Actor(ActorKind.NOBODY, "nobody")
TRIES = 15 if require_services() else 3


def asked() -> AskedDevice:
    return ask_device_sign_in(client_id=CLI, scopes=(), place=HERE, actor=PROGRAM)


def taking(device: AskedDevice) -> Callable[[], Any]:
    return lambda: take_device_token(client_id=CLI, device_code=device.device_code, actor=PROGRAM)


def deciding(device: AskedDevice, person: Any, *, approve: bool) -> Callable[[], Any]:
    return lambda: decide_device_sign_in(
        user_code=device.user_code, approve=approve, place=HERE, actor=as_actor(person)
    )


def test_one_of_those_who_take_it_gets_the_token() -> None:
    for number in range(TRIES):
        person, device = make_person(f"Ben {number}"), asked()
        deciding(device, person, approve=True)()
        outcomes = at_once(*[taking(device)] * 4)
        refused = [each.error for each in outcomes if isinstance(each, OAuthError)]
        assert refused == ["invalid_grant"] * 3, outcomes
        assert ApiToken.objects.filter(person=person).count() == 1


def test_one_of_those_who_decide_does() -> None:
    for number in range(TRIES):
        ben, mallory, device = make_person(f"Ben {number}"), make_person(f"Mallory {number}"), asked()
        outcomes = at_once(
            deciding(device, ben, approve=True),
            deciding(device, mallory, approve=False),
            deciding(device, mallory, approve=True),
        )
        decided = [each for each in outcomes if isinstance(each, DeviceSignIn)]
        refused = [each for each in outcomes if isinstance(each, ConflictError | NotFoundError)]
        assert (len(decided), len(refused)) == (1, 2), outcomes
        device.row.refresh_from_db()
        assert (device.row.approved, device.row.person) == (decided[0].approved, decided[0].person)
