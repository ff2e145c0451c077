"""What a provider says of itself: whose document counts, and where no secret goes."""

import socket
from functools import partial
from typing import Any

import pytest

from brokers.errors import IdentityUnavailable
from brokers.http import GuardedHttp
from brokers.oidc import RelyingParty, kept
from brokers.oidc.discovery import read
from brokers.types import CheckStep
from tests.oidc_forge import Forge
from tests.oidc_forge.provider import guarded
from tests.unit.brokers.oidc.visits import sign_in


def begin_problem(party: RelyingParty, forge: Forge) -> IdentityUnavailable:
    with pytest.raises(IdentityUnavailable) as problem:
        party.begin(forge.provider(), state="s")
    return problem.value


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": None},
        {"issuer": "https://idp.other.test"},
        {"issuer": "http://127.0.0.1"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "http://idp.example.test/auth"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "http://idp.example.test/token"},
        {"token_endpoint": "https://user:pw@idp.example.test/token"},
        {"token_endpoint": 7},
        {"token_endpoint": "https://[idp.example.test/token"},
        {"jwks_uri": "http://idp.example.test/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"userinfo_endpoint": "http://idp.example.test/me"},
        {"end_session_endpoint": "http://idp.example.test/end"},
        {"response_types_supported": ["id_token"]},
        {"id_token_signing_alg_values_supported": ["HS256", "none"]},
    ],
)
def test_a_document_that_must_not_count(party: RelyingParty, forge: Forge, document: dict[str, Any]) -> None:
    forge.document = document
    assert begin_problem(party, forge).reason == "discovery"


def test_its_neighbours(forge: Forge) -> None:
    told = forge.described()
    assert read(forge.issuer, told).token_endpoint == f"{forge.issuer}/token"
    less = {name: value for name, value in told.items() if name.endswith(("issuer", "endpoint", "uri"))}
    assert read(forge.issuer, less).token_auth_methods == ("client_secret_basic",)
    assert read(forge.issuer, {**told, "token_endpoint": "https://idp.example.test/t"}).sends_issuer is False


def test_the_issuer_counts_to_the_letter(forge: Forge) -> None:
    with pytest.raises(IdentityUnavailable):
        read(f"{forge.issuer}/", forge.described())
    with pytest.raises(IdentityUnavailable, match="tenantid"):
        read(
            "https://login.microsoftonline.com/common/v2.0",
            {"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"},
        )


def test_a_provider_in_a_private_network_is_not_asked(forge: Forge) -> None:
    assert begin_problem(RelyingParty(GuardedHttp(protocol="oidc")), forge).code == "oidc.address"
    assert forge.asked.total() == 0


def test_a_document_that_leads_into_a_private_network(forge: Forge, party: RelyingParty) -> None:
    forge.document = {"token_endpoint": "https://169.254.169.254/latest", "jwks_uri": "https://10.0.0.1/jwks"}
    with pytest.raises(IdentityUnavailable) as problem:
        sign_in(party, forge)
    assert problem.value.code == "oidc.address"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((200, b"rubbish"), "malformed"),
        ((200, []), "malformed"),
        ((200, b"[" * 100_000), "malformed"),
        ((200, b" " * 300_000), "malformed"),
        ((302, {}), "malformed"),
        ((404, {}), "malformed"),
        ((429, {}), "busy"),
        ((500, {}), "busy"),
    ],
)
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/token"])
def test_rubbish_is_told_from_refusals(
    forge: Forge, party: RelyingParty, path: str, answer: tuple[int, object], reason: str
) -> None:
    forge.answers[path] = lambda _: answer
    if path == "/token" and answer[0] == 404:
        return  # an answer about the code
    with pytest.raises(IdentityUnavailable) as problem:
        sign_in(party, forge)
    assert problem.value.reason == reason


def test_a_provider_that_is_down_is_not_asked_by_everybody_at_once(
    forge: Forge, party: RelyingParty, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge.answers["/.well-known/openid-configuration"] = lambda _: (500, {})
    assert [begin_problem(party, forge).reason for _ in range(3)] == ["busy"] * 3
    assert forge.asked.total() == 1
    forge.answers.clear()
    monkeypatch.setattr(kept, "FAILURE_LIFE", 0.0)
    assert party.begin(forge.provider(), state="s").nonce


def test_only_so_many_providers_are_remembered(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 1)
    remembered = kept.Kept[str](60.0)
    values = iter(["first", "second", "third"])
    got = [remembered.get(key, lambda: next(values)) for key in ("a", "a", "b", "a")]
    assert got == ["first", "first", "second", "third"]


def test_stopped_and_slow(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    forge.slow = 0.5
    monkeypatch.setattr("brokers.sockets.READ_SECONDS", 0.1)
    assert begin_problem(RelyingParty(guarded()), forge).reason == "timeout"
    with socket.create_server(("127.0.0.1", 0)) as closed:
        forge.issuer = f"http://127.0.0.1:{closed.getsockname()[1]}"
    assert begin_problem(RelyingParty(guarded()), forge).reason == "unreachable"


# ---------------------------------------------------------------- for the admin


def steps(forge: Forge, party: RelyingParty, **changes: Any) -> dict[str, CheckStep]:
    walked = {step.name: step for step in party.check(forge.provider(**changes))}
    assert all(bool(step.advice) is not step.is_ok for step in walked.values())
    return walked


def _same(answer: tuple[int, object], _: object) -> tuple[int, object]:
    return answer


def failed(walked: dict[str, CheckStep]) -> list[str]:
    return [name for name, step in walked.items() if not step.is_ok]


def test_all_steps_of_a_good_provider(forge: Forge, party: RelyingParty) -> None:
    walked = steps(forge, party)
    assert list(walked) == ["Address", "Reachable", "TLS", "Discovery", "Keys", "Clock", "PKCE", "Client"]
    assert failed(walked) == []


@pytest.mark.parametrize(
    ("document", "answers", "expected"),
    [
        ({"issuer": "https://idp.other.test"}, {}, ["Discovery"]),
        ({}, {"/.well-known/openid-configuration": (404, {})}, ["Discovery"]),
        ({}, {"/jwks": (200, {"keys": []})}, ["Keys"]),
        ({}, {"/jwks": (500, {})}, ["Keys"]),
        ({"code_challenge_methods_supported": ["plain"]}, {}, ["PKCE"]),
        ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, {}, ["Client"]),
        ({"token_endpoint": "https://10.0.0.1/token"}, {}, ["Client"]),
        ({}, {"/token": (500, {})}, []),
    ],
)
def test_the_step_that_fails(
    forge: Forge, party: RelyingParty, document: dict[str, Any], answers: dict[str, Any], expected: list[str]
) -> None:
    forge.document = document
    for path, answer in answers.items():
        forge.answers[path] = partial(_same, answer)
    assert failed(steps(forge, party)) == expected


def test_a_wrong_secret_a_wrong_clock_and_no_way_there(forge: Forge, party: RelyingParty) -> None:
    assert failed(steps(forge, party, client_secret="wrong")) == ["Client"]
    forge.date = "Mon, 01 Jan 2024 00:00:00 GMT"
    assert failed(steps(forge, party)) == ["Clock"]
    forge.date = "yesterday"
    assert "Clock" not in steps(forge, party)
    assert list(steps(forge, party, issuer="ftp://x")) == ["Address"]
    walked = steps(forge, party, issuer="http://127.0.0.1:9")
    assert (list(walked), failed(walked)) == (["Address", "Reachable"], ["Reachable"])
    walked = steps(forge, party, issuer=forge.issuer.replace("http:", "https:"))
    assert failed(walked) == ["TLS"]
