"""An LDAP server's part in a bind by Kerberos (RFC 4752), for a scripted server: by real keys, not always honest."""

import hashlib
import importlib
import socket
from pathlib import Path

from ldap3.protocol.rfc4511 import LDAPMessage
from pyasn1.codec.ber import decoder

from tests.servers.scripted_ldap import BIND_RESPONSE, Step, ber, result

IN_PROGRESS, WRONG_CREDENTIALS = 14, 49


class Acceptor:
    """The other end of the exchange, by the keys of ldap/localhost. Its steps are a scripted server's."""

    def __init__(self, keytab: Path, bound_to: bytes) -> None:
        gssapi = importlib.import_module("gssapi")
        digest = hashlib.sha256(bound_to).digest()
        keys = gssapi.Credentials(usage="accept", store={"keytab": str(keytab)})
        bindings = gssapi.raw.ChannelBindings(application_data=b"tls-server-end-point:" + digest)
        self._context = gssapi.SecurityContext(usage="accept", creds=keys, channel_bindings=bindings)
        self._error = gssapi.exceptions.GSSError
        self.asked: list[bytes] = []
        self.chosen = b""

    def prove(self, code: int = IN_PROGRESS) -> Step:
        def step(connection: socket.socket) -> None:
            try:
                token = self._context.step(self._token())
                assert self._context.complete  # errors may be told late
            except self._error:
                connection.sendall(result(1, BIND_RESPONSE, WRONG_CREDENTIALS))
                connection.close()
            else:
                connection.sendall(bind_response(1, code, token))

        return step

    def offer(self, layers: bytes) -> Step:
        def step(connection: socket.socket) -> None:
            told = self._context.wrap(layers, False).message
            connection.sendall(bind_response(2, IN_PROGRESS, told))

        return step

    def end(self, connection: socket.socket) -> None:
        self.chosen = self._context.unwrap(self._token()).message
        connection.sendall(result(3, BIND_RESPONSE))

    def _token(self) -> bytes:
        message, _ = decoder.decode(self.asked[-1], asn1Spec=LDAPMessage())
        return bytes(message["protocolOp"]["bindRequest"]["authentication"]["sasl"]["credentials"])


def bind_response(message_id: int, code: int, token: bytes) -> bytes:
    answer = ber(BIND_RESPONSE, ber(0x0A, bytes([code])), ber(4), ber(4), ber(0x87, token))
    return ber(0x30, ber(2, bytes([message_id])), answer)
