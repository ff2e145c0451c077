"""A role may ask for a second factor that was given just now: at the click that opens the console or gets credentials.

Asked in step 1 of issuing alone: a factor that was fresh then is not stale because AWS took its time. A console link
can be made without one; whoever clicks it is asked.
"""

from datetime import datetime, timedelta
from uuid import UUID

from portal.access.models import Grant
from portal.kernel.actor import Actor
from portal.kernel.errors import ForbiddenError


class StepUpNeededError(ForbiddenError):
    """A second factor is needed, no older than `minutes`; then the same is asked for again."""

    code = "step_up_required"

    def __init__(self, *, minutes: int, grant_id: UUID) -> None:
        span = "minute" if minutes == 1 else f"{minutes} minutes"
        super().__init__(f"This role asks for a second factor that was given within the last {span}.")
        self.minutes = minutes
        self.grant_id = grant_id


def check_fresh_factor(grant: Grant, actor: Actor, now: datetime) -> None:
    """Refuse when the role asks for a second factor and the actor gave none, or too long ago.

    Raises:
        StepUpNeededError: give one first.
    """
    minutes = grant.role.factor_minutes
    if minutes and (actor.factor_at is None or now - actor.factor_at >= timedelta(minutes=minutes)):
        raise StepUpNeededError(minutes=minutes, grant_id=grant.pk)
