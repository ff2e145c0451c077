"""What sign-ins that lead over a provider's pages share: what waits for the browser that asked, and what it became."""

from dataclasses import dataclass, field
from datetime import timedelta

from portal.directory.models import PendingSignIn
from portal.identity.operations.complete_sign_in import SignedIn

PENDING_LIFE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser; the address may hold what only that browser may know."""

    redirect_url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Finished:
    """A verified answer, and what it was asked for. `signed_in`: None where only an identity was linked."""

    signed_in: SignedIn | None
    pending: PendingSignIn
