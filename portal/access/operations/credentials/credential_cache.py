"""Credentials at rest: sealed by AES-GCM with a key of their own, in Redis or, without one, in their slot's row.

The key stands in the slot's row alone, sealed with the portal's data keys; each sealed value has another one. So what
a Redis, a replica or a dump still holds is opened by nobody once the row's key is gone.
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from brokers.types import Credentials
from portal.access.models import CredentialSlot
from portal.kernel.redis_client import redis_client
from portal.kernel.sealing import UnsealError, seal, unseal

KEY_BITS = 256
NONCE = 12


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a session: its credentials, and what its person was told of its length."""

    credentials: Credentials
    length_why: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """`key`: for the row, sealed itself. `value`: for whoever keeps it."""

    key: bytes
    value: bytes


def seal_kept(kept: Kept, *, grant_id: UUID, version: str, session_id: UUID) -> Sealed:
    """Seal with a new key. What is sealed opens for this grant, version and session alone."""
    found = kept.credentials
    plain = [
        found.access_key_id,
        found.secret_access_key,
        found.session_token,
        found.expires_at.isoformat(),
        kept.length_why,
    ]
    key, nonce = AESGCM.generate_key(KEY_BITS), os.urandom(NONCE)
    bound = _bound(grant_id, version, session_id)
    return Sealed(seal(key), nonce + AESGCM(key).encrypt(nonce, json.dumps(plain).encode(), bound))


def open_kept(slot: CredentialSlot) -> Kept | None:
    """Return what the slot has, wherever it is kept; None where it is lost, or can't be opened any more."""
    if slot.session_id is None or not slot.key:
        return None
    value = bytes(slot.sealed) or _from_redis(slot.grant_id, slot.session_id)
    if not value:
        return None
    with suppress(UnsealError, InvalidTag, ValueError):
        box = AESGCM(unseal(bytes(slot.key)))
        bound = _bound(slot.grant_id, slot.version, slot.session_id)
        key_id, secret, token, expires_at, why = json.loads(box.decrypt(value[:NONCE], value[NONCE:], bound))
        return Kept(Credentials(key_id, secret, token, datetime.fromisoformat(expires_at)), why)
    return None


def keep_outside(grant_id: UUID, session_id: UUID, value: bytes, *, seconds: float) -> bool:
    """Put it into Redis; False where there is none now, and the row has to keep it."""
    client = redis_client()
    return client is not None and client.put(redis_key(grant_id, session_id), value, seconds=seconds)


def forget_outside(*names: tuple[UUID, UUID]) -> None:
    """Have Redis forget the values of grants and sessions; what it can't be told of now it forgets by itself."""
    if (client := redis_client()) is not None:
        client.forget(*(redis_key(*name) for name in names))


def redis_key(grant_id: UUID, session_id: UUID) -> str:
    return f"sallyport:credentials:{grant_id}:{session_id}"


def _from_redis(grant_id: UUID, session_id: UUID) -> bytes:
    client = redis_client()
    return (client.get(redis_key(grant_id, session_id)) or b"") if client is not None else b""


def _bound(grant_id: UUID, version: str, session_id: UUID) -> bytes:
    return f"sallyport:credentials:1:{grant_id}:{version}:{session_id}".encode()
