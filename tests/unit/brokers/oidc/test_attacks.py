"""Each attack of the corpus: refused with its exact code, its neighbour accepted, red without the checks."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jws

from brokers.errors import SignInRejected
from brokers.oidc import Reason, RelyingParty, algorithms, claims, signature
from brokers.types import OidcIdentity
from tests.oidc_forge import Forge, running_forge
from tests.oidc_forge.provider import guarded
from tests.oidc_forge.tokens import Signer
from tests.unit.brokers.oidc import corpus_claims, corpus_form
from tests.unit.brokers.oidc.corpus import Attack

CORPUS = corpus_form.CORPUS + corpus_claims.CORPUS

TakeOut = Callable[[str], None]


@pytest.fixture(scope="module")
def server() -> Iterator[Forge]:
    with running_forge() as running:
        yield running


@pytest.fixture
def forge(server: Forge) -> Forge:
    server.asked.clear()
    return server


@pytest.fixture
def take_out(monkeypatch: pytest.MonkeyPatch) -> TakeOut:
    def out(layer: str) -> None:
        room, _, name = layer.partition(".")
        if layer == "key":
            monkeypatch.setattr(signature, "fitting", lambda keys, **_: list(keys)[:1])
        elif layer == "signature":
            monkeypatch.setattr(
                jws, "deserialize_compact", lambda token, *_, **__: jws.extract_compact(token.encode())
            )
        elif layer == "moment":
            real = claims.moment
            monkeypatch.setattr(
                claims, "moment", lambda told, name: datetime.now(UTC) if name == "exp" else real(told, name)
            )
        elif room == "signature":
            left = tuple(check for check in signature.HEADER_CHECKS if check.__name__ != name)
            assert len(left) == len(signature.HEADER_CHECKS) - 1
            monkeypatch.setattr(signature, "HEADER_CHECKS", left)
        else:
            kept = tuple(entry for entry in claims.CHECKS if entry[0] != name)
            assert len(kept) == len(claims.CHECKS) - 1
            monkeypatch.setattr(claims, "CHECKS", kept)

    return out


def visit(
    forge: Forge, attack: Attack, changes: Mapping[str, Any], signer: Callable[[Forge], Signer] | None
) -> OidcIdentity:
    """One whole sign-in, from the request to the verified token, by a relying party that has nothing kept."""
    forge.keys = [key() for key in attack.keys]
    party, provider, at = RelyingParty(guarded()), forge.provider(), datetime.now(UTC)
    asked = party.begin(provider, state="state", fresh=attack.fresh)
    told = {name: value(forge) if callable(value) else value for name, value in changes.items()}
    answer = forge.sign_in(asked.url, signer=signer(forge) if signer else None, **told)
    return party.finish(
        provider,
        code=answer["code"],
        issuer="",
        nonce=asked.nonce,
        code_verifier=asked.code_verifier,
        at=datetime.now(UTC),
        fresh_since=at if attack.fresh else None,
    )


def refusal(forge: Forge, attack: Attack) -> Reason:
    with pytest.raises(SignInRejected) as refused:
        visit(forge, attack, attack.claims, attack.signer)
    assert refused.value.code == f"oidc.{refused.value.reason}"
    # Whatever a header names, nothing of it was fetched.
    assert set(forge.asked) <= {"/.well-known/openid-configuration", "/jwks", "/token", "/me"}
    return Reason(refused.value.reason)


parametrized = pytest.mark.parametrize("attack", CORPUS, ids=lambda attack: attack.name)


@parametrized
def test_refused_with_its_code(forge: Forge, attack: Attack) -> None:
    assert refusal(forge, attack) == attack.layers[0][1]


@parametrized
def test_its_neighbour_is_accepted(forge: Forge, attack: Attack) -> None:
    assert visit(forge, attack, attack.neighbour, attack.neighbour_signer).subject == "alice"


@parametrized
def test_turns_red_when_its_checks_are_out(forge: Forge, attack: Attack, take_out: TakeOut) -> None:
    for layer, reason in attack.layers:
        assert refusal(forge, attack) == reason
        take_out(layer)
    if attack.then is not None:
        assert refusal(forge, attack) == attack.then
    else:
        visit(forge, attack, attack.claims, attack.signer)


def test_names_are_unique() -> None:
    assert len({attack.name for attack in CORPUS}) == len(CORPUS)


def test_every_check_has_an_attack() -> None:
    taken = {layer for attack in CORPUS for layer, _ in attack.layers}
    tabled = {f"claims.{name}" for name, _ in claims.CHECKS}
    tabled |= {f"signature.{check.__name__}" for check in signature.HEADER_CHECKS}
    assert tabled - taken == {"claims.asked_by_us"}  # test_relying_party.py is about it


def test_the_list_has_no_symmetric_algorithm() -> None:
    assert all(name.startswith(("RS", "PS", "ES", "Ed")) for name in algorithms.ALGORITHMS)
