"""The demo's SAML identity provider as tests use it: started on a free port, asked like a browser would."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import urllib3
from lxml import etree

from tests.servers.process import free_port, running

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Posted:
    """What the identity provider's last page would send, and where to."""

    action: str
    saml_response: str
    relay_state: str | None
    page: str
    headers: "urllib3.HTTPHeaderDict"


@dataclass(frozen=True)
class DemoIdp:
    base_url: str
    directory: Path

    @property
    def entity_id(self) -> str:
        return f"{self.base_url}/metadata"

    @property
    def sso_url(self) -> str:
        return f"{self.base_url}/sso"

    def get(self, path: str) -> "urllib3.BaseHTTPResponse":
        address = path if path.startswith("http") else self.base_url + path
        return urllib3.PoolManager().request("GET", address, redirect=False, retries=False, timeout=10)

    def metadata(self) -> bytes:
        return self.get("/metadata").data

    def assertion(self, person: str, *pairs: str, **more: str) -> str:
        """Return a base64 SAMLResponse for AWS. `pairs`: "ROLE_ARN,PROVIDER_ARN"."""
        return str(
            self._post("/aws/assertion", {"person": person, "roles": list(pairs), **more})["SAMLResponse"]
        )

    def id_token(self, person: str, audience: str, **more: str) -> str:
        """Return an ID token. `lives`: for how many seconds."""
        return str(self._post("/aws/id-token", {"person": person, "audience": audience, **more})["id_token"])

    def _post(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        answer = urllib3.PoolManager().request(
            "POST", self.base_url + path, json=content, retries=False, timeout=10
        )
        if answer.status != 200:
            raise AssertionError(f"{answer.status}: {answer.data.decode()}")
        found: dict[str, Any] = answer.json()
        return found

    def sign_in(self, redirect_url: str, person: str) -> Posted:
        """Follow an AuthnRequest's redirect and pick `person`; returns the form for the ACS."""
        query = parse_qs(urlsplit(redirect_url).query)
        fields: dict[str, str] = {
            name: query[name][0] for name in ("SAMLRequest", "RelayState") if name in query
        }
        answer = urllib3.PoolManager().request(
            "POST",
            f"{self.base_url}/sso/sign-in",
            body=urlencode(fields | {"person": person}),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            retries=False,
            timeout=10,
        )
        page = answer.data.decode()
        if answer.status != 200:
            raise AssertionError(f"{answer.status}: {page}")
        return _form(page, answer.headers)


def _form(page: str, headers: "urllib3.HTTPHeaderDict") -> Posted:
    form = etree.fromstring(page, etree.HTMLParser()).find(".//form")
    if form is None:
        raise AssertionError("no form on the page")
    fields = {node.get("name", ""): node.get("value", "") for node in form.iter("input")}
    return Posted(form.get("action", ""), fields["SAMLResponse"], fields.get("RelayState"), page, headers)


@contextlib.contextmanager
def demo_idp(
    directory: Path,
    *,
    sp_entity_id: str = "urn:nobody",
    acs_url: str = "http://localhost/acs",
    host: str = "127.0.0.1",
    port: int | None = None,
) -> Iterator[DemoIdp]:
    """Run `python -m portal.demo.identity_provider` until the block ends."""
    port = port or free_port()
    directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "portal.demo.identity_provider", "--directory", str(directory)]
    command += ["--host", host, "--port", str(port), "--sp-entity-id", sp_entity_id, "--acs-url", acs_url]
    with running(command, log=directory / "identity-provider.log", port=port, cwd=ROOT):
        yield DemoIdp(f"http://{host}:{port}", directory)
