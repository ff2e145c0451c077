"""The two codes of a device sign-in (RFC 8628, section 3.2), and which programs may ask for them.

The program keeps the device code, of 256 random bits. A person reads or types the user code: eight letters without
vowels (no words by chance) or look-alikes, 34 bits (section 6.1). So few could be found from a plain hash: the kept one
is keyed with the portal's secret.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.crypto import salted_hmac

from portal.directory.models import ApiToken

ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH: Final = 8
_SALT: Final = "sallyport.device.user-code"
Scope = ApiToken.Scope


@dataclass(frozen=True, slots=True)
class Client:
    """A program that is known beforehand. It keeps no secret, so its id proves nothing (RFC 6749, section 2.1).

    `usual`: what it gets where it names no scopes; `most`: what it may ask for.
    """

    id: str
    name: str
    usual: frozenset[str]
    most: frozenset[str]


_USUAL: Final = frozenset(
    {
        Scope.READ_GRANTS.value,
        Scope.ISSUE_CREDENTIALS.value,
        Scope.OPEN_CONSOLE.value,
        Scope.CREDENTIAL_TOKENS.value,
        Scope.RELEASE_GRANTS.value,
        Scope.TAKE_GRANTS.value,
    }
)
# What admins do is done in the portal; asking the doctor is a company's own people's work too.
CLIENTS: Final[Mapping[str, Client]] = {
    "sallyport-cli": Client(
        "sallyport-cli",
        "Sallyport's command line",
        usual=_USUAL,
        most=_USUAL | {Scope.READ_PARTNERS.value},
    )
}


def new_user_code() -> str:
    """Return one as people see it: two groups of four letters."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return f"{letters[:4]}-{letters[4:]}"


def tidy_user_code(typed: str) -> str:
    """Return what was typed as the portal shows it, however it was spaced and cased; empty when it can be no code."""
    letters = "".join(each for each in typed[:40].upper() if each.isalnum())
    if len(letters) != LENGTH or not set(letters) <= set(ALPHABET):
        return ""
    return f"{letters[:4]}-{letters[4:]}"


def user_digest(code: str) -> str:
    return salted_hmac(_SALT, code, algorithm="sha256").hexdigest()
