"""Tokens by hand: any header over any claims by any key, so that nothing but the point of an attack is wrong."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

KINDS = {"RS": "RSA", "PS": "RSA", "ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "Ed": "Ed25519"}


@cache
def key_of(name: str = "first", kind: str = "RSA") -> Key:
    """The same name and kind give the same key within one run. `kind`: RSA, RSA1024, a curve."""
    if kind == "RSA":
        return RSAKey.generate_key(2048)
    if kind == "RSA1024":
        return RSAKey.generate_key(1024)
    if kind.startswith("P-"):
        return ECKey.generate_key(kind)
    return OKPKey.generate_key(kind)  # type: ignore[arg-type]  # as above


def public_jwk(key: Key, kid: str | None = "first", **more: object) -> dict[str, Any]:
    jwk = {name: value for name, value in key.as_dict(private=False).items() if name != "kid"}
    return {**jwk, **({"kid": kid} if kid is not None else {}), "use": "sig", **more}


@dataclass(frozen=True)
class Signer:
    """How a token is signed: `alg` by `key`, with `header` besides (None takes a member out).

    `secret`: by HMAC instead, whatever the algorithm says; `signature`: these very bytes.
    """

    alg: str = "RS256"
    key: Key = field(default_factory=key_of)
    kid: str | None = "first"
    header: Mapping[str, Any] = field(default_factory=dict)
    secret: bytes | None = None
    signature: bytes | None = None


def sign(claims: Mapping[str, Any] | bytes, signer: Signer) -> str:
    told = {"alg": signer.alg, "kid": signer.kid, **signer.header}
    header = json.dumps({name: value for name, value in told.items() if value is not None}).encode()
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    signed = f"{encoded(header)}.{encoded(payload)}"
    return f"{signed}.{encoded(_signature(signed.encode(), signer))}"


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def at_hash(access_token: str, bits: int = 256) -> str:
    digest = hashlib.new(f"sha{bits}", access_token.encode()).digest()
    return encoded(digest[: len(digest) // 2])


def _signature(signed: bytes, signer: Signer) -> bytes:
    if signer.signature is not None:
        return signer.signature
    if signer.secret is not None:
        return hmac.new(signer.secret, signed, hashlib.sha256).digest()
    return JWSRegistry.algorithms[signer.alg].sign(signed, signer.key)
