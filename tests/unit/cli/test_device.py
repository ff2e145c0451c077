"""The device flow from the program's side, answer by answer (RFC 8628, sections 3.2 to 3.5)."""

import json
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.cli import device
from portal.cli.addresses import read_address
from portal.cli.errors import CliError, RefusedError, UnavailableError
from portal.cli.web import Web
from tests.unit.cli.conftest import Say
from tests.unit.cli.scripted_portal import ME, TOKEN, Said, ScriptedPortal

ASK, POLL, REVOKE = "POST /oauth/device_authorization", "POST /oauth/token", "POST /oauth/revoke"
CODES = {
    "device_code": "spd_secret",
    "user_code": "BCDF-GHJK",
    "verification_uri": "https://portal.example/device",
    "verification_uri_complete": "https://portal.example/device?user_code=BCDF-GHJK",
    "expires_in": 600,
    "interval": 1,
}
GOT = Said(body={"access_token": TOKEN, "token_type": "Bearer", "expires_in": 43_200, "scope": "grants:read"})


def error(name: str, description: str = "") -> Said:
    return Said(400, {"error": name, "error_description": description})


@pytest.fixture
def web(portal: ScriptedPortal) -> Web:
    portal.answers[ASK] = Said(body=CODES)
    return Web(read_address(portal.url))


def polled(web: Web) -> tuple[device.Signed, list[float]]:
    slept: list[float] = []
    return device.wait(web, device.ask(web), pause=slept.append), slept


def test_it_waits_as_it_is_told(web: Web, portal: ScriptedPortal) -> None:
    pending = error("authorization_pending")
    portal.answers[POLL] = [pending, error("slow_down"), pending, GOT]
    signed, slept = polled(web)
    assert signed.token == TOKEN
    assert slept == [1, 1, 6, 6]
    sent = urllib.parse.parse_qs(portal.calls[-1][3])
    assert sent == {
        "grant_type": ["urn:ietf:params:oauth:grant-type:device_code"],
        "device_code": ["spd_secret"],
        "client_id": ["sallyport-cli"],
    }
    asked = urllib.parse.parse_qs(portal.calls[0][3])
    assert asked["scope"] == ["grants:read credentials:issue console:open grants:take"]
    assert TOKEN not in repr(signed)


def test_a_lost_connection_decides_nothing(web: Web, portal: ScriptedPortal) -> None:
    portal.answers[POLL] = [Said(hang_up=True), Said(hang_up=True), GOT]
    signed, slept = polled(web)
    assert (signed.token, slept) == (TOKEN, [1, 2, 4])


@pytest.mark.parametrize(
    ("said", "kind", "part"),
    [
        (error("access_denied"), RefusedError, "turned down"),
        (error("expired_token"), RefusedError, "Nobody confirmed it in time"),
        (error("invalid_grant", "This code is unknown."), RefusedError, "This code is unknown."),
        (Said(200, "<html>"), UnavailableError, "did not answer as a Sallyport portal"),
        (Said(200, {"access_token": TOKEN, "token_type": "mac"}), UnavailableError, "did not answer as"),
        (
            Said(200, {"access_token": "two words", "token_type": "Bearer"}),
            UnavailableError,
            "did not answer as",
        ),
        (Said(200, {"token_type": "Bearer"}), UnavailableError, "did not answer as"),
        (Said(500, "oops"), UnavailableError, "out of order"),
    ],
    ids=range(8),
)
def test_it_ends_for_whatever_is_no_token(
    web: Web, portal: ScriptedPortal, said: Said, kind: type[CliError], part: str
) -> None:
    portal.answers[POLL] = [error("authorization_pending"), said]
    with pytest.raises(kind, match=part):
        polled(web)


