"""The service provider: asks, and verifies what is answered, in one order that never changes."""

from collections.abc import Callable
from datetime import datetime

from brokers.saml import (
    checks,
    decryption,
    logout,
    parsing,
    request,
    shape,
    sp_metadata,
    toolkit,
    trial,
)
from brokers.saml.config import ServiceProviderConfig
from brokers.saml.keys import service_key
from brokers.saml.names import Element
from brokers.saml.reading import Answer, part
from brokers.types import (
    SamlIdentity,
    SamlIdentityProvider,
    SamlLogoutAnswer,
    SamlLogoutRequest,
    SamlMessage,
    SamlRequest,
    SamlTrial,
)


class ServiceProvider:
    """SAML 2.0 Web Browser SSO, the service provider's half (`brokers.ports.SamlServiceProvider`).

    Holds no state but its key, touches neither network nor disk, and may be shared by threads.

    Raises:
        SamlMisconfigured: when key and certificate can't be read or don't belong together.
    """

    def __init__(self, config: ServiceProviderConfig) -> None:
        self._config = config
        self._key = service_key(config)

    @property
    def certificate(self) -> str | None:
        return self._config.certificate

    def begin(
        self, idp: SamlIdentityProvider, *, relay_state: str, context: str = "", fresh: bool = False
    ) -> SamlRequest:
        """Make an AuthnRequest for the HTTP-Redirect binding. See `brokers.saml.request.begin`."""
        return request.begin(
            self._config, self._key, idp, relay_state=relay_state, context=context, fresh=fresh
        )

    def verify(
        self, idp: SamlIdentityProvider, response: str, *, request_id: str | None, at: datetime
    ) -> SamlIdentity:
        """Verify the base64 `SAMLResponse` form field as the answer of `idp` to `request_id`.

        With None it must be one that nobody asked for: without InResponseTo (saml-profiles-2.0-os, 4.1.5).

        `at` is aware, and the present: python3-saml asks this machine's clock besides. The order is the
        point: form and shape; the envelope's signature where AES-CBC needs it; decryption; the shape again;
        signatures, schema and python3-saml's strict mode; then every word.

        Raises:
            SamlRejected: with one of `brokers.saml.reasons.Reason`.
        """
        document = parsing.read_response(response)
        shape.check(document, idp)
        opened = self._opened(document, idp)
        verified = toolkit.verify(self._config, idp, document, opened=opened, request_id=request_id)
        return checks.check(Answer(verified, self._config, idp, request_id, at))

    def claimed_issuer(self, response: str) -> str:
        """Return whose the response says that it is, before anything of it was verified.

        Raises:
            SamlRejected: as `parsing.read_response`.
        """
        return part(parsing.read_response(response), "Issuer").text or ""

    def inspect(self, idp: SamlIdentityProvider, response: str, *, at: datetime) -> SamlTrial:
        """Try a response out for an admin. See `brokers.saml.trial`."""
        return trial.inspect(self._config, self._key, idp, response, at)

    def begin_logout(
        self,
        idp: SamlIdentityProvider,
        *,
        name_id: str,
        name_id_format: str,
        session_index: str,
        relay_state: Callable[[str], str],
    ) -> str | None:
        """Return where to send the browser with a signed LogoutRequest, or None. See `brokers.saml.logout.begin`."""
        return logout.begin(
            self._config,
            self._key,
            idp,
            name_id=name_id,
            name_id_format=name_id_format,
            session_index=session_index,
            relay_state=relay_state,
        )

    def claimed_logout_issuer(self, message: SamlMessage) -> str:
        return logout.claimed_issuer(message)

    def read_logout_request(
        self, idp: SamlIdentityProvider, message: SamlMessage, *, at: datetime
    ) -> SamlLogoutRequest:
        return logout.read_request(self._config, idp, message, at)

    def answer_logout(self, idp: SamlIdentityProvider, request: SamlLogoutRequest) -> str | None:
        return logout.answer(self._config, self._key, idp, request)

    def read_logout_answer(
        self, idp: SamlIdentityProvider, message: SamlMessage, *, at: datetime
    ) -> tuple[SamlLogoutAnswer, str, str]:
        return logout.read_answer(self._config, idp, message, at)

    def metadata(self) -> bytes:
        """Return this service provider's metadata document."""
        return sp_metadata.metadata(self._config)

    def _opened(self, document: Element, idp: SamlIdentityProvider) -> Element | None:
        if shape.encrypted_data(document) is None:
            return None
        if shape.uses_cbc(document):
            toolkit.verify_envelope(self._config, idp, document)
        opened = decryption.open_assertion(document, self._key)
        shape.check(opened, idp)
        return opened
