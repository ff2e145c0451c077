"""Whether somebody proved a moment ago that it is still they: asked before what changes how they sign in."""

from datetime import timedelta

from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError

# What stands in an unattended browser must not be made somebody's key for good.
FRESH = timedelta(minutes=10)
FRESH_MINUTES = int(FRESH.total_seconds()) // 60


class NotFreshError(ForbiddenError):
    """The running sign-in is too old for what changes how somebody signs in."""

    code = "sign_in_not_fresh"

    def __init__(self) -> None:
        super().__init__(
            f"For this you must have signed in, or given a second factor, within the last {FRESH_MINUTES} minutes. "
            "Sign in again, then try once more."
        )


def is_fresh(actor: Actor) -> bool:
    """Whether this browser's person signed in, or gave a second factor, within the last 10 minutes."""
    since = database_now() - FRESH
    proofs = (actor.signed_in_at, actor.factor_at)
    return actor.kind == ActorKind.PERSON and any(at is not None and at > since for at in proofs)


def check_fresh(actor: Actor) -> None:
    """Raise NotFreshError unless `is_fresh`."""
    if not is_fresh(actor):
        raise NotFreshError
