"""The identity provider's sign-in for browser apps: what it refuses, each beside what gets in."""

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from portal.demo.identity_provider import code_flow
from portal.demo.identity_provider.code_flow import CodeFlow

HOME = "http://127.0.0.1:8030/signed-in"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {
    "client_id": "harbor-cameras",
    "redirect_uri": HOME,
    "state": "state-1",
    "nonce": "nonce-1",
    "code_challenge": CHALLENGE,
}
FLOW = {"response_type": "code", "code_challenge_method": "S256"}
Visit = Callable[[Any], Awaitable[None]]


def visit(steps: Visit) -> None:
    flow = CodeFlow(
        apps={"harbor-cameras": HOME, "other": "http://127.0.0.1:9/back"},
        sign=lambda person, audience, seconds, more: (
            f"{person.key} for {audience}, {seconds} s, {dict(more)}"
        ),
    )

    async def run() -> None:
        app = web.Application()
        app.add_routes(flow.routes())
        async with TestClient(TestServer(app)) as client:
            await steps(client)

    asyncio.run(run())


async def code_of(client: Any, **more: str) -> str:
    answer = await client.post("/authorize", data=ASKED | {"person": "chidi"} | more, allow_redirects=False)
    assert answer.status == 303
    to = urlsplit(answer.headers["Location"])
    told = parse_qs(to.query)
    assert f"{to.scheme}://{to.netloc}{to.path}" == HOME
    assert told["state"] == ["state-1"]
    return str(told["code"][0])


async def exchanged(client: Any, code: str, **more: str) -> ClientResponse:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": HOME,
        "client_id": "harbor-cameras",
        "code_verifier": VERIFIER,
    }
    answer: ClientResponse = await client.post("/token", data=form | more)
    return answer


def test_a_code_becomes_an_id_token_once() -> None:
    async def steps(client: Any) -> None:
        page = await client.get("/authorize", params=ASKED | FLOW)
        assert page.status == 200
        assert "Chidi Rao" in await page.text()
        assert "form-action 'self' http://127.0.0.1:8030;" in page.headers["Content-Security-Policy"]
        code = await code_of(client)
        good = await exchanged(client, code)
        assert good.headers["Access-Control-Allow-Origin"] == "*"
        told = await good.json()
        assert told["id_token"] == "chidi for harbor-cameras, 3600 s, {'nonce': 'nonce-1'}"
        again = await exchanged(client, code)
        assert (again.status, (await again.json())["error"]) == (400, "invalid_grant")

    visit(steps)


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"client_id": "other"},
        {"redirect_uri": "http://127.0.0.1:9/back"},
        {"grant_type": "password"},
    ],
)
def test_a_code_is_for_who_asked_for_it(wrong: dict[str, str]) -> None:
    async def steps(client: Any) -> None:
        refused = await exchanged(client, await code_of(client), **wrong)
        assert (refused.status, (await refused.json())["error"]) == (400, "invalid_grant")
        assert (await exchanged(client, await code_of(client))).status == 200

    visit(steps)


def test_a_code_is_over_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(client: Any) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(code_flow, "CODE_LIVES_S", -1)
            code = await code_of(client)
        assert (await exchanged(client, code)).status == 400

    visit(steps)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"client_id": "nobody"}, "not known here"),
        ({"redirect_uri": f"{HOME}/elsewhere"}, "not its own"),
        ({"code_challenge_method": "plain"}, "PKCE"),
        ({"response_type": "token"}, "a code"),
        ({"code_challenge": ""}, "missing"),
        ({"state": ""}, "missing"),
    ],
)
def test_a_wrong_request_is_told_here_and_leads_nowhere(wrong: dict[str, str], words: str) -> None:
    async def steps(client: Any) -> None:
        answer = await client.get("/authorize", params=ASKED | FLOW | wrong, allow_redirects=False)
        assert answer.status == 400
        assert words in await answer.text()
        if set(wrong) & set(ASKED):
            form = ASKED | {"person": "chidi"} | wrong
            assert (await client.post("/authorize", data=form, allow_redirects=False)).status == 400

    visit(steps)


def test_nobody_chosen_is_nobody() -> None:
    async def steps(client: Any) -> None:
        answer = await client.post("/authorize", data=ASKED | {"person": "mallory"}, allow_redirects=False)
        assert answer.status == 400

    visit(steps)
