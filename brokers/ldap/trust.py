"""TLS as it must be: the certificate is checked, and so is the name. ldap3's own default checks neither."""

import ssl
from functools import lru_cache

from brokers.ldap.reasons import Fault, unavailable


@lru_cache(maxsize=64)
def context(ca_certificates: str) -> ssl.SSLContext:
    """Return how a server is verified: by these authorities (PEM), or by this machine's where none are given.

    Raises:
        IdentityUnavailable: settings, when the PEM can't be read.
    """
    try:
        made = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=ca_certificates or None)
    except (ssl.SSLError, ValueError) as error:
        raise unavailable(Fault.SETTINGS, f"the certificate authorities can't be read: {error}") from error
    # All three are Python's defaults. They are what this is about, so they are said.
    made.verify_mode = ssl.CERT_REQUIRED
    made.check_hostname = True
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made
