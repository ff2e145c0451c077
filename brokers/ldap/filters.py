"""Search filters (RFC 4515). What people type never changes a filter's structure: every odd byte is written as hex."""

import string
from collections.abc import Iterable

from ldap3.core.exceptions import LDAPExceptionError
from ldap3.operation.search import parse_filter

from brokers.ldap.reasons import Fault, unavailable

# Active Directory's LDAP_MATCHING_RULE_IN_CHAIN (MS-ADTS, 3.1.1.3.4.4.3).
IN_CHAIN = "1.2.840.113556.1.4.1941"
_PLAIN = frozenset((string.ascii_letters + string.digits).encode())


def escaped(value: str | bytes) -> str:
    """Return an assertion value (RFC 4515, section 3) that can only ever be that value."""
    octets = value.encode() if isinstance(value, str) else value
    return "".join(chr(octet) if octet in _PLAIN else f"\\{octet:02x}" for octet in octets)


def equal(attribute: str, value: str | bytes) -> str:
    return f"({attribute}={escaped(value)})"


def in_chain(attribute: str, dn: str) -> str:
    """Return a filter for who is in a group of which `dn` is a member, however deep."""
    return f"({attribute}:{IN_CHAIN}:={escaped(dn)})"


def every(*filters: str) -> str:
    return f"(&{''.join(filters)})"


def either(filters: Iterable[str]) -> str:
    return f"(|{''.join(filters)})"


def own(configured: str) -> str:
    """Return a filter from the settings as one whole filter, so that nothing of it reaches what it is joined with.

    Raises:
        IdentityUnavailable: settings.
    """
    text = configured.strip() or "(objectClass=*)"
    text = text if text.startswith("(") else f"({text})"
    try:
        parse_filter(  # type: ignore[no-untyped-call]  # not in the stubs
            text, None, auto_escape=False, auto_encode=False, validator=None, check_names=False
        )
    except (LDAPExceptionError, IndexError, AttributeError) as error:
        raise unavailable(Fault.SETTINGS, f"{configured} is not a filter: {error}") from error
    return text
