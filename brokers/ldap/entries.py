"""Entries as a server sends them, and what is read from one: text, and ids that are not text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from brokers.ldap.reasons import Fault, unavailable

OBJECT_GUID = "objectguid"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `values`: octets by attribute, its name in lower case; with options, such as `member;range=0-1499`."""

    dn: str
    values: Mapping[str, Sequence[bytes]]

    def all(self, attribute: str) -> tuple[str, ...]:
        """Return the values that are text; a photograph's are not."""
        found = (_text(value) for value in self.values.get(attribute.lower(), ()))
        return tuple(text for text in found if text is not None)

    def first(self, attribute: str) -> str:
        values = self.all(attribute)
        return values[0] if values else ""


def decoded(payload: Any) -> Entry:
    """Read a SearchResultEntry (RFC 4511, 4.5.2) as ldap3's decoder leaves it."""
    dn, attributes = payload[0][3], payload[1][3]
    values = {
        bytes(pair[3][0][3]).decode().lower(): [bytes(value[3]) for value in pair[3][1][3]]
        for pair in attributes
    }
    return Entry(bytes(dn).decode(), values)


def stable_id(entry: Entry, attribute: str) -> str:
    """Return what never changes, as text; an objectGUID in its usual form (MS-DTYP, 2.3.4.3).

    Raises:
        IdentityUnavailable: malformed: without it nobody can be told from anybody.
    """
    values = entry.values.get(attribute.lower(), ())
    if len(values) != 1:
        raise unavailable(
            Fault.MALFORMED, f"{entry.dn} has {len(values) or 'no'} values of {attribute} that we may read"
        )
    if attribute.lower() == OBJECT_GUID and len(values[0]) == 16:  # noqa: PLR2004  # octets of a GUID
        return str(UUID(bytes_le=values[0]))
    text = _text(values[0])
    if not text or not text.isprintable():
        raise unavailable(Fault.MALFORMED, f"{entry.dn} has a {attribute} that is not text")
    return text


def id_octets(text: str, attribute: str) -> bytes | None:
    """Return the octets that `stable_id` made `text` of; None when no entry can have them."""
    if attribute.lower() != OBJECT_GUID:
        return text.encode() if text else None
    try:
        return UUID(text).bytes_le
    except ValueError:
        return None


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
