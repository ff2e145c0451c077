"""Every reason for which LDAP lets nobody in, in one place. Tests assert them, and the audit trail keeps them."""

from enum import StrEnum

from brokers.errors import IdentityUnavailable, SignInRejected

PROTOCOL = "ldap"


class Reason(StrEnum):
    """The reason that `brokers.errors.SignInRejected` carries; its code: `ldap.<reason>`."""

    # Before anything is sent (brokers.ldap.signing_in).
    EMPTY_PASSWORD = "empty_password"  # noqa: S105  # RFC 4513, 5.1.2: the server would call it a success
    BAD_USERNAME = "bad_username"  # empty, too long, NUL, control or invisible characters, spaces around it

    # What the search found.
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"  # more than one entry has that login

    # What the bind as that entry said, and what the entry says of itself.
    WRONG_PASSWORD = "wrong_password"  # noqa: S105  # a reason, not a password
    DISABLED = "disabled"
    LOCKED = "locked"
    EXPIRED = "expired"
    PASSWORD_MUST_CHANGE = "password_must_change"  # noqa: S105  # as above
    PASSWORD_EXPIRED = "password_expired"  # noqa: S105  # as above
    NOT_NOW = "not_now"  # not at this hour, or not from this machine (Active Directory's 530 and 531)


class Fault(StrEnum):
    """The reason that `brokers.errors.IdentityUnavailable` carries. None says anything about anybody."""

    SETTINGS = "settings"  # what the portal was told of the directory can't work: nothing was sent
    UNREACHABLE = "unreachable"  # no such host, refused, or the connection was lost
    TIMEOUT = "timeout"
    TLS = "tls"  # no trusted certificate of that name, no StartTLS, or no TLS at all
    MALFORMED = "malformed"  # not LDAP, or an entry without what every entry must have
    BIND = "bind"  # the portal's own account was refused
    BUSY = "busy"  # the server says so itself
    LIMIT = "limit"  # the server shows this account no more entries
    REFERRAL = "referral"  # the server says: ask another; nobody is followed there
    SEARCH = "search"  # the server refused the search: no such base, no right, a filter it doesn't know


# The more telling, the later: this one is told when every server failed.
TELLING = (
    Fault.UNREACHABLE,
    Fault.TIMEOUT,
    Fault.BUSY,
    Fault.MALFORMED,
    Fault.TLS,
)


def rejected(reason: Reason, detail: str = "") -> SignInRejected:
    return SignInRejected(PROTOCOL, reason, detail)


def unavailable(fault: Fault, detail: str) -> IdentityUnavailable:
    return IdentityUnavailable(PROTOCOL, fault, detail)
