"""python3-saml, held at arm's length: it verifies signatures, the schema and what else its strict mode knows.

It accepts too much (the corpus under tests/unit/brokers/saml shows what): `shape` goes before it and `checks`
comes after.
"""

import base64
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from onelogin.saml2.errors import OneLogin_Saml2_ValidationError
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from brokers.errors import SamlRejected
from brokers.saml import parsing
from brokers.saml.config import ServiceProviderConfig
from brokers.saml.names import Element
from brokers.saml.reasons import Reason
from brokers.types import SamlIdentityProvider

_Fault = OneLogin_Saml2_ValidationError
# Where python3-saml finds what `shape` or `checks` look for too, the reason is the same.
_REASONS: Final[dict[int, Reason]] = {
    _Fault.STATUS_CODE_IS_NOT_SUCCESS: Reason.STATUS,
    _Fault.WRONG_NUMBER_OF_ASSERTIONS: Reason.ASSERTION_COUNT,
    _Fault.DUPLICATED_ID_IN_SIGNED_ELEMENTS: Reason.DUPLICATE_ID,
    _Fault.INVALID_SIGNED_ELEMENT: Reason.REFERENCE,
    _Fault.WRONG_SIGNED_ELEMENT: Reason.STRUCTURE,
    _Fault.UNEXPECTED_SIGNED_ELEMENTS: Reason.STRUCTURE,
    _Fault.DEPRECATED_SIGNATURE_METHOD: Reason.ALGORITHM,
    _Fault.DEPRECATED_DIGEST_METHOD: Reason.ALGORITHM,
    _Fault.INVALID_XML_FORMAT: Reason.SCHEMA,
    _Fault.NO_SIGNATURE_FOUND: Reason.UNSIGNED,
    _Fault.INVALID_SIGNATURE: Reason.SIGNATURE,
    _Fault.WRONG_INRESPONSETO: Reason.IN_RESPONSE_TO,
    _Fault.MISSING_CONDITIONS: Reason.CONDITIONS_TIME,
    _Fault.ASSERTION_TOO_EARLY: Reason.CONDITIONS_TIME,
    _Fault.ASSERTION_EXPIRED: Reason.CONDITIONS_TIME,
    _Fault.WRONG_NUMBER_OF_AUTHSTATEMENTS: Reason.AUTHN_STATEMENT,
    _Fault.SESSION_EXPIRED: Reason.AUTHN_STATEMENT,
    _Fault.EMPTY_DESTINATION: Reason.DESTINATION,
    _Fault.WRONG_DESTINATION: Reason.DESTINATION,
    _Fault.WRONG_AUDIENCE: Reason.AUDIENCE,
    _Fault.WRONG_ISSUER: Reason.ISSUER,
    _Fault.WRONG_SUBJECTCONFIRMATION: Reason.CONFIRMATION,
}


class _Response(OneLogin_Saml2_Response):  # type: ignore[misc]  # python3-saml has no types
    """python3-saml's response, which takes what `decryption` opened instead of decrypting by itself."""

    def __init__(self, settings: Any, response: str, opened: Element | None) -> None:
        self._opened = opened
        super().__init__(settings, response)

    def _decrypt_assertion(self, xml: Any) -> Any:  # noqa: ARG002  # python3-saml's copy, which stays shut
        return self._opened


def verify(
    config: ServiceProviderConfig,
    idp: SamlIdentityProvider,
    response: Element,
    *,
    opened: Element | None,
    request_id: str | None,
) -> Element:
    """Return the tree whose signatures were verified: the only one to read from.

    `opened`: `response` with its assertion decrypted. A signature on the response is over the ciphertext,
    one on the assertion over what was inside. Times are judged by this machine's clock here, and by `at` in
    `checks`.

    Raises:
        SamlRejected: signature, schema, library or a reason that `checks` has too.
    """
    try:
        answer = _Response(
            _settings(config, idp), base64.b64encode(parsing.serialize(response)).decode(), opened
        )
        answer.is_valid(_request(config), request_id=request_id, raise_exceptions=True)
    except _Fault as error:
        raise SamlRejected(_REASONS.get(error.code, Reason.LIBRARY), str(error)) from error
    except Exception as error:  # python3-saml raises plain Exception; nothing of it gets out
        raise SamlRejected(Reason.LIBRARY, f"{type(error).__name__}: {error}") from error
    tree: Element = answer.get_xml_document()
    return tree


def verify_envelope(config: ServiceProviderConfig, idp: SamlIdentityProvider, response: Element) -> None:
    """Verify the signature on the response itself: what AES-CBC needs before anything is decrypted.

    Raises:
        SamlRejected: signature.
    """
    if not OneLogin_Saml2_Utils.validate_sign(
        parsing.serialize(response),
        multicerts=_settings(config, idp).get_idp_data()["x509certMulti"]["signing"],
        xpath=OneLogin_Saml2_Utils.RESPONSE_SIGNATURE_XPATH,
    ):
        raise SamlRejected(Reason.SIGNATURE, "the signature around an AES-CBC ciphertext")


def _request(config: ServiceProviderConfig) -> dict[str, str]:
    # What python3-saml calls the current URL: ours, by configuration, whatever Host the request had.
    url = urlsplit(config.acs_url)
    return {
        "https": "on" if url.scheme == "https" else "off",
        "http_host": url.netloc,
        "script_name": url.path,
    }


@lru_cache(maxsize=64)
def _settings(config: ServiceProviderConfig, idp: SamlIdentityProvider) -> Any:
    """Build python3-saml's settings. Each option is written out, also where it is the default."""
    return OneLogin_Saml2_Settings(
        {
            "strict": True,
            "debug": False,
            "sp": {"entityId": config.entity_id, "assertionConsumerService": {"url": config.acs_url}},
            "idp": {
                "entityId": idp.entity_id,
                "singleSignOnService": {"url": idp.sso_url},
                # Given too, because python3-saml looks for a file of its own where this is empty.
                "x509cert": idp.certificates[0],
                "x509certMulti": {"signing": list(idp.certificates), "encryption": []},
            },
            "security": {
                # Either signature will do: on the assertion, or on the response around it. `shape` demands
                # one, python3-saml verifies each that is there.
                "wantAssertionsSigned": False,
                "wantMessagesSigned": False,
                "rejectDeprecatedAlgorithm": True,
                "wantNameId": True,
                "wantAttributeStatement": False,  # a person without attributes is still a person
                "allowRepeatAttributeName": True,  # `reading` merges them
                "requestedAuthnContext": False,  # how somebody signs in is the identity provider's policy
                "allowSingleLabelDomains": True,  # http://idp:8080 in a company's own network
            },
        }
    )
