"""ID tokens that somebody holds, and hands over for credentials: nobody asked for them here.

There is no nonce to hold one against: whoever has it may use it until it is over.
"""

import json
from datetime import datetime
from typing import Final

from joserfc import jws
from joserfc.errors import JoseError

from brokers.errors import SignInRejected
from brokers.oidc.algorithms import REGISTRY
from brokers.oidc.reasons import Reason
from brokers.oidc.relying_party import RelyingParty
from brokers.types import OidcIdentity, OidcProvider

# AWS STS API Reference, AssumeRoleWithWebIdentity: WebIdentityToken.
MAX_FOR_AWS: Final = 20_000


class IdTokens:
    """Verifies ID tokens by the keys that a relying party keeps (`brokers.ports.IdTokenReader`)."""

    def __init__(self, party: RelyingParty) -> None:
        self._party = party

    def __call__(self, provider: OidcProvider, id_token: str, *, audience: str, at: datetime) -> OidcIdentity:
        """Verify its form, signature, issuer, audience and times (OpenID Connect Core 1.0, 3.1.3.7, but the nonce).

        `azp`, where it stands, must be the audience too; several audiences need it.

        Raises:
            SignInRejected: with one of `brokers.oidc.reasons.Reason`.
        """
        _check_size(id_token)
        return self._party.read_held(provider, id_token, audience=audience, at=at)

    def claimed_issuer(self, id_token: str) -> str:
        """Return whose the token says that it is: nothing is verified.

        Raises:
            SignInRejected: size, malformed.
        """
        _check_size(id_token)
        try:
            told = json.loads(jws.extract_compact(id_token.encode("ascii"), registry=REGISTRY).payload)
        except (JoseError, ValueError, TypeError, RecursionError) as problem:
            raise SignInRejected("oidc", Reason.MALFORMED, type(problem).__name__) from None
        issuer = told.get("iss") if isinstance(told, dict) else None
        if not isinstance(issuer, str):
            raise SignInRejected("oidc", Reason.MALFORMED, "it names no issuer")
        return issuer


def _check_size(id_token: str) -> None:
    if len(id_token) > MAX_FOR_AWS:
        raise SignInRejected("oidc", Reason.SIZE, f"{len(id_token)} characters; AWS takes {MAX_FOR_AWS}")
