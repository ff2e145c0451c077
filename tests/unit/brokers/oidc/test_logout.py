"""Logout: tokens by the back channel (Back-Channel Logout 1.0, 2.6), and where a browser is sent."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from brokers.errors import SignInRejected
from brokers.oidc import RelyingParty, claims
from brokers.oidc.discovery import Discovered
from brokers.oidc.logout import logout_url
from brokers.types import OidcLogout, OidcProvider
from tests.oidc_forge import Forge, Signer, key_of
from tests.oidc_forge.provider import LOGOUT_EVENT
from tests.unit.brokers.oidc.visits import sign_in

NOW = datetime.now(UTC)


def told(party: RelyingParty, forge: Forge, **changes: Any) -> OidcLogout:
    changes = {name: value() if callable(value) else value for name, value in changes.items()}
    return party.read_logout(forge.provider(), forge.logout_token(**changes), at=datetime.now(UTC))


def seconds(distance: int) -> Callable[[], int]:
    return lambda: int(time.time()) + distance


def test_a_logout_is_read(party: RelyingParty, forge: Forge) -> None:
    logout = told(party, forge, jti="one")
    assert (logout.token_id, logout.subject, logout.session_id) == ("one", "alice", "session-1")
    assert logout.valid_until > datetime.now(UTC)
    assert told(party, forge, sub=None).subject == ""
    assert told(party, forge, sid=None).session_id == ""
    assert told(party, forge, signer=Signer(header={"typ": "JWT"})).subject == "alice"
    assert told(party, forge, signer=Signer()).subject == "alice"


ATTACKS: dict[str, tuple[str, dict[str, Any], str]] = {
    "another issuer": ("issuer", {"iss": "https://idp.other.test"}, "registered"),
    "another audience": ("audience", {"aud": "other"}, "registered"),
    "another audience, with azp": ("audience", {"aud": "other", "azp": "sallyport"}, "registered"),
    "several audiences": ("authorized_party", {"aud": ["sallyport", "other"]}, "audience"),
    "expired": ("expiry", {"exp": seconds(-61)}, "registered"),
    "no expiry": ("expiry", {"exp": None}, ""),
    "never issued": ("issued_at", {"iat": None}, ""),
    "issued long ago": ("issued_at", {"iat": seconds(-700)}, "age"),
    "no id of its own": ("token_id", {"jti": None}, ""),
    "an id that is none": ("token_id", {"jti": ""}, ""),
    "an id that is too long": ("token_id", {"jti": "x" * 256}, "token_id"),
    "no event": ("events", {"events": None}, "events"),
    "another event": ("events", {"events": {"https://x.test/event": {}}}, "events"),
    "an event that is no object": ("events", {"events": {LOGOUT_EVENT: True}}, "events"),
    "a nonce": ("nonce", {"nonce": "an ID token's"}, "no_nonce"),
    "nobody": ("session", {"sub": None, "sid": None}, "whom"),
    "another's key": ("signature", {"signer": Signer(key=key_of("attacker"))}, ""),
    "alg none": ("algorithm", {"signer": Signer("none", signature=b"")}, ""),
    "its own key": ("header", {"signer": Signer(header={"jku": "https://evil.test"})}, ""),
    "an access token": ("type", {"signer": Signer(header={"typ": "at+jwt"})}, ""),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_logout_that_must_not_count(
    party: RelyingParty, forge: Forge, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason, changes, check = ATTACKS[name]
    with pytest.raises(SignInRejected) as problem:
        told(party, forge, **changes)
    assert problem.value.code == f"oidc.{reason}"
    if check:
        left = tuple(entry for entry in claims.LOGOUT_CHECKS if entry[0] != check)
        assert len(left) == len(claims.LOGOUT_CHECKS) - 1
        monkeypatch.setattr(claims, "LOGOUT_CHECKS", left)
        assert told(party, forge, **changes)


def test_an_id_token_is_no_logout_token_and_the_other_way_round(party: RelyingParty, forge: Forge) -> None:
    token = sign_in(party, forge).id_token
    with pytest.raises(SignInRejected) as problem:
        party.read_logout(forge.provider(), token, at=datetime.now(UTC))
    assert problem.value.code == "oidc.token_id"
    plain = forge.logout_token(signer=Signer())
    forge.answers["/token"] = lambda _: (200, {"id_token": plain})
    with pytest.raises(SignInRejected) as problem:
        sign_in(party, forge)
    assert problem.value.code == "oidc.nonce"


# ---------------------------------------------------------------- the browser's own


def test_where_the_browser_is_sent(party: RelyingParty, forge: Forge) -> None:
    back = "https://access.example.test/signed-out"
    sent = party.logout_url(forge.provider(), id_token="a.b.c", return_to=back)
    assert sent == (
        f"{forge.issuer}/end?client_id=sallyport&post_logout_redirect_uri="
        "https%3A%2F%2Faccess.example.test%2Fsigned-out&id_token_hint=a.b.c"
    )
    without = party.logout_url(forge.provider(), id_token="", return_to=back)
    assert without is not None
    assert "hint" not in without


@pytest.mark.parametrize("end", ["", "https://pool.auth.eu-west-1.amazoncognito.com/logout"])
def test_cognito_has_a_logout_of_its_own(end: str) -> None:
    issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc"
    host = "https://pool.auth.eu-west-1.amazoncognito.com"
    found = Discovered(
        issuer, f"{host}/oauth2/authorize", f"{host}/token", f"{issuer}/jwks", end_session_endpoint=end
    )
    url = logout_url(OidcProvider(issuer, "client"), found, id_token="secret", return_to="https://p.test/")
    assert url == f"{host}/logout?client_id=client&logout_uri=https%3A%2F%2Fp.test%2F"


def test_a_provider_without_a_logout() -> None:
    google = "https://accounts.google.com"
    found = Discovered(google, f"{google}/auth", f"{google}/token", f"{google}/jwks")
    assert logout_url(OidcProvider(google, "c"), found, id_token="", return_to="https://p.test/") is None
    queried = Discovered(
        google, f"{google}/a", f"{google}/t", f"{google}/j", end_session_endpoint=f"{google}/end?x=1"
    )
    url = logout_url(OidcProvider(google, "c"), queried, id_token="", return_to="https://p.test/")
    assert url is not None
    assert "end?x=1&client_id=c" in url
