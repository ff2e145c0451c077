"""Secrets at rest: sealed with the newest data key, opened with any of them (Fernet: AES-128-CBC + HMAC-SHA256).

Rotation without downtime: put a new key in front of SALLYPORT_DATA_KEYS, restart, later drop the old one.
"""

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class UnsealError(Exception):
    """The value was sealed with a key that is no longer known, is too old, or was changed."""


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    # Any text of enough entropy is a key: operators need no special tool to make one.
    return MultiFernet(
        [
            Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"sallyport-data-key:" + key.encode()).digest()))
            for key in keys
        ]
    )


def seal(plain: bytes) -> bytes:
    return _box(tuple(settings.DATA_KEYS)).encrypt(plain)


def unseal(sealed: bytes, *, max_age_seconds: int | None = None) -> bytes:
    try:
        return _box(tuple(settings.DATA_KEYS)).decrypt(bytes(sealed), ttl=max_age_seconds)
    except InvalidToken:
        raise UnsealError("the sealed value can't be opened") from None


def fingerprint(secret: str) -> str:
    """Hash a random secret of 128 bits or more for look-up: such a one needs no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
