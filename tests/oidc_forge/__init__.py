"""A test-side OpenID provider on 127.0.0.1 that signs and answers whatever it is told to: attacks are made anew."""

from tests.oidc_forge.provider import Forge, running_forge
from tests.oidc_forge.tokens import Signer, key_of, public_jwk, sign

__all__ = ["Forge", "Signer", "key_of", "public_jwk", "running_forge", "sign"]
