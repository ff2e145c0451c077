"""Opening an encrypted assertion (saml-core-2.0-os, 2.3.4; xmlenc-core1, 5.2 and 5.5.2)."""

from copy import deepcopy
from typing import cast

import xmlsec
from lxml import etree

from brokers.errors import SamlRejected
from brokers.saml import parsing, shape
from brokers.saml.keys import ServiceKey
from brokers.saml.names import SAML, Element
from brokers.saml.reasons import Reason


def open_assertion(response: Element, key: ServiceKey | None) -> Element:
    """Return a copy of `response` with its one EncryptedAssertion replaced by the Assertion inside.

    Does *not* check signatures or the shape of what comes out: the caller does, before it reads any of it.

    Raises:
        SamlRejected: decryption, whatever went wrong: which step it was is nobody's business but ours. Or
        what
            `parsing.read_xml` says of the plain text.
    """
    data = shape.encrypted_data(response)
    if data is None or key is None:
        raise SamlRejected(Reason.DECRYPTION, "no EncryptedData, or no key to open it with")
    assertion = _read(_decrypt(data, key))
    opened = deepcopy(response)
    sealed = opened.find(f"{SAML}EncryptedAssertion")
    if sealed is None or assertion.tag != f"{SAML}Assertion":
        raise SamlRejected(Reason.DECRYPTION, f"{assertion.tag} inside")
    opened.replace(sealed, assertion)
    return parsing.parse(parsing.serialize(opened))  # one document, as if it had come in the clear


def _read(plain: bytes) -> Element:
    try:
        return parsing.read_xml(plain)
    except SamlRejected as error:
        if error.reason != Reason.MALFORMED:
            raise
        # Bytes that aren't XML are what a wrong guess at a key or at CBC's padding looks like.
        raise SamlRejected(Reason.DECRYPTION, error.detail) from error


def _decrypt(data: Element, key: ServiceKey) -> bytes:
    sealed = deepcopy(data)
    # With Type, xmlsec parses what it decrypts, by its own rules, and puts it in place; without, it gives
    # bytes.
    if "Type" in sealed.attrib:
        del sealed.attrib["Type"]
    try:
        plain: object = xmlsec.EncryptionContext(key.manager).decrypt(sealed)  # bytes, whatever its stubs say
    except (xmlsec.Error, etree.LxmlError, TypeError, ValueError) as error:
        raise SamlRejected(Reason.DECRYPTION, "could not be decrypted") from error
    return cast("bytes", plain)
