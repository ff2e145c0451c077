"""The service provider: asks, and verifies what is answered, in one order that never changes."""

from datetime import datetime

from brokers.saml import checks, decryption, parsing, request, shape, sp_metadata, toolkit
from brokers.saml.config import ServiceProviderConfig
from brokers.saml.keys import service_key
from brokers.saml.names import Element
from brokers.saml.reading import Answer
from brokers.types import SamlIdentity, SamlIdentityProvider, SamlRequest


class ServiceProvider:
    """SAML 2.0 Web Browser SSO, the service provider's half (`brokers.ports.SamlServiceProvider`).

    Holds no state but its key, touches neither network nor disk, and may be shared by threads.

    Raises:
        SamlMisconfigured: when key and certificate can't be read or don't belong together.
    """

    def __init__(self, config: ServiceProviderConfig) -> None:
        self._config = config
        self._key = service_key(config)

    def begin(self, idp: SamlIdentityProvider, *, relay_state: str) -> SamlRequest:
        """Make an AuthnRequest for the HTTP-Redirect binding. See `brokers.saml.request.begin`."""
        return request.begin(self._config, self._key, idp, relay_state=relay_state)

    def verify(
        self, idp: SamlIdentityProvider, response: str, *, request_id: str, at: datetime
    ) -> SamlIdentity:
        """Verify the base64 `SAMLResponse` form field as the answer of `idp` to `request_id`.

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
