"""A test-side identity provider that signs whatever it is told to, so that attacks are signed anew."""

from tests.saml_forge.edits import Edit, drop, element, find, repeat, set_attribute, set_text
from tests.saml_forge.idp import ACS_URL, IDP_ENTITY_ID, SP_ENTITY_ID, Forge
from tests.saml_forge.keys import KeyPair, ec_key, expired_key, rsa_key

__all__ = [
    "ACS_URL",
    "IDP_ENTITY_ID",
    "SP_ENTITY_ID",
    "Edit",
    "Forge",
    "KeyPair",
    "drop",
    "ec_key",
    "element",
    "expired_key",
    "find",
    "repeat",
    "rsa_key",
    "set_attribute",
    "set_text",
]
