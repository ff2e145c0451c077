"""Errors of the domain: small types with a stable code and the facts. No HTTP status lives here."""

from datetime import timedelta
from typing import ClassVar


class DomainError(Exception):
    """Something that was asked can't be done. `code` is stable; `str()` is a sentence fit for the user."""

    code: ClassVar[str] = "error"


class NotFoundError(DomainError):
    """It is not there, or not this actor's to see: the two are never told apart."""

    code = "not_found"


class ForbiddenError(DomainError):
    """The actor may see it, but not do this to it."""

    code = "forbidden"


class InvalidError(DomainError):
    """The input is wrong. `field` names what; the sentence says what is allowed."""

    code = "invalid"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class ConflictError(DomainError):
    """The thing has changed since, or somebody else was first: look again."""

    code = "conflict"


class UpstreamError(DomainError):
    """AWS or an identity provider refused or did not answer. `retryable`: trying again may help."""

    code = "upstream"

    def __init__(self, message: str, *, upstream_code: str, retryable: bool) -> None:
        super().__init__(message)
        self.upstream_code = upstream_code
        self.retryable = retryable


class TooManyError(DomainError):
    """Too many tries from there: nothing was tried this time. `retry_after_seconds`: when to try again.

    `is_first`: the first one too many of its period.
    """

    code = "too_many"

    def __init__(self, *, retry_after: timedelta, is_first: bool = False) -> None:
        self.is_first = is_first
        self.retry_after_seconds = max(1, round(retry_after.total_seconds()))
        minutes = -(-self.retry_after_seconds // 60)
        wait = "a minute" if minutes == 1 else f"{minutes} minutes"
        super().__init__(f"Too many tries from here. Wait {wait}, then try again.")


class BusyError(DomainError):
    """AWS is asked too often now, or slow: nothing is wrong with what was asked. `retry_after_seconds`: when again."""

    code = "busy"

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = max(1, retry_after_seconds)
