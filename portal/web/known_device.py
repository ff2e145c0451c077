"""A browser from which somebody signed in by password before: marked, so that others' guesses don't shut it out.

The mark says which accounts, as hashes, and has a random name; it is signed, and proves nothing but that. Stolen, it
buys its thief a few tries of their own.
"""

import secrets
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from portal.directory.models import IdentityProvider
from portal.directory.requests import client_ip
from portal.identity.operations.limit_tries import Place
from portal.kernel.sealing import fingerprint

COOKIE: Final = "__Host-sallyport-known" if settings.TLS else "sallyport-known"
LIFE: Final = timedelta(days=180)
MOST_ACCOUNTS: Final = 10
_SALT: Final = "sallyport.known-device"


def place_of(request: HttpRequest, provider: IdentityProvider, login: str) -> Place:
    """Return where this try comes from, and whether this browser knows the account."""
    device, accounts = _read(request)
    return Place(client_ip(request), device if _account(provider, login) in accounts else "")


def remember_device(
    request: HttpRequest, response: HttpResponse, provider: IdentityProvider, login: str
) -> None:
    """Mark the browser: this account signed in by it."""
    device, accounts = _read(request)
    known = [_account(provider, login), *(one for one in accounts if one != _account(provider, login))]
    response.set_cookie(
        COOKIE,
        signing.dumps({"device": device, "accounts": known[:MOST_ACCOUNTS]}, salt=_SALT),
        max_age=LIFE,
        secure=settings.TLS,
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> tuple[str, list[str]]:
    try:
        told = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=LIFE)
        return str(told["device"]), [str(one) for one in told["accounts"]]
    except (signing.BadSignature, KeyError, TypeError):
        return secrets.token_urlsafe(12), []


def _account(provider: IdentityProvider, login: str) -> str:
    return fingerprint(f"{provider.pk}\0{login.strip().casefold()}")[:16]
