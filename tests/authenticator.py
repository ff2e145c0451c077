"""A passkey's device in software (WebAuthn Level 3): its own CBOR and COSE, by cryptography and cbor2 alone.

What it is asked for it does; what a test changes of it is the attack, and everything else stays right and signed.
"""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
ORIGIN = "http://localhost:8000"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Device:
    """One key of one site. `count`: how often it has signed; None: it doesn't count, as passkeys that are synced."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    count: int | None = 0
    user_handle: bytes | None = None

    def make(
        self, options: str, *, origin: str = ORIGIN, flags: int = PRESENT | VERIFIED, **changes: Any
    ) -> str:
        """Answer navigator.credentials.create(). `changes`: rp_id, challenge, kind."""
        asked = json.loads(options)
        self.user_handle = decoded(asked["user"]["id"])
        told = self._client_data("webauthn.create", asked, origin, changes)
        rp_id = changes.get("rp_id", asked["rp"]["id"])
        attested = (
            bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + self._public_key()
        )
        data = self._data(rp_id, flags | ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": encoded(told),
            "attestationObject": encoded(attestation),
            "transports": ["internal", "hybrid"],
        }
        return self._answer(response)

    def sign(
        self, options: str, *, origin: str = ORIGIN, flags: int = PRESENT | VERIFIED, **changes: Any
    ) -> str:
        """Answer navigator.credentials.get(). `changes`: rp_id, challenge, kind, cross_origin, signature, handle."""
        asked = json.loads(options)
        told = self._client_data("webauthn.get", asked, origin, changes)
        if self.count is not None:
            self.count += 1
        data = self._data(changes.get("rp_id", asked["rpId"]), flags)
        signature = self.key.sign(data + hashlib.sha256(told).digest(), ec.ECDSA(hashes.SHA256()))
        handle = changes.get("handle", self.user_handle)
        response = {
            "clientDataJSON": encoded(told),
            "authenticatorData": encoded(data),
            "signature": encoded(changes.get("signature", signature)),
            "userHandle": None if handle is None else encoded(handle),
        }
        return self._answer(response)

    def _answer(self, response: dict[str, Any]) -> str:
        name = encoded(self.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})

    def _client_data(self, kind: str, asked: dict[str, Any], origin: str, changes: dict[str, Any]) -> bytes:
        told = {
            "type": changes.get("kind", kind),
            "challenge": changes.get("challenge", asked["challenge"]),
            "origin": origin,
            "crossOrigin": changes.get("cross_origin", False),
        }
        return json.dumps(told).encode()

    def _data(self, rp_id: str, flags: int) -> bytes:
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + (self.count or 0).to_bytes(4, "big")

    def _public_key(self) -> bytes:
        """COSE_Key of P-256 for ES256 (RFC 9052, 7; RFC 9053, 7.1.1)."""
        numbers = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
