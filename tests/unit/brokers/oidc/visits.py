"""One sign-in at the forging provider, as the broker sees it."""

from datetime import UTC, datetime
from typing import Any

from brokers.oidc import RelyingParty
from brokers.types import OidcIdentity, OidcProvider, OidcRequest
from tests.oidc_forge import Forge, Signer


def come_back(
    party: RelyingParty, provider: OidcProvider, asked: OidcRequest, code: str, **changes: Any
) -> OidcIdentity:
    known = {"code": code, "issuer": "", "nonce": asked.nonce, "code_verifier": asked.code_verifier}
    return party.finish(provider, **{**known, "at": datetime.now(UTC), **changes})


def sign_in(
    party: RelyingParty,
    forge: Forge,
    *,
    provider: OidcProvider | None = None,
    signer: Signer | None = None,
    **claims: Any,
) -> OidcIdentity:
    provider = provider or forge.provider()
    asked = party.begin(provider, state="state")
    answer = forge.sign_in(asked.url, signer=signer, **claims)
    return come_back(party, provider, asked, answer["code"])
