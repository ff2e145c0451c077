"""Whatever goes wrong is one line on stderr and an exit code that scripts may rely on."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from portal.cli import web
from tests.servers.authority import Authority
from tests.servers.process import free_port
from tests.unit.cli.conftest import Say
from tests.unit.cli.scripted_portal import (
    GRANT_ID,
    TOKEN,
    Said,
    ScriptedPortal,
    credentials,
    grant,
    page,
    problem,
    scripted_portal,
)

CREDENTIALS = f"POST /api/v1/grants/{GRANT_ID}/credentials"
# Each command that asks the portal, with words that are right.
ASKING = [
    ["whoami"],
    ["list"],
    ["request"],
    ["request", "harbor-data/data-analyst", "--reason", "work"],
    ["credentials", "data-analyst"],
    ["exec", "data-analyst", "--", "true"],
    ["console", "data-analyst"],
    ["configure"],
    ["serve", "data-analyst"],
]
GARBAGE: list[Any] = ["", "<html>Welcome</html>", "null", "[1]", '{"results": 3}', "\x1b[31m", "[" * 100_000]
commands = pytest.mark.parametrize("words", ASKING, ids=lambda words: " ".join(words[:2]))


@commands
def test_a_server_that_is_down(say: Say, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("SALLYPORT_PORTAL", url)
    monkeypatch.setenv("SALLYPORT_TOKEN", TOKEN)
    ran = say(*words)
    assert (ran.code, ran.line) == (5, f"{url} does not answer: connection refused.")


@commands
def test_nobody_who_signed_in(
    say: Say, portal: ScriptedPortal, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("SALLYPORT_PORTAL", portal.url)
    ran = say(*words)
    assert (ran.code, ran.line) == (3, f"You are not signed in at {portal.url}: run `sallyport login`.")
    assert portal.calls == []


@commands
def test_a_token_that_is_over(say: Say, signed_in: ScriptedPortal, words: list[str]) -> None:
    for name in list(signed_in.answers):
        signed_in.answers[name] = problem(401, "invalid_token", "This token is unknown, revoked or over.")
    signed_in.answers["GET /api/v1/entitlements"] = problem(401, "invalid_token", "Over.")
    ran = say(*words)
    assert (ran.code, ran.line) == (3, f"Your sign-in at {signed_in.url} is over: run `sallyport login`.")


@commands
def test_another_servers_page(say: Say, signed_in: ScriptedPortal, words: list[str]) -> None:
    test_garbage(say, signed_in, words, GARBAGE[1])


@pytest.mark.thorough
@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
@commands
def test_garbage(say: Say, signed_in: ScriptedPortal, words: list[str], body: str) -> None:
    for name in (*signed_in.answers, "GET /api/v1/entitlements"):
        signed_in.answers[name] = Said(body=body)
    ran = say(*words)
    assert ran.code in {2, 5}
    assert "did not answer as a Sallyport portal does" in ran.line


@commands
def test_a_portal_that_breaks_off(say: Say, signed_in: ScriptedPortal, words: list[str]) -> None:
    for name in (*signed_in.answers, "GET /api/v1/entitlements"):
        signed_in.answers[name] = Said(hang_up=True)
    assert say(*words).code == 5


@pytest.mark.parametrize(
    ("said", "code", "part"),
    [
        (problem(403, "forbidden", "Nothing is issued now."), 4, "Nothing is issued now."),
        (problem(404, "not_found", "There is no such grant."), 4, "There is no such grant."),
        (problem(409, "conflict", "This grant is revoked."), 4, "This grant is revoked."),
        (problem(403, "insufficient_scope", "This token lacks the scope x."), 4, "sallyport login"),
        (
            problem(400, "invalid", "Some can't be used.", errors=[{"field": "f", "message": "Too long"}]),
            4,
            "Some can't be used. Too long.",
        ),
        (
            problem(
                403, "step_up_required", "Give a second factor.", step_up_url="https://p.example/step-up"
            ),
            3,
            "In a browser: https://p.example/step-up",
        ),
        (
            problem(403, "sign_in_too_old", "Too old.", sign_in_url="https://p.example/sign-in"),
            3,
            "In a browser: https://p.example/sign-in",
        ),
        (problem(503, "upstream", "AWS did not answer"), 5, "AWS did not answer."),
        (
            problem(429, "too_many", "Too many", headers={"Retry-After": "900"}),
            5,
            "Too many. Try again in 900 s.",
        ),
        (Said(500, "<h1>Server Error</h1>"), 5, "is out of order (HTTP 500)"),
        (Said(404, "<h1>Not here</h1>"), 5, "did not answer as a Sallyport portal does (HTTP 404)"),
        (problem(409, "conflict", "Red \x1b[31mand\nmore"), 4, "Red ?[31mand more."),
    ],
    ids=lambda value: getattr(value, "status", None) and str(value.status),
)
def test_a_refusal(say: Say, signed_in: ScriptedPortal, said: Said, code: int, part: str) -> None:
    signed_in.answers[CREDENTIALS] = said
    ran = say("credentials", "data-analyst")
    assert ran.code == code
    assert part in ran.line
    signed_in.answers[CREDENTIALS] = Said(201, credentials())
    assert say("credentials", "data-analyst").code == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"AccessKeyId": ""},
        {"SecretAccessKey": None},
        {"SessionToken": "two\nlines"},
        {"SessionToken": "a b"},
        {"Expiration": "soon", "WorksUntil": None},
        {"Expiration": None, "WorksUntil": None},
        {"Expiration": "2099-01-01T00:00:00"},
    ],
    ids=str,
)
def test_credentials_that_are_none(say: Say, signed_in: ScriptedPortal, changed: dict[str, Any]) -> None:
    signed_in.answers[CREDENTIALS] = Said(201, credentials(**changed))
    assert say("credentials", "data-analyst").code == 5


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "../me"},
        {"partition": "moon"},
        {"ends_at": None},
        {"stand_in": {"endpoint_url": "x\nrole_arn=y"}},
    ],
    ids=str,
)
def test_grants_that_are_none(say: Say, signed_in: ScriptedPortal, changed: dict[str, Any]) -> None:
    signed_in.answers["GET /api/v1/grants"] = Said(body=page(grant(**changed)))
    for words in (["list"], ["configure", "--dry-run"], ["credentials", "data-analyst"]):
        assert say(*words).code == 5


def test_a_redirect_is_never_followed(say: Say, signed_in: ScriptedPortal) -> None:
    with scripted_portal() as other:
        signed_in.answers["GET /api/v1/me"] = Said(302, "", {"Location": f"{other.url}/api/v1/me"})
        ran = say("whoami")
        assert ran.code == 5
        assert f"leads on to {other.url}" in ran.line
        assert other.calls == []


def test_a_busy_portal_is_asked_again(
    say: Say, signed_in: ScriptedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("portal.cli.web.time.sleep", slept.append)
    busy = problem(503, "busy", "Others are asking", headers={"Retry-After": "3"})
    signed_in.answers[CREDENTIALS] = [busy, busy, Said(201, credentials())]
    assert say("credentials", "data-analyst").code == 0
    assert slept == [3.0, 3.0]
    signed_in.answers[CREDENTIALS] = busy
    ran = say("credentials", "data-analyst")
    assert (ran.code, ran.line) == (5, "Others are asking. Try again in 3 s.")
    assert len(slept) == 2 + 6, "for 20 seconds at most"


def test_a_token_goes_to_its_own_portal_alone(say: Say, portal: ScriptedPortal, home: Path) -> None:
    folder = home / ".config" / "sallyport"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "tokens.json").write_text(f'{{"{portal.url}": "{TOKEN}"}}')
    (folder / "tokens.json").chmod(0o600)
    (folder / "config.json").write_text(
        f'{{"portal": "{portal.url}", "portals": {{"{portal.url}": {{"kept": "file"}}}}}}'
    )
    assert say("whoami").code == 0
    assert portal.calls[-1][2]["Authorization"] == f"Bearer {TOKEN}"
    with scripted_portal() as other:
        assert say("whoami", "--portal", other.url).code == 3
        assert other.calls == []


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("http://portal.example", "give its https address"),
        ("ftp://portal.example", "is no address of a portal"),
        ("https://user:pass@portal.example", "has no user, query or fragment"),
        ("https://portal.example/?a=b", "has no user, query or fragment"),
        ("https://portal.example:port", "is no address of a portal"),
        ("not an address", "is no address of a portal"),
        ("https://", "is no address of a portal"),
    ],
)
def test_an_address_that_is_none(say: Say, monkeypatch: pytest.MonkeyPatch, url: str, part: str) -> None:
    monkeypatch.setenv("SALLYPORT_TOKEN", TOKEN)
    ran = say("whoami", "--portal", url)
    assert ran.code == 2
    assert part in ran.line
    assert "pass" not in ran.line


def test_a_certificate_must_be_from_somebody_known(
    say: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = Authority().issue(tmp_path, ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ours.certificate, ours.key)
    monkeypatch.setenv("SALLYPORT_TOKEN", TOKEN)
    with scripted_portal(context=context) as portal:
        url = f"https://127.0.0.1:{portal.port}"
        assert "Give your company's authority" in say("whoami", "--portal", url).line
        assert say("whoami", "--portal", url).code == 5
        assert say("whoami", "--portal", url, "--ca", str(ours.authority)).code == 0
        other = f"https://localhost:{portal.port}"
        wrong = say("whoami", "--portal", other, "--ca", str(ours.authority))
        assert (wrong.code, "for another name" in wrong.line) == (5, True)
        assert len(portal.calls) == 1
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    assert say("whoami", "--portal", url, "--ca", str(nothing)).code == 1
    assert say("whoami", "--portal", url, "--ca", str(tmp_path / "none.pem")).code == 2


def test_http_where_tls_is_meant(say: Say, portal: ScriptedPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALLYPORT_TOKEN", TOKEN)
    ran = say("whoami", "--portal", f"https://127.0.0.1:{portal.port}")
    assert ran.code == 5
    assert "it speaks no TLS there" in ran.line


def test_what_nobody_foresaw_is_a_line_too(
    say: Say, signed_in: ScriptedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(TOKEN)

    monkeypatch.setattr(web.Web, "call", broken)
    ran = say("whoami")
    assert ran.code == 1
    assert "RuntimeError in broken" in ran.line


def test_ctrl_c_is_a_line(say: Say, signed_in: ScriptedPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(web.Web, "call", interrupted)
    ran = say("whoami")
    assert (ran.code, ran.err.strip()) == (130, "sallyport: interrupted.")
