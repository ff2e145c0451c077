"""The algorithms by which a provider may sign, and which key fits each (RFC 7518, 3.1; RFC 8037, 3.1; RFC 9864)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import JWKRegistry, Key
from joserfc.jws import JWSRegistry

MIN_RSA_BITS: Final = 2048
# Asymmetric alone: with an HMAC whoever knows the provider's public key could sign.
ALGORITHMS: Final[Mapping[str, tuple[str, str]]] = {
    **{f"{family}{bits}": ("RSA", "") for family in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}


class Registry(JWSRegistry):
    """joserfc's, with our list instead of its own. Sizes are in bytes of base64url."""

    max_header_length = 2048
    max_payload_length = 64 * 1024

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError(f"Algorithm of '{name}' is not allowed")
        return self.algorithms[name]


REGISTRY: Final = Registry(strict_check_header=False)


def read_keys(document: Mapping[str, Any]) -> tuple[Key, ...]:
    """Return the keys of a JWK Set (RFC 7517, 5) that are fit to verify; others are left out, as the RFC says."""
    told = document.get("keys")
    read = (_read(each) for each in (told if isinstance(told, list) else []) if isinstance(each, dict))
    return tuple(key for key in read if key is not None)


def fitting(keys: Iterable[Key], *, algorithm: str, kid: str | None) -> list[Key]:
    """Return the keys that fit `algorithm`, and have that name where the token gives one."""
    kind, curve = ALGORITHMS.get(algorithm, ("", ""))
    return [
        key
        for key in keys
        if key.key_type == kind
        and (not curve or key.get("crv") == curve)
        and key.get("alg") in {None, algorithm, *({"EdDSA", "Ed25519"} if kind == "OKP" else ())}
        and (kid is None or key.get("kid") == kid)
    ]


def _read(told: dict[str, Any]) -> Key | None:
    is_for_signatures = told.get("use", "sig") == "sig" and "verify" in told.get("key_ops", ["verify"])
    if told.get("kty") not in {"RSA", "EC", "OKP"} or not is_for_signatures:
        return None
    try:
        key = JWKRegistry.import_key(told)
        raw = key.public_key
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None if getattr(raw, "key_size", MIN_RSA_BITS) < MIN_RSA_BITS and key.key_type == "RSA" else key
