"""What goes wrong on the way to a directory becomes one error with a reason. No library's own error gets out."""

import contextlib
import ssl
from collections.abc import Iterator

from ldap3.core.exceptions import LDAPException
from pyasn1.error import PyAsn1Error

from brokers.ldap.reasons import Fault, unavailable

# RFC 4511, 4.1.9 and appendix A.
SUCCESS = 0
OPERATIONS_ERROR = 1
TIME_LIMIT_EXCEEDED = 3
SIZE_LIMIT_EXCEEDED = 4
REFERRAL = 10
ADMIN_LIMIT_EXCEEDED = 11
SASL_BIND_IN_PROGRESS = 14
CONSTRAINT_VIOLATION = 19
NO_SUCH_OBJECT = 32
INAPPROPRIATE_AUTHENTICATION = 48
INVALID_CREDENTIALS = 49
BUSY = 51
UNAVAILABLE = 52
UNWILLING = 53

_BY_RESULT = {
    TIME_LIMIT_EXCEEDED: Fault.LIMIT,
    SIZE_LIMIT_EXCEEDED: Fault.LIMIT,
    ADMIN_LIMIT_EXCEEDED: Fault.LIMIT,
    REFERRAL: Fault.REFERRAL,
    BUSY: Fault.BUSY,
    UNAVAILABLE: Fault.BUSY,
}
# What ldap3's decoder raises when the bytes are no message of LDAP's.
_NO_MESSAGE = (IndexError, KeyError, TypeError, ValueError, RecursionError, LDAPException, PyAsn1Error)


@contextlib.contextmanager
def named(where: str) -> Iterator[None]:
    """Turn every error of sockets, TLS and decoding into IdentityUnavailable; `where`: the server's address."""
    try:
        yield
    except TimeoutError as error:
        raise unavailable(Fault.TIMEOUT, f"{where} did not answer in time") from error
    except (ssl.SSLError, ssl.CertificateError) as error:
        raise unavailable(Fault.TLS, f"{where}: {_said(error)}") from error
    except OSError as error:
        raise unavailable(Fault.UNREACHABLE, f"{where}: {error.strerror or error}") from error
    except _NO_MESSAGE as error:
        raise unavailable(
            Fault.MALFORMED, f"{where} answered what is not LDAP: {type(error).__name__}"
        ) from error


@contextlib.contextmanager
def sendable(what: str) -> Iterator[None]:
    """Turn what can't be written as LDAP into IdentityUnavailable: it is a setting that can't work."""
    try:
        yield
    except (LDAPException, PyAsn1Error, ValueError, TypeError) as error:
        raise unavailable(Fault.SETTINGS, f"{what} can't be asked: {type(error).__name__}") from error


def by_result(code: int) -> Fault:
    """Return the fault that a search's result code stands for."""
    return _BY_RESULT.get(code, Fault.SEARCH)


def _said(error: ssl.SSLError) -> str:
    reason: str = getattr(error, "verify_message", "") or error.reason or str(error)
    return reason
