"""Whether the portal issues anything at all now, whatever the grant."""

from datetime import datetime

from portal.access.operations.hold import is_held
from portal.kernel.errors import ConflictError


def check_issuing_open(now: datetime) -> None:
    """Refuse while nothing is to be issued.

    Raises:
        ConflictError: the portal is in hold.
    """
    del now
    if is_held():
        raise ConflictError("Nothing is issued now: the portal is in hold until an operator releases it.")
