"""What the forms of identity providers accept, and the words for what they don't. Nothing here asks a server."""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from cryptography import x509
from django.core.exceptions import ValidationError

LDAP_PORTS: Final = {"ldap": 389, "ldaps": 636}
# RFC 4512, section 2.5: an attribute's name or its number, with options.
_ATTRIBUTE = re.compile(r"([A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)+)(;[A-Za-z0-9-]+)*")


def check_ldap_urls(urls: list[str], *, start_tls: bool) -> None:
    """Refuse addresses that are none, and ldap:// that would say something without TLS."""
    for url in urls:
        parts = _split(url)
        if parts is None or parts.scheme not in LDAP_PORTS or not parts.hostname:
            raise ValidationError(
                f"{url} is no LDAP address: write ldaps://dc1.example.com, with a port if it isn't 636."
            )
        if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValidationError(f"{url} says more than where the server is: leave it at ldaps://host:port.")
        if parts.scheme == "ldap" and not start_tls and not is_loopback(parts.hostname):
            raise ValidationError(
                f"{url} would send passwords in the clear: write ldaps://, or choose StartTLS below."
            )


def check_https(url: str, what: str) -> None:
    """Refuse what isn't an https address; plain http leads to this machine alone."""
    parts = _split(url)
    if parts is None or not parts.hostname or parts.username is not None:
        raise ValidationError(f"{what} is an address such as https://login.example.com.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValidationError(f"{what} begins with https://: anybody on the way could change the rest.")
    if parts.fragment:
        raise ValidationError(f"{what} has no #fragment.")


def check_certificates(pem: str, *, most: int = 200) -> None:
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise ValidationError(
            "This can't be read as PEM: a certificate begins with -----BEGIN CERTIFICATE-----."
        ) from None
    if len(found) > most:
        raise ValidationError(f"{len(found)} certificates are in there; {most} may be.")


def check_filter(text: str) -> None:
    """Refuse a filter that a directory could not read (RFC 4515): it is put together with what people typed."""
    depth = 0
    for at, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth < 0 or (depth == 0 and at < len(text) - 1):
            raise ValidationError("Write one filter in parentheses, such as (objectClass=person).")
    if depth:
        raise ValidationError(f"{depth} of its parentheses {'is' if depth == 1 else 'are'} not closed.")
    if not text.startswith("(") or "=" not in text or not text.isprintable():
        raise ValidationError("Write a filter in parentheses, such as (objectClass=person).")


def check_dn(text: str) -> None:
    if "=" not in text or not text.isprintable():
        raise ValidationError("Write a distinguished name, such as ou=people,dc=example,dc=com.")


def check_attribute(text: str) -> None:
    if not _ATTRIBUTE.fullmatch(text):
        raise ValidationError(
            "Write one attribute's name, such as uid: letters, digits and hyphens are allowed."
        )


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # it is read when it is asked for
    except ValueError:
        return None
    return parts if url.isascii() and url.isprintable() and " " not in url else None
