"""The reason that is asked for where access is ended, extended or mended: the audit trail keeps it."""

from portal.kernel.errors import InvalidError

REASON_LIMIT = 500


def checked_reason(reason: str, *, most: int = REASON_LIMIT) -> str:
    """Return it without white space around it.

    Raises:
        InvalidError: nothing is left, or more than `most` characters.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= most:
        raise InvalidError(f"Say why, in 1 to {most} characters.", field="reason")
    return reason
