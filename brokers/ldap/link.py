"""What can be asked over one connection: bind, search, search by pages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ldap3 import ANONYMOUS, BASE, DEREF_NEVER, SASL, SIMPLE, SUBTREE
from ldap3.operation.bind import bind_operation
from ldap3.operation.extended import extended_operation
from ldap3.operation.search import search_operation
from ldap3.protocol.rfc2696 import paged_search_control
from ldap3.strategy.base import BaseStrategy

from brokers.ldap import faults
from brokers.ldap.entries import Entry, decoded
from brokers.ldap.reasons import Fault, unavailable
from brokers.ldap.wire import ENTRY, Message, Wire
from brokers.types import LdapServer

STARTTLS = "1.3.6.1.4.1.1466.20037"
PAGED = "1.2.840.113556.1.4.319"
PASSWORD_POLICY = "1.3.6.1.4.1.42.2.27.8.5.1"  # noqa: S105  # an OID
_ONE = "(objectClass=*)"
_SASL_CREDENTIALS = 7  # the tag of serverSaslCreds


@dataclass(frozen=True, slots=True)
class Answer:
    """An LDAPResult (RFC 4511, 4.1.9) with its controls' values by OID."""

    code: int
    message: str
    controls: dict[str, bytes]


class Link:
    """A connection to a directory. Never follows a referral; a reference among the results is no entry."""

    def __init__(self, wire: Wire, server: LdapServer) -> None:
        self._wire = wire
        self._server = server
        self.url = wire.address.url
        self.host = wire.address.host

    def start_tls(self) -> Answer:
        """Ask for TLS (RFC 4511, 4.14). The caller does the rest, or gives up."""
        return self._only("extendedReq", extended_operation(STARTTLS))

    def bind(self, dn: str, password: str) -> Answer:
        """Bind by name and password (RFC 4513, 5.1.3). Raises settings where one is empty: 5.1.1, 5.1.2."""
        with faults.sendable(f"a bind as {dn!r}"):
            # As octets: ldap3 maps text by SASLprep, which makes nothing of a soft hyphen.
            request = bind_operation(3, SIMPLE, dn, password.encode())
        return self._only("bindRequest", request, (PASSWORD_POLICY, False, None))

    def bind_nobody(self) -> Answer:
        return self._only("bindRequest", bind_operation(3, ANONYMOUS))

    def bind_step(self, mechanism: str, token: bytes) -> tuple[Answer, bytes]:
        """Take one step of a SASL bind (RFC 4511, 4.2). Returns the server's own token too, empty for none."""
        request = bind_operation(3, SASL, sasl_mechanism=mechanism, sasl_credentials=token)
        *_, message = self._wire.ask("bindRequest", request)
        with faults.named(self.url):
            tokens = [bytes(part[3]) for part in message["payload"][3:] if part[2] == _SASL_CREDENTIALS]
        return self._answer(message), tokens[0] if tokens else b""

    def certificate(self) -> bytes | None:
        """Return the server's certificate (DER), None where TLS is not spoken."""
        return self._wire.certificate()

    def find(self, base: str, filter_text: str, attributes: Sequence[str], *, at_most: int) -> list[Entry]:
        """Return entries, `at_most` so many: more may be there.

        Raises:
            IdentityUnavailable: limit, busy, referral, search, and as the wire.
        """
        entries, answer = self._search(base, filter_text, attributes, size_limit=at_most)
        if answer.code == faults.SIZE_LIMIT_EXCEEDED and len(entries) >= at_most:
            return entries
        self._succeeded(answer, base)
        return entries

    def read(self, dn: str, attributes: Sequence[str]) -> Entry | None:
        """Return one entry by its DN; None when there is none."""
        entries, answer = self._search(dn, _ONE, attributes, scope=BASE)
        if answer.code == faults.NO_SUCH_OBJECT:
            return None
        self._succeeded(answer, dn)
        return entries[0] if entries else None

    def pages(self, base: str, filter_text: str, attributes: Sequence[str]) -> Iterator[Entry]:
        """Yield all entries, page by page (RFC 2696). The control is critical: a server without it must say so.

        Raises:
            IdentityUnavailable: as `find`, at any time: what was yielded until then is not all.
        """
        cookie = b""
        while True:
            page = paged_search_control(True, self._server.page_size, cookie)  # critical
            entries, answer = self._search(base, filter_text, attributes, control=page)
            self._succeeded(answer, base)
            yield from entries
            cookie = _cookie(answer, self.url)
            if not cookie:
                return

    def close(self) -> None:
        self._wire.close()

    def _search(  # noqa: PLR0913  # the fields of a SearchRequest
        self,
        base: str,
        filter_text: str,
        attributes: Sequence[str],
        *,
        scope: str = SUBTREE,
        size_limit: int = 0,
        control: object = None,
    ) -> tuple[list[Entry], Answer]:
        with faults.sendable(base):
            request = search_operation(
                base,
                filter_text,
                scope,
                DEREF_NEVER,
                list(attributes),
                size_limit,
                0,
                False,
                False,
                False,
            )
        entries: list[Entry] = []
        for message in self._wire.ask("searchRequest", request, *([control] if control else [])):
            if message["protocolOp"] == ENTRY:
                with faults.named(self.url):
                    entries.append(decoded(message["payload"]))
        return entries, self._answer(message)

    def _only(self, operation: str, request: object, *controls: object) -> Answer:
        *_, message = self._wire.ask(operation, request, *controls)
        return self._answer(message)

    def _answer(self, message: Message) -> Answer:
        with faults.named(self.url):
            payload = message["payload"]
            controls = {bytes(control[3][0][3]).decode(): control[3] for control in message["controls"] or ()}
            said = bytes(payload[2][3]).decode(errors="replace")
            return Answer(
                int(payload[0][3]), said, {oid: _value(control) for oid, control in controls.items()}
            )

    def _succeeded(self, answer: Answer, base: str) -> None:
        if answer.code != faults.SUCCESS:
            said = f"{self.url} refused to search {base}: result {answer.code} {answer.message}"
            raise unavailable(faults.by_result(answer.code), said.strip())


def _value(control: object) -> bytes:
    value = BaseStrategy.decode_control_fast(control)[1]["value"]
    return bytes(value["cookie"]) if isinstance(value, dict) else bytes(value or b"")


def _cookie(answer: Answer, url: str) -> bytes:
    if PAGED not in answer.controls:
        raise unavailable(Fault.MALFORMED, f"{url} ignored the control for paged results")
    return answer.controls[PAGED]
