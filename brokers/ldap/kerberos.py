"""Bind as whom Kerberos says we are: the SASL mechanism GSSAPI (RFC 4752), over TLS only.

The `gssapi` library is an extra, since it needs a compiler. Who we are comes from the environment, as MIT Kerberos
reads it: a keytab (KRB5_CLIENT_KTNAME) or a credential cache (KRB5CCNAME). From a keytab it fetches new tickets itself.
"""

import contextlib
import hashlib
import importlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from cryptography import x509

from brokers.ldap import faults
from brokers.ldap.link import Answer, Link
from brokers.ldap.reasons import Fault, unavailable

MECHANISM = "GSSAPI"
# Security layers (RFC 4752, 3.3): TLS is that layer. Active Directory takes no second one inside.
_NO_LAYER = 0x01
_CHOICE = bytes([_NO_LAYER, 0, 0, 0])
# KRB5_KDC_UNREACH and KRB5_REALM_CANT_RESOLVE, as GSSAPI has them: without a sign.
_NO_KDC = {-1765328228 & 0xFFFFFFFF, -1765328230 & 0xFFFFFFFF}
# GSS_S_FAILURE: what happened is told by Kerberos alone (RFC 2744, 3.9.1).
_FAILURE = 13 << 16

T = TypeVar("T")


def bind(link: Link, timeout: float) -> Answer:
    """Return the server's last answer, a success when we are bound.

    `timeout`: seconds for Kerberos' own servers. Its library may not be stopped, and goes on in a thread that nobody
    waits for.

    Raises:
        IdentityUnavailable: settings (the extra is missing, no TLS), bind (no ticket), unreachable or timeout (no
            server of Kerberos answers), malformed.
    """
    gssapi = _library()
    certificate = link.certificate()
    if certificate is None:
        raise unavailable(Fault.SETTINGS, f"{link.url}: Kerberos is spoken over TLS only")
    with _named(gssapi, link):
        context = _context(gssapi, link.host, certificate)
        return _exchange(link, context, _in_time(context.step, timeout))


def _exchange(link: Link, context: Any, token: bytes | None) -> Answer:
    """Pass tokens to and fro until both sides are proven, then agree on no layer (RFC 4752, 3.1)."""
    answer, told = link.bind_step(MECHANISM, token or b"")
    if answer.code == faults.SASL_BIND_IN_PROGRESS:
        # What proves the server is taken or refused now. Then nothing is left to say but that it was taken.
        answer, told = link.bind_step(MECHANISM, context.step(told) or b"")
        if answer.code == faults.SASL_BIND_IN_PROGRESS:
            return _without_layer(link, context, told)
    if answer.code == faults.SUCCESS:
        raise unavailable(Fault.MALFORMED, f"{link.url} called the bind by Kerberos done before it was")
    return answer


def _context(gssapi: Any, host: str, certificate: bytes) -> Any:
    """Return a context in which both sides prove themselves."""
    name = gssapi.Name(f"ldap@{host}", gssapi.NameType.hostbased_service)
    flags = [gssapi.RequirementFlag.mutual_authentication]
    bindings = gssapi.raw.ChannelBindings(application_data=channel_binding(certificate))
    return gssapi.SecurityContext(
        name=name, mech=gssapi.MechType.kerberos, flags=flags, usage="initiate", channel_bindings=bindings
    )


def channel_binding(certificate: bytes) -> bytes:
    """Return what ties the ticket to this TLS connection: tls-server-end-point (RFC 5929, 4.1).

    Active Directory asks for it where "LDAP server channel binding token requirements" is "always".
    """
    algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    name = algorithm.name if algorithm is not None else "sha256"
    chosen = "sha256" if name in {"md5", "sha1"} else name
    return b"tls-server-end-point:" + hashlib.new(chosen, certificate).digest()


def _without_layer(link: Link, context: Any, offer: bytes) -> Answer:
    """Answer which security layers the server offers: none, and as whoever the ticket is for."""
    offered = context.unwrap(offer).message
    if len(offered) != len(_CHOICE):
        raise unavailable(Fault.MALFORMED, f"{link.url} offered no security layers by Kerberos")
    if not offered[0] & _NO_LAYER:
        raise unavailable(Fault.BIND, f"{link.url} insists on signing or sealing inside TLS")
    answer, _ = link.bind_step(MECHANISM, context.wrap(_CHOICE, False).message)
    return answer


def _library() -> Any:
    try:
        return importlib.import_module("gssapi")
    except ImportError as error:
        raise unavailable(
            Fault.SETTINGS, "binding by Kerberos takes an extra: install sallyport[gssapi]"
        ) from error


@contextlib.contextmanager
def _named(gssapi: Any, link: Link) -> Iterator[None]:
    """Turn Kerberos' errors into IdentityUnavailable. A context may tell one late, at whatever it is asked next."""
    try:
        yield
    except gssapi.exceptions.GSSError as error:
        if error.min_code in _NO_KDC:
            raise unavailable(Fault.UNREACHABLE, f"Kerberos: {_said(error)}") from error
        raise unavailable(Fault.BIND, f"Kerberos did not let us in at {link.host}: {_said(error)}") from error
    except TimeoutError as error:
        raise unavailable(Fault.TIMEOUT, "no server of Kerberos answered in time") from error


def _said(error: Any) -> str:
    """Return what GSSAPI says, unless that is nothing, and what Kerberos itself says."""
    outer = [] if error.maj_code == _FAILURE else error.get_all_statuses(error.maj_code, True)
    inner = error.get_all_statuses(error.min_code, False) if error.min_code else []
    return ": ".join(said.strip() for said in (*outer, *inner))


def _in_time(act: Callable[[], T], timeout: float) -> T:
    """Return what `act` returns; TimeoutError when it takes longer."""
    done: list[T] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            done.append(act())
        except Exception as error:  # noqa: BLE001  # raised again where it is waited for
            failed.append(error)

    thread = threading.Thread(target=run, name="kerberos", daemon=True)
    thread.start()
    thread.join(timeout)
    if thread.is_alive():
        raise TimeoutError
    if failed:
        raise failed[0]
    return done[0]
