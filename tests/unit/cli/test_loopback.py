"""The endpoint on this machine: for whoever has its token, once for all, and through an outage of the portal."""

import http.client
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from portal.cli.api import Credentials
from portal.cli.errors import CliError, RefusedError, SignInNeededError, UnavailableError
from portal.cli.loopback import Endpoint, Keeper, serving
from tests.servers.process import free_port
from tests.unit.cli.scripted_portal import SECRET


def living(seconds: float = 3600, key: str = "ASIAEXAMPLE") -> Credentials:
    return Credentials(key, SECRET, "token", datetime.now(UTC) + timedelta(seconds=seconds))


class Script:
    """What each fetch does, in turn; the last for ever."""

    def __init__(self, *steps: Credentials | CliError) -> None:
        self.steps, self.fetched = list(steps), 0

    def __call__(self) -> Credentials:
        self.fetched += 1
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, CliError):
            raise step
        return step


def ask(
    endpoint: Endpoint, *, token: str | None = None, path: str = "/credentials"
) -> tuple[int, dict[str, Any]]:
    own = endpoint.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(endpoint.url).port or 0, timeout=10)
    connection.request("GET", path, headers={"Authorization": own if token is None else token})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_it_answers_as_a_containers_endpoint_does() -> None:
    found = living()
    with serving(Keeper(lambda: found)) as endpoint:
        assert endpoint.url.startswith("http://127.0.0.1:")
        status, told = ask(endpoint)
        assert status == 200
        assert told == {
            "AccessKeyId": "ASIAEXAMPLE",
            "SecretAccessKey": SECRET,
            "Token": "token",
            "Expiration": found.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


@pytest.mark.parametrize(
    "change", [lambda _: "", lambda own: own + "x", lambda own: own[:-1], lambda own: f"Bearer {own}"]
)
def test_it_gives_nothing_without_its_token(change: Callable[[str], str]) -> None:
    script = Script(living())
    with serving(Keeper(script)) as endpoint:
        own = endpoint.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        status, told = ask(endpoint, token=change(own))
        assert (status, told["code"], script.fetched) == (403, "invalid_token", 0)
        assert ask(endpoint)[0] == 200
        assert ask(endpoint, path="/")[0] == 404


def test_each_has_a_token_of_its_own() -> None:
    with serving(Keeper(living)) as first, serving(Keeper(living)) as second:
        assert ask(second, token=first.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"])[0] == 403


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (RefusedError("This grant is over.", code="ended"), 403),
        (SignInNeededError("Run `sallyport login`."), 403),
        (UnavailableError("The portal does not answer."), 503),
    ],
    ids=["refused", "sign-in", "unavailable"],
)
def test_a_refusal_is_told_in_words(problem: CliError, status: int) -> None:
    with serving(Keeper(Script(problem))) as endpoint:
        assert ask(endpoint)[0] == status
        told = ask(endpoint)[1]
        assert told["message"] == str(problem)
        # The SDK for JavaScript reads AWS's own spelling alone.
        assert (told["Code"], told["Message"]) == (told["code"], told["message"])


def test_who_ask_at_once_are_given_what_was_fetched_once() -> None:
    began, go = threading.Event(), threading.Event()
    script = Script(living())

    def slow() -> Credentials:
        began.set()
        go.wait(10)
        return script()

    keeper = Keeper(slow)
    got: list[Credentials] = []
    threads = [threading.Thread(target=lambda: got.append(keeper.credentials())) for _ in range(20)]
    for thread in threads:
        thread.start()
    began.wait(10)
    go.set()
    for thread in threads:
        thread.join(10)
    assert (len(got), script.fetched) == (20, 1)


def test_it_is_kept_for_a_minute_or_half_its_life(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("portal.cli.loopback.time.monotonic", lambda: now[0])
    script = Script(living(3600), living(3600), living(20), living(20))
    keeper = Keeper(script)
    for moment, fetched in ((0, 1), (59, 1), (61, 2), (122, 3), (131, 3), (133, 4)):
        now[0] = 1000.0 + moment
        keeper.credentials()
        assert script.fetched == fetched, moment


def test_an_outage_is_no_end_but_a_refusal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("portal.cli.loopback.time.monotonic", lambda: now[0])
    gone, over = UnavailableError("Gone."), RefusedError("Over.")
    keeper = Keeper(Script(living(), gone, over, gone, living(-1), gone))
    keeper.credentials()
    now[0] += 100
    assert keeper.credentials().access_key_id == "ASIAEXAMPLE"
    now[0] += 100
    with pytest.raises(RefusedError):
        keeper.credentials()
    with pytest.raises(UnavailableError):  # what was refused is given no more
        keeper.credentials()
    keeper.credentials()
    with pytest.raises(UnavailableError):  # what is dead carries nobody through an outage
        keeper.credentials()


def test_a_port_that_is_taken_is_told() -> None:
    port = free_port()
    with serving(Keeper(living), port=port) as endpoint:
        assert endpoint.url == f"http://127.0.0.1:{port}/credentials"
        with (
            pytest.raises(CliError, match=f"127.0.0.1:{port} can't be used"),
            serving(Keeper(living), port=port),
        ):
            pass
