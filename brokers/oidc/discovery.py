"""A provider's own description of itself (OpenID Connect Discovery 1.0, sections 3 and 4)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

from authlib.oidc.discovery import get_well_known_url

from brokers.errors import IdentityUnavailable
from brokers.http import GuardedHttp, HttpAnswer, is_protected
from brokers.oidc.algorithms import ALGORITHMS

MAX_DOCUMENT: Final = 256 * 1024
_NEEDED: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_OPTIONAL: Final = ("userinfo_endpoint", "end_session_endpoint")


@dataclass(frozen=True, slots=True)
class Discovered:
    """What of the document counts here. Optional endpoints are empty where the provider has none.

    `answered_at`: the provider's own clock when it sent this, if it said.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    token_auth_methods: tuple[str, ...] = ("client_secret_basic",)
    challenge_methods: tuple[str, ...] | None = None
    sends_issuer: bool = False
    answered_at: datetime | None = None


def discover(http: GuardedHttp, issuer: str) -> Discovered:
    """Fetch and judge the document of `issuer`.

    Raises:
        IdentityUnavailable: no answer; or `discovery`: it is another issuer's, or leads where no secret may go.
    """
    url = get_well_known_url(issuer, external=True)
    answer = http.get(url, max_bytes=MAX_DOCUMENT)
    return read(issuer, json_of(answer, url), answered_at=_date_of(answer))


def read(issuer: str, document: Mapping[str, Any], *, answered_at: datetime | None = None) -> Discovered:
    """Judge a document: `issuer` exactly as configured, each endpoint https (or http on this machine)."""
    if document.get("issuer") != issuer:
        raise _problem(
            f"the document is of the issuer {str(document.get('issuer'))[:200]!r}, not of {issuer!r}"
        )
    endpoints = {name: _endpoint(document, name, needed=name in _NEEDED) for name in (*_NEEDED, *_OPTIONAL)}
    if "code" not in (_words(document, "response_types_supported") or ("code",)):
        raise _problem("the provider doesn't offer the code flow")
    offered = _words(document, "id_token_signing_alg_values_supported")
    if offered and not set(offered) & set(ALGORITHMS):
        raise _problem(
            f"the provider signs by {', '.join(offered)[:200]} alone; needed is one of the asymmetric ones"
        )
    return Discovered(
        issuer=issuer,
        **endpoints,
        token_auth_methods=_words(document, "token_endpoint_auth_methods_supported")
        or ("client_secret_basic",),
        challenge_methods=_words(document, "code_challenge_methods_supported"),
        sends_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        answered_at=answered_at,
    )


def json_of(answer: HttpAnswer, url: str) -> dict[str, Any]:
    """Return the JSON object of a good answer. Raises IdentityUnavailable: busy, malformed."""
    path = urlsplit(url).path
    if answer.status != 200:  # noqa: PLR2004  # HTTP's own figure
        reason = "busy" if answer.status >= 500 or answer.status == 429 else "malformed"  # noqa: PLR2004  # as above
        raise IdentityUnavailable("oidc", reason, f"{path} answered {answer.status}")
    return parsed(answer.body, path)


def parsed(body: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise IdentityUnavailable("oidc", "malformed", f"{what} is no JSON object")
    return found


def origin_of_issuer(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _endpoint(document: Mapping[str, Any], name: str, *, needed: bool) -> str:
    url = document.get(name, "")
    if not url and not needed:
        return ""
    if not isinstance(url, str) or not _is_callable(url):
        raise _problem(f"{name} is {str(url)[:200]!r}; allowed is https://…")
    return url


def _is_callable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and is_protected(url) and not parts.fragment and "@" not in parts.netloc
    except ValueError:
        return False


def _words(document: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    found = document.get(name)
    return tuple(map(str, found)) if isinstance(found, list) else None


def _date_of(answer: HttpAnswer) -> datetime | None:
    try:
        told = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError, IndexError):
        return None
    return told if told.tzinfo else None


def _problem(detail: str) -> IdentityUnavailable:
    return IdentityUnavailable("oidc", "discovery", detail)
