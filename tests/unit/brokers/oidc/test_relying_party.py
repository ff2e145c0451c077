"""The accepted way and the messages of it: what is asked, who may answer, which keys count, what is believed."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from brokers.errors import IdentityUnavailable, SignInRejected
from brokers.oidc import RelyingParty, kept, relying_party
from tests.oidc_forge import Forge, Signer, key_of, public_jwk
from tests.oidc_forge.tokens import at_hash
from tests.unit.brokers.oidc.visits import come_back, sign_in


def refused(problem: pytest.ExceptionInfo[SignInRejected]) -> str:
    return problem.value.code


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_the_request_always_has_pkce_state_and_nonce(party: RelyingParty, forge: Forge) -> None:
    first, second = (party.begin(forge.provider(scopes="groups"), state=state) for state in ("one", "two"))
    told = query(first.url)
    assert first.url.startswith(f"{forge.issuer}/auth?")
    assert (told["response_type"], told["state"], told["nonce"]) == ("code", "one", first.nonce)
    assert (told["scope"], told["code_challenge_method"]) == ("openid groups", "S256")
    assert "max_age" not in told
    assert first.code_verifier not in first.url
    assert len({first.nonce, second.nonce, first.code_verifier, second.code_verifier}) == 4
    assert first.nonce not in repr(first)
    assert first.code_verifier not in repr(first)


def test_a_fresh_second_factor_is_asked_for_by_name(party: RelyingParty, forge: Forge) -> None:
    told = query(party.begin(forge.provider(), state="s", acr="urn:mfa", fresh=True).url)
    assert (told["acr_values"], told["max_age"], told["prompt"]) == ("urn:mfa", "0", "login")


def test_what_a_sign_in_proves(party: RelyingParty, forge: Forge) -> None:
    forge.userinfo = {"email": "alice@example.test", "groups": ["staff"], "acr": "forged", "iss": "forged"}
    signed_in_at = int(time.time()) - 100
    identity = sign_in(party, forge, acr="urn:mfa", amr=["pwd", "otp", 7], auth_time=signed_in_at)
    assert (identity.subject, identity.issuer, identity.session_id) == ("alice", forge.issuer, "session-1")
    assert identity.contexts == ("urn:mfa", "pwd", "otp")
    assert identity.authenticated_at == datetime.fromtimestamp(signed_in_at, UTC)
    assert identity.expires_at > datetime.now(UTC)
    # Userinfo adds; what was signed stands.
    assert identity.claims["groups"] == ["staff"]
    assert (identity.claims["acr"], identity.claims["iss"]) == ("urn:mfa", forge.issuer)
    assert identity.id_token
    assert identity.id_token not in repr(identity)


@pytest.mark.parametrize(
    ("alg", "kind", "bits"),
    [
        *((f"{family}{bits}", "RSA", bits) for family in ("RS", "PS") for bits in (256, 384, 512)),
        ("ES256", "P-256", 256),
        ("ES384", "P-384", 384),
        ("EdDSA", "Ed25519", 512),
        ("Ed25519", "Ed25519", 512),
    ],
)
def test_the_algorithms_that_count(
    *, party: RelyingParty, forge: Forge, alg: str, kind: str, bits: int, recwarn: pytest.WarningsRecorder
) -> None:
    key = key_of("any", kind)
    forge.keys = [
        public_jwk(key),
        {"kty": "AKP", "kid": "of tomorrow"},
        {"kty": "RSA"},
        public_jwk(key, "broken", kty="RSA", n=7),
    ]
    forge.document = {"id_token_signing_alg_values_supported": [alg]}
    told: dict[str, Any] = {"access_token": "token", "at_hash": at_hash("token", bits)}
    assert sign_in(party, forge, signer=Signer(alg, key), **told).subject == "alice"
    with pytest.raises(SignInRejected) as problem:
        sign_in(party, forge, signer=Signer(alg, key), **{**told, "at_hash": at_hash("other", bits)})
    assert refused(problem) == "oidc.access_token_hash"
    assert not [warning for warning in recwarn if "EdDSA" in str(warning.message)]


# ---------------------------------------------------------------- the code


def test_a_code_counts_once(party: RelyingParty, forge: Forge) -> None:
    provider, asked = forge.provider(), party.begin(forge.provider(), state="s")
    code = forge.sign_in(asked.url)["code"]
    assert come_back(party, provider, asked, code).subject == "alice"
    with pytest.raises(SignInRejected) as problem:
        come_back(party, provider, asked, code)
    assert refused(problem) == "oidc.code"


def test_a_code_of_another_request_is_refused_by_its_verifier(party: RelyingParty, forge: Forge) -> None:
    provider = forge.provider()
    mine, theirs = party.begin(provider, state="s"), party.begin(provider, state="s")
    stolen = forge.sign_in(theirs.url)["code"]
    with pytest.raises(SignInRejected) as problem:
        come_back(party, provider, mine, stolen)
    assert refused(problem) == "oidc.code"


def test_where_the_provider_takes_any_verifier_the_nonce_still_refuses_it(
    party: RelyingParty, forge: Forge
) -> None:
    provider = forge.provider()
    mine, theirs = party.begin(provider, state="s"), party.begin(provider, state="s")
    stolen = forge.sign_in(theirs.url)["code"]
    with pytest.raises(SignInRejected) as problem:
        come_back(party, provider, mine, stolen, code_verifier=theirs.code_verifier)
    assert refused(problem) == "oidc.nonce"


@pytest.mark.parametrize("body", [b"<html>", {"error": 7}, {}])
def test_a_refusal_without_words_is_one(party: RelyingParty, forge: Forge, body: object) -> None:
    forge.answers["/token"] = lambda _: (400, body)
    with pytest.raises(SignInRejected) as problem:
        sign_in(party, forge)
    assert (refused(problem), problem.value.detail) == ("oidc.code", "HTTP 400")


def test_a_claim_of_a_form_that_nobody_expects(party: RelyingParty, forge: Forge) -> None:
    claims: dict[str, Any] = {"at_hash": [1], "access_token": "token"}
    with pytest.raises(SignInRejected) as problem:
        sign_in(party, forge, **claims)
    assert refused(problem) in {"oidc.claims", "oidc.access_token_hash"}


def test_a_nonce_that_was_never_made_is_no_nonce(party: RelyingParty, forge: Forge) -> None:
    provider, asked = forge.provider(), party.begin(forge.provider(), state="s")
    code = forge.sign_in(asked.url, nonce=None)["code"]
    with pytest.raises(SignInRejected) as problem:
        come_back(party, provider, asked, code, nonce="")
    assert refused(problem) == "oidc.nonce"


@pytest.mark.parametrize(
    ("announced", "told", "reason"),
    [
        (True, "own", ""), (True, "", "oidc.response_issuer"), (True, "https://idp.other.test", "oidc.response_issuer"),
        (False, "", ""), (False, "own", ""), (False, "https://idp.other.test", "oidc.response_issuer"),
    ],
)  # fmt: skip
def test_the_answers_issuer(
    party: RelyingParty, forge: Forge, announced: bool, told: str, reason: str
) -> None:
    forge.document = {"authorization_response_iss_parameter_supported": announced}
    provider, asked = forge.provider(), party.begin(forge.provider(), state="s")
    code = forge.sign_in(asked.url)["code"]
    issuer = forge.issuer if told == "own" else told
    if not reason:
        assert come_back(party, provider, asked, code, issuer=issuer).subject == "alice"
        return
    with pytest.raises(SignInRejected) as problem:
        come_back(party, provider, asked, code, issuer=issuer)
    assert refused(problem) == reason
    assert forge.asked["/token"] == 0  # the code goes to nobody


@pytest.mark.parametrize(
    ("methods", "secret", "clients", "works"),
    [
        (None, "s3:c r", {"sallyport": "s3:c r"}, True),
        (["client_secret_basic"], "s3:c r", {"sallyport": "s3:c r"}, True),
        (["client_secret_post", "private_key_jwt"], "s3:c r", {"sallyport": "s3:c r"}, True),
        (["none"], None, {"sallyport": None}, True),
        (["private_key_jwt"], "s3:c r", {"sallyport": "s3:c r"}, False),
        (None, "wrong", {"sallyport": "s3:c r"}, False),
        (None, None, {"sallyport": "s3:c r"}, False),
    ],
)
def test_how_the_client_proves_itself(
    *,
    party: RelyingParty,
    forge: Forge,
    methods: list[str] | None,
    secret: str | None,
    clients: dict[str, str | None],
    works: bool,
) -> None:
    forge.document, forge.clients = {"token_endpoint_auth_methods_supported": methods}, clients
    provider = forge.provider(client_secret=secret)
    if works:
        assert sign_in(party, forge, provider=provider).subject == "alice"
        return
    with pytest.raises(IdentityUnavailable) as problem:
        sign_in(party, forge, provider=provider)
    assert problem.value.code == "oidc.client"
    assert "s3:c r" not in str(problem.value)


@pytest.mark.parametrize(
    "tokens",
    [{}, {"id_token": None}, {"id_token": 7}, {"id_token": ""}, {"id_token": "x", "access_token": 7}],
)
def test_an_answer_without_an_id_token(party: RelyingParty, forge: Forge, tokens: dict[str, object]) -> None:
    forge.answers["/token"] = lambda _: (200, tokens)
    with pytest.raises(SignInRejected) as problem:
        sign_in(party, forge)
    assert refused(problem) == "oidc.tokens"


@pytest.mark.parametrize(
    "token", ["x", "a.b", "a.b.c.d", "é.é.é", "W10.W10.W10", "e30.e30.e30", "bnVsbA.e30.e30"]
)
def test_a_token_that_is_none(party: RelyingParty, forge: Forge, token: str) -> None:
    forge.answers["/token"] = lambda _: (200, {"id_token": token})
    with pytest.raises(SignInRejected) as problem:
        sign_in(party, forge)
    assert refused(problem) == "oidc.malformed"


@pytest.mark.parametrize("claims", [b"[]", b"null", b"rubbish", b'{"exp": NaN}', b"[" * 40000])
def test_claims_that_are_none(party: RelyingParty, forge: Forge, claims: bytes) -> None:
    from tests.oidc_forge import sign  # noqa: PLC0415  # beside its one use

    forge.answers["/token"] = lambda _: (200, {"id_token": sign(claims, Signer())})
    with pytest.raises(SignInRejected) as problem:
        sign_in(party, forge)
    assert refused(problem) == "oidc.malformed"


def test_a_token_has_a_size(party: RelyingParty, forge: Forge) -> None:
    assert sign_in(party, forge, more="x" * 20000).subject == "alice"
    for size in (50000, 70000):
        with pytest.raises(SignInRejected) as problem:
            sign_in(party, forge, more="x" * size)
        assert refused(problem) == "oidc.size"


# ---------------------------------------------------------------- userinfo


def test_userinfo_of_somebody_else(party: RelyingParty, forge: Forge) -> None:
    forge.userinfo = {"sub": "mallory", "groups": ["admins"]}
    with pytest.raises(SignInRejected) as problem:
        sign_in(party, forge)
    assert refused(problem) == "oidc.userinfo_subject"
    forge.userinfo = {"sub": "alice"}
    assert sign_in(party, forge).subject == "alice"


def test_when_somebody_signed_in_is_the_id_tokens_to_say(party: RelyingParty, forge: Forge) -> None:
    forge.userinfo = {"auth_time": 1, "groups": ["staff"]}
    assert "auth_time" not in sign_in(party, forge, auth_time=None).claims
    assert sign_in(party, forge, auth_time=int(time.time())).claims["auth_time"] > 1


def test_userinfo_that_fails_signs_nobody_in(party: RelyingParty, forge: Forge) -> None:
    """Its groups may be all there are: to go on without would take them away."""
    forge.answers["/me"] = lambda _: (503, {})
    with pytest.raises(IdentityUnavailable) as problem:
        sign_in(party, forge)
    assert problem.value.reason == "busy"


def test_no_userinfo_where_there_is_none(forge: Forge, party: RelyingParty) -> None:
    forge.document = {"userinfo_endpoint": None}
    assert sign_in(party, forge).subject == "alice"
    assert forge.asked["/me"] == 0


# ---------------------------------------------------------------- keys


def test_keys_are_kept_and_a_new_one_is_found_by_one_look(
    party: RelyingParty, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(party, forge)
    sign_in(party, forge)
    assert (forge.asked["/jwks"], forge.asked["/.well-known/openid-configuration"]) == (1, 1)
    forge.keys = [public_jwk(key_of()), public_jwk(key_of("second"), "second")]
    second = Signer(key=key_of("second"), kid="second")
    # Within a minute nobody makes the portal ask again, however often they try.
    for _ in range(3):
        with pytest.raises(SignInRejected) as problem:
            sign_in(party, forge, signer=second)
        assert refused(problem) == "oidc.key"
    assert forge.asked["/jwks"] == 1
    monkeypatch.setattr(relying_party, "REFRESH_SECONDS", 0.0)
    assert sign_in(party, forge, signer=second).subject == "alice"
    assert forge.asked["/jwks"] == 2
    # The old one counts beside the new one, until it is taken away and the kept ones are old.
    assert sign_in(party, forge).subject == "alice"


def test_a_key_that_was_taken_away_stops_counting(
    forge: Forge, monkeypatch: pytest.MonkeyPatch, party: RelyingParty
) -> None:
    sign_in(party, forge)
    forge.keys = [public_jwk(key_of("second"), "second")]
    now = time.monotonic() + relying_party.KEYS_SECONDS + 1
    monkeypatch.setattr(kept.time, "monotonic", lambda: now)  # type: ignore[attr-defined]  # the module's own
    with pytest.raises(SignInRejected) as problem:
        sign_in(party, forge)
    assert refused(problem) == "oidc.key"


def test_one_key_without_a_name_needs_none(party: RelyingParty, forge: Forge) -> None:
    forge.keys = [public_jwk(key_of(), None)]
    assert sign_in(party, forge, signer=Signer(kid=None)).subject == "alice"


# ---------------------------------------------------------------- asked anew


def test_asked_anew_and_was(party: RelyingParty, forge: Forge) -> None:
    provider, since = forge.provider(), datetime.now(UTC)
    asked = party.begin(provider, state="s", fresh=True)
    code = forge.sign_in(asked.url)["code"]
    identity = come_back(party, provider, asked, code, fresh_since=since)
    assert identity.authenticated_at > since - timedelta(seconds=2)