def test_a_code_that_is_over_is_not_asked_after_for_ever(web: Web, portal: ScriptedPortal) -> None:
    portal.answers[ASK] = Said(body=CODES | {"expires_in": 0})
    portal.answers[POLL] = error("authorization_pending")
    with pytest.raises(RefusedError, match="Nobody confirmed it in time"):
        polled(web)
    assert portal.asked(POLL) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Said(body={name: value for name, value in CODES.items() if name != "device_code"}),
        Said(body=CODES | {"expires_in": "soon"}),
        Said(body=CODES | {"interval": "nan"}),
        Said(body=[]),
        Said(body="<html>"),
        Said(404, "<html>"),
    ],
    ids=range(6),
)
def test_no_codes(web: Web, portal: ScriptedPortal, answer: Said) -> None:
    portal.answers[ASK] = answer
    with pytest.raises(UnavailableError, match="did not answer as"):
        device.ask(web)


quickly = pytest.mark.usefixtures("quick")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr(device.wait, "__kwdefaults__", {"pause": lambda _: None})


def signs_in(portal: ScriptedPortal) -> None:
    portal.answers |= {ASK: Said(body=CODES), POLL: GOT, REVOKE: Said(200, "")}


def test_signing_in_keeps_the_token_and_shows_it_nowhere(
    say: Say, portal: ScriptedPortal, quick: None, home: Path
) -> None:
    signs_in(portal)
    ran = say("login", "--portal", portal.url)
    assert ran.code == 0
    assert "BCDF-GHJK" in ran.out
    assert f"as {ME['name']}" in ran.out
    assert json.loads((home / ".config/sallyport/tokens.json").read_text()) == {portal.url: TOKEN}
    assert TOKEN not in (home / ".config/sallyport/config.json").read_text()
    assert say("whoami").code == 0, "the portal is remembered"


def test_signing_in_again_revokes_the_token_before(say: Say, portal: ScriptedPortal, quick: None) -> None:
    signs_in(portal)
    say("login", "--portal", portal.url)
    assert portal.asked(REVOKE) == 0
    assert say("login").code == 0
    [revoked] = [body for what, _, _, body in portal.calls if what == REVOKE]
    assert urllib.parse.parse_qs(revoked) == {"token": [TOKEN], "client_id": ["sallyport-cli"]}


def test_only_the_portals_own_page_is_opened(
    say: Say, portal: ScriptedPortal, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setenv("BROWSER", "some-browser")

    def opens(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr("portal.cli.commands.login.open_in_browser", opens)
    signs_in(portal)
    say("login", "--portal", portal.url)
    assert opened == [], "another host's"
    own = f"{portal.url}/device?user_code=BCDF-GHJK"
    portal.answers[ASK] = Said(body=CODES | {"verification_uri_complete": own})
    say("login", "--no-browser")
    assert opened == []
    say("login")
    assert opened == [own]


@quickly
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda portal: portal.answers.update({REVOKE: Said(500, "oops")}), 5),
        (lambda portal: portal.answers.update({REVOKE: Said(hang_up=True)}), 5),
        (lambda portal: portal.answers.update({REVOKE: error("invalid_client", "No.")}), 4),
    ],
    ids=["broken", "gone", "refused"],
)
def test_signing_out_forgets_here_even_if_the_portal_is_gone(
    say: Say,
    portal: ScriptedPortal,
    home: Path,
    spoil: Callable[[ScriptedPortal], None],
    code: int,
) -> None:
    signs_in(portal)
    say("login", "--portal", portal.url)
    spoil(portal)
    ran = say("logout")
    assert ran.code == code
    assert "forgotten here, but not revoked" in ran.line
    assert json.loads((home / ".config/sallyport/tokens.json").read_text()) == {}
    assert say("whoami").code == 3


def test_a_token_that_is_over_is_not_even_sent(say: Say, portal: ScriptedPortal, quick: None) -> None:
    signs_in(portal)
    portal.answers[POLL] = Said(body={"access_token": TOKEN, "token_type": "bearer", "expires_in": 0.000001})
    say("login", "--portal", portal.url)
    asked = len(portal.calls)
    assert say("list").code == 3
    assert len(portal.calls) == asked
