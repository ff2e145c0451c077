"""ID tokens that somebody hands over: refused as at a sign-in, but for what only whoever asked could know."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from brokers.errors import IdentityUnavailable, SignInRejected
from brokers.oidc import IdTokens, Reason, RelyingParty, claims
from brokers.types import OidcIdentity
from tests.oidc_forge import Forge, Signer, key_of, public_jwk, running_forge, sign
from tests.oidc_forge.provider import guarded
from tests.unit.brokers.oidc import corpus_claims, corpus_form
from tests.unit.brokers.oidc.corpus import Attack

AUDIENCE = "aws-app"
# Of the request, of the access token that came with it, and of how long ago that was: here there is none of it.
OF_A_SIGN_IN = {Reason.NONCE, Reason.ACCESS_TOKEN_HASH}
CORPUS = [
    attack
    for attack in corpus_form.CORPUS + corpus_claims.CORPUS
    if not OF_A_SIGN_IN & {reason for _, reason in attack.layers}
    and attack.name != "issued long ago"
    and not attack.fresh
]


@pytest.fixture(scope="module")
def server() -> Iterator[Forge]:
    with running_forge() as running:
        yield running


@pytest.fixture
def forge(server: Forge) -> Forge:
    server.asked.clear()
    server.keys = [public_jwk(key_of())]
    return server


@pytest.fixture
def read() -> IdTokens:
    return IdTokens(RelyingParty(guarded()))


def token(forge: Forge, signer: Signer | None = None, **changes: Any) -> str:
    told = forge.claims({"client_id": AUDIENCE, "nonce": "somebody else's"}, **changes)
    return sign(told, signer or Signer())


def held(forge: Forge, read: IdTokens, id_token: str, audience: str = AUDIENCE) -> OidcIdentity:
    # The portal's own client there has another name: what counts is whom the token is meant for.
    return read(forge.provider(), id_token, audience=audience, at=datetime.now(UTC))


def refusal(forge: Forge, read: IdTokens, id_token: str, audience: str = AUDIENCE) -> Reason:
    with pytest.raises(SignInRejected) as refused:
        held(forge, read, id_token, audience)
    assert refused.value.code == f"oidc.{refused.value.reason}"
    return Reason(refused.value.reason)


def changed(forge: Forge, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return an attack's claims, aimed at this audience."""
    told = {name: value(forge) if callable(value) else value for name, value in changes.items()}
    return {name: _aimed(value) if name in {"aud", "azp"} else value for name, value in told.items()}


def _aimed(value: Any) -> Any:
    if isinstance(value, list):
        return [_aimed(each) for each in value]
    return value.replace("sallyport", AUDIENCE) if isinstance(value, str) else value


def signed(forge: Forge, changes: Mapping[str, Any], signer: Callable[[Forge], Signer] | None) -> str:
    return token(forge, signer(forge) if signer else None, **changed(forge, changes))


@pytest.mark.parametrize("attack", CORPUS, ids=lambda attack: attack.name)
def test_refused_as_at_a_sign_in_and_its_neighbour_accepted(
    forge: Forge, read: IdTokens, attack: Attack
) -> None:
    forge.keys = [key() for key in attack.keys]
    expected = attack.layers[0][1]
    assert refusal(forge, read, signed(forge, attack.claims, attack.signer)) == expected
    neighbour = signed(forge, attack.neighbour, attack.neighbour_signer)
    assert held(forge, read, neighbour).subject == "alice"
    assert set(forge.asked) <= {"/.well-known/openid-configuration", "/jwks"}


def test_it_counts_until_it_is_over_however_old_it_is(forge: Forge, read: IdTokens) -> None:
    now = int(time.time())
    old = token(forge, iat=now - 36_000, exp=now + 60, auth_time=now - 36_000)
    assert held(forge, read, old).expires_at.timestamp() == now + 60
    assert refusal(forge, read, token(forge, iat=now - 36_000, exp=now - 61)) == Reason.EXPIRY


def test_no_nonce_is_asked_for(forge: Forge, read: IdTokens) -> None:
    assert held(forge, read, token(forge, nonce=None)).subject == "alice"


def test_the_portals_own_tokens_are_for_nobody_else(forge: Forge, read: IdTokens) -> None:
    """A token that a sign-in here gave is not meant for AWS; nor the other way round."""
    ours = token(forge, aud="sallyport")
    assert refusal(forge, read, ours) == Reason.AUDIENCE
    assert held(forge, read, ours, audience="sallyport")
    assert refusal(forge, read, token(forge), audience=f"{AUDIENCE}2") == Reason.AUDIENCE


def test_an_unknown_key_is_asked_for_once(forge: Forge, read: IdTokens) -> None:
    held(forge, read, token(forge))
    for _ in range(5):
        assert refusal(forge, read, token(forge, Signer(kid="never heard of"))) == Reason.KEY
    assert forge.asked["/jwks"] == 1  # not within a minute of the last look


def test_a_provider_that_is_away_refuses_nobody_for_good(read: IdTokens) -> None:
    with running_forge() as gone:
        id_token, provider = token(gone), gone.provider()
    with pytest.raises(IdentityUnavailable):
        read(provider, id_token, audience=AUDIENCE, at=datetime.now(UTC))


def test_more_than_aws_takes_is_refused(
    forge: Forge, read: IdTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_token = token(forge)
    monkeypatch.setattr("brokers.oidc.held.MAX_FOR_AWS", len(id_token) - 1)
    assert refusal(forge, read, id_token) == Reason.SIZE
    monkeypatch.setattr("brokers.oidc.held.MAX_FOR_AWS", len(id_token))
    assert held(forge, read, id_token)


def test_whose_it_claims_to_be_is_read_without_a_key(forge: Forge, read: IdTokens) -> None:
    assert read.claimed_issuer(token(forge)) == forge.issuer
    for bad in ("", "a.b", "a.b.c", "ä.ö.ü", sign(b"[]", Signer()), sign({"iss": 7}, Signer())):
        with pytest.raises(SignInRejected) as refused:
            read.claimed_issuer(bad)
        assert refused.value.reason == Reason.MALFORMED


@pytest.mark.parametrize("name", [name for name, _ in claims.HELD_CHECKS])
def test_every_check_is_needed(
    forge: Forge, read: IdTokens, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attacks: dict[str, dict[str, Any]] = {
        "registered": {"aud": "another"},
        "audience": {"aud": [AUDIENCE, "another"], "azp": "another"},
        "subject": {"sub": "al ice"},
        "auth_time": {"auth_time": int(time.time()) + 700},
    }
    bad = token(forge, **attacks[name])
    refusal(forge, read, bad)
    out = {name, "registered"} if name == "audience" else {name}  # Authlib judges azp as well
    left = tuple(check for check in claims.HELD_CHECKS if check[0] not in out)
    monkeypatch.setattr(claims, "HELD_CHECKS", left)
    assert held(forge, read, bad)
