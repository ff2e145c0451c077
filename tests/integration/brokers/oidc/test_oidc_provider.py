"""The broker against the certified provider: a whole sign-in without a browser; stopped, it says nothing."""

import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

from brokers.errors import IdentityUnavailable, SignInRejected
from brokers.oidc import RelyingParty
from brokers.types import OidcIdentity, OidcProvider, OidcRequest
from tests.oidc_forge.provider import guarded
from tests.servers.oidc_provider import CLIENT_ID, CLIENT_SECRET, MFA, OidcServer, running_oidc_provider

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("oidc-provider")]
REDIRECT_URI = "http://localhost:8000/sign-in/oidc/callback"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcServer]:
    with running_oidc_provider(tmp_path_factory.mktemp("oidc"), redirect_uris=[REDIRECT_URI]) as running:
        yield running


@pytest.fixture
def provider(server: OidcServer) -> OidcProvider:
    return OidcProvider(server.issuer, CLIENT_ID, CLIENT_SECRET, redirect_uri=REDIRECT_URI)


@pytest.fixture
def party() -> RelyingParty:
    return RelyingParty(guarded())


class NoRedirectToUs(urllib.request.HTTPRedirectHandler):
    """Stops where the browser would come back: the portal isn't there."""

    def redirect_request(self, *given: Any) -> urllib.request.Request | None:
        return None if given[-1].startswith(REDIRECT_URI) else super().redirect_request(*given)


def log_in(asked: OidcRequest, user: str) -> dict[str, str]:
    """Follow the request as a browser would, and return the parameters of the answer."""
    browser = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), NoRedirectToUs, urllib.request.HTTPCookieProcessor(CookieJar())
    )
    with browser.open(asked.url, timeout=30) as page:
        address = page.geturl()
        assert "Sign in at the provider" in page.read().decode()
    form = urllib.parse.urlencode({"login": user, "password": f"{user}pass"}).encode()
    with pytest.raises(urllib.error.HTTPError) as led_on:
        browser.open(address, form, timeout=30)
    told = urllib.parse.urlsplit(led_on.value.headers["Location"])
    return dict(urllib.parse.parse_qsl(told.query))


def finish(
    party: RelyingParty, provider: OidcProvider, asked: OidcRequest, answer: dict[str, str], **more: Any
) -> OidcIdentity:
    known = {"code": answer["code"], "issuer": answer["iss"], "nonce": asked.nonce}
    return party.finish(
        provider, **{**known, "code_verifier": asked.code_verifier, "at": datetime.now(UTC), **more}
    )


def test_a_whole_sign_in(party: RelyingParty, provider: OidcProvider) -> None:
    asked = party.begin(provider, state="state")
    answer = log_in(asked, "alice")
    assert (answer["state"], answer["iss"]) == ("state", provider.issuer)
    with pytest.raises(SignInRejected) as problem:
        finish(party, provider, asked, {**answer, "iss": ""})
    assert problem.value.code == "oidc.response_issuer"
    identity = finish(party, provider, asked, answer)
    assert identity.subject == "alice"
    assert identity.claims["groups"] == ["staff", "payments"]
    assert identity.claims["email"] == "alice@example.test"
    assert datetime.now(UTC) - identity.authenticated_at < timedelta(minutes=1)
    with pytest.raises(SignInRejected) as problem:
        finish(party, provider, asked, answer)
    assert problem.value.code == "oidc.code"


def test_another_requests_verifier(party: RelyingParty, provider: OidcProvider) -> None:
    mine, theirs = (party.begin(provider, state="s") for _ in range(2))
    answer = log_in(theirs, "alice")
    with pytest.raises(SignInRejected) as problem:
        finish(party, provider, mine, answer)
    assert problem.value.code == "oidc.code"


def test_a_fresh_second_factor(party: RelyingParty, provider: OidcProvider) -> None:
    since = datetime.now(UTC)
    asked = party.begin(provider, state="s", acr=MFA, fresh=True)
    answer = log_in(asked, "bob")
    identity = finish(party, provider, asked, answer, fresh_since=since)
    assert MFA in identity.contexts
    assert identity.authenticated_at >= since - timedelta(seconds=1)


def test_all_steps_are_good_and_a_wrong_secret_is_told(party: RelyingParty, provider: OidcProvider) -> None:
    assert [step.name for step in party.check(provider) if not step.is_ok] == []
    wrong = OidcProvider(provider.issuer, CLIENT_ID, "wrong", redirect_uri=REDIRECT_URI)
    assert [step.name for step in party.check(wrong) if not step.is_ok] == ["Client"]


def test_where_it_signs_out(party: RelyingParty, provider: OidcProvider) -> None:
    url = party.logout_url(provider, id_token="", return_to="http://localhost:8000/sign-in/")
    assert url is not None
    assert re.match(rf"{provider.issuer}/session/end\?client_id=sallyport&post_logout_redirect_uri=http", url)


def test_stopped_in_the_middle(party: RelyingParty, tmp_path: Path) -> None:
    with running_oidc_provider(tmp_path, redirect_uris=[REDIRECT_URI]) as server:
        provider = OidcProvider(server.issuer, CLIENT_ID, CLIENT_SECRET, redirect_uri=REDIRECT_URI)
        asked = party.begin(provider, state="s")
        answer = log_in(asked, "alice")
    with pytest.raises(IdentityUnavailable) as problem:
        finish(party, provider, asked, answer)
    assert problem.value.code == "oidc.unreachable"
