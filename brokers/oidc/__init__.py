"""OpenID Connect, the relying party: code flow with PKCE, verified ID tokens (OpenID Connect Core 1.0)."""

from brokers.oidc.held import IdTokens
from brokers.oidc.reasons import Reason
from brokers.oidc.relying_party import RelyingParty

__all__ = ["IdTokens", "Reason", "RelyingParty"]
