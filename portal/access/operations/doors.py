"""Whether the portal issues anything at all now, whatever the grant."""

from datetime import datetime

from django.conf import settings

from portal.access.operations.running.hold import is_held
from portal.access.operations.running.sweep_health import SweepHealth, sweep_health
from portal.kernel.errors import ConflictError


def check_issuing_open(now: datetime) -> None:
    """Refuse while nothing is to be issued. `now` is the database's, as always.

    Raises:
        ConflictError: the portal is in hold; or the sweep has stopped (or never ran), where the setting
            CLOSE_ISSUING_WHEN_SWEEP_STOPPED says that this closes the doors. Revoking goes on.
    """
    check_runs_open(
        is_held=is_held(),
        sweep=sweep_health(at=now) if settings.CLOSE_ISSUING_WHEN_SWEEP_STOPPED else None,
    )


def check_runs_open(*, is_held: bool, sweep: SweepHealth | None) -> None:
    """Refuse by what was read; `sweep` is asked where the setting says so. Raises as `check_issuing_open`."""
    if is_held:
        raise ConflictError("Nothing is issued now: the portal is in hold until an operator releases it.")
    if settings.CLOSE_ISSUING_WHEN_SWEEP_STOPPED and (sweep is None or not sweep.runs):
        raise ConflictError(
            "Nothing is issued now: the portal's sweep, which ends access on time, has stopped. "
            "An operator has to see to it."
        )
