"""What this service provider is: its name, address and key. From configuration, never from a request."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from brokers.errors import SamlMisconfigured

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PLAIN: Final = re.compile(r"[!-~]{1,1024}")


@dataclass(frozen=True, slots=True)
class ServiceProviderConfig:
    """The settings of one service provider.

    `entity_id`: a URI of 1 to 1,024 printable ASCII characters (saml-core-2.0-os, 8.3.6).
    `acs_url`: where responses are posted to, without query or fragment; https, or http on this machine.
    `slo_url`: where log-out messages arrive, likewise; None: none are taken.
    `private_key` and `certificate`: PEM, both or neither. With them requests are signed and assertions
    decrypted.

    Raises:
        SamlMisconfigured: when they can't work.
    """

    entity_id: str
    acs_url: str
    private_key: str | None = field(default=None, repr=False)
    certificate: str | None = None
    slo_url: str | None = None

    def __post_init__(self) -> None:
        if not _PLAIN.fullmatch(self.entity_id):
            raise SamlMisconfigured("entity_id", "must be 1 to 1,024 printable ASCII characters")
        for name, url in (("acs_url", self.acs_url), ("slo_url", self.slo_url)):
            if url is not None and ((why := url_fault(url)) or "?" in url):
                raise SamlMisconfigured(name, why or "must have no query")
        if (self.private_key is None) != (self.certificate is None):
            raise SamlMisconfigured("private_key", "and certificate must be given together")


def url_fault(url: str, *, http_hosts: frozenset[str] = LOOPBACK) -> str | None:
    """Say what is wrong with `url`, or None: https, or http for `http_hosts`; no user, no fragment."""
    if not _PLAIN.fullmatch(url):
        return "must be 1 to 1,024 printable ASCII characters"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"is not a URL: {error}"
    if not host or "@" in parts.netloc or "#" in url or "\\" in url:
        return "must have a host, no user and no fragment"
    if parts.scheme == "https" or (parts.scheme == "http" and host in http_hosts):
        return None
    return "must begin with https:// (http:// only for this machine)"
