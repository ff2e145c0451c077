"""A browser on its way to the forging OpenID provider and back."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client
from django.urls import reverse

from portal.directory.models import IdentityProvider, OidcSettings
from portal.kernel.sealing import seal
from tests.oidc_forge import Forge, Signer
from tests.oidc_forge.provider import CLIENT_ID, CLIENT_SECRET
from tests.world import Answer

OWN = ("scopes", "keeps_id_token", "issuer")


@dataclass(frozen=True)
class Asked:
    """What `begin` sent the browser to."""

    provider: IdentityProvider
    url: str
    query: dict[str, str]


def make_oidc_provider(forge: Forge, slug: str = "corp", **fields: Any) -> IdentityProvider:
    """An OpenID provider; `fields` may be its own or its OIDC settings'."""
    own = {name: fields.pop(name) for name in OWN if name in fields}
    known = {"slug": slug, "name": f"Provider {slug}", "kind": "oidc", "name_attribute": "name"}
    provider = IdentityProvider.objects.create(**{**known, **fields})
    OidcSettings.objects.create(
        provider=provider,
        **{"issuer": forge.issuer, **own},
        client_id=CLIENT_ID,
        sealed_client_secret=seal(CLIENT_SECRET.encode()),
    )
    return provider


def ask(browser: Client, provider: IdentityProvider, *, next_path: str = "/", purpose: str = "") -> Asked:
    form = {"next": next_path, **({"purpose": purpose} if purpose else {})}
    begun = browser.post(reverse("web:oidc-begin", args=[provider.slug]), form)
    assert begun.status_code == 303, begun.content
    url = begun.headers["Location"]
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    return Asked(provider, url, query)


def come_back(browser: Client, answer: dict[str, str]) -> Answer:
    return browser.get(reverse("web:oidc-callback"), answer)


def sign_in(
    browser: Client, forge: Forge, provider: IdentityProvider, *, signer: Signer | None = None, **claims: Any
) -> Answer:
    asked = ask(browser, provider)
    return come_back(browser, forge.sign_in(asked.url, signer=signer, **claims))
