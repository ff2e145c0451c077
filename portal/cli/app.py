"""What all commands share: which portal, whose token, and the grants behind a name."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from portal.cli.addresses import Address, read_address
from portal.cli.errors import SignInNeededError, WrongInputError
from portal.cli.grants import UUID, Grant, find_grant
from portal.cli.remembered import Known, Remembered, recall
from portal.cli.tokens import read_token

if TYPE_CHECKING:
    from portal.cli.api import Api
    from portal.cli.web import Web

LIVING = ("active", "scheduled")


@dataclass(slots=True)
class App:
    """The options that every command takes, and what follows from them. Empty: not given."""

    portal: str = ""
    ca: str = ""
    _recalled: Remembered | None = field(default=None, repr=False)

    @property
    def recalled(self) -> Remembered:
        if self._recalled is None:
            self._recalled = recall()
        return self._recalled

    @property
    def address(self) -> Address:
        """The portal's address. Raises WrongInputError where nobody ever said it."""
        given = self.portal or os.environ.get("SALLYPORT_PORTAL", "") or self.recalled.portal
        if not given:
            raise WrongInputError(
                "Which portal? Run `sallyport login --portal https://its.name`, or set SALLYPORT_PORTAL."
            )
        return read_address(given)

    @property
    def known(self) -> Known:
        return self.recalled.portals.get(str(self.address)) or Known()

    @property
    def authority(self) -> str:
        """The file with the authority that the portal's certificate is from; empty: the system's."""
        return self.ca or os.environ.get("SALLYPORT_CA", "") or self.known.ca

    def token(self) -> str:
        """Return the token for this portal. Raises SignInNeededError, or CliError for a keyring or file that fails."""
        if given := os.environ.get("SALLYPORT_TOKEN", "").strip():
            if not given.isascii() or not given.isprintable() or " " in given:
                raise SignInNeededError(
                    "SALLYPORT_TOKEN is no token: take one from the portal's tokens page."
                )
            return given
        known = self.known
        if known.kept and is_over(known.expires_at):
            raise SignInNeededError(f"Your sign-in at {self.address} is over: run `sallyport login`.")
        found = read_token(str(self.address), known.kept)
        if not found:
            raise SignInNeededError(f"You are not signed in at {self.address}: run `sallyport login`.")
        return found

    def web(self, token: str = "") -> "Web":
        from portal.cli.web import Web

        return Web(self.address, self.authority, token)

    def api(self) -> "Api":
        from portal.cli.api import Api

        return Api(self.web(self.token()))

    def find(self, words: str, api: "Api") -> Grant:
        """Return the grant that is meant. Raises WrongInputError, RefusedError, or what the API does."""
        asked = words.strip().lower()
        if UUID.fullmatch(asked):
            return api.grant(asked)
        return find_grant(asked, api.grants(*LIVING), ended=api.grants)


def is_over(expires_at: str) -> bool:
    try:
        return bool(expires_at) and datetime.fromisoformat(expires_at) <= datetime.now(UTC)
    except (TypeError, ValueError):
        return False
