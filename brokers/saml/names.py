"""Namespaces and the algorithms that this service provider accepts, by their URIs.

What isn't listed is refused: xmldsig-core 6, xmlenc-core1 5 and their successors name many more, and xmlsec
would run most of them (XPath and XSLT transforms, SHA-1, MD5, HMAC) if it were asked to.
"""

from typing import Final

from lxml.etree import _Element as Element

__all__ = ["Element"]  # lxml's only public name for it is a function

SAMLP: Final = "{urn:oasis:names:tc:SAML:2.0:protocol}"
SAML: Final = "{urn:oasis:names:tc:SAML:2.0:assertion}"
MD: Final = "{urn:oasis:names:tc:SAML:2.0:metadata}"
DS: Final = "{http://www.w3.org/2000/09/xmldsig#}"
DSIG11: Final = "{http://www.w3.org/2009/xmldsig11#}"
XENC: Final = "{http://www.w3.org/2001/04/xmlenc#}"
EXC_C14N: Final = "{http://www.w3.org/2001/10/xml-exc-c14n#}"
XML: Final = "{http://www.w3.org/XML/1998/namespace}"
XSI: Final = "{http://www.w3.org/2001/XMLSchema-instance}"

SUCCESS: Final = "urn:oasis:names:tc:SAML:2.0:status:Success"
BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
UNSPECIFIED: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
PROTOCOL: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
HTTP_POST: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
HTTP_REDIRECT: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"

ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"

SIGNATURES: Final = frozenset(
    {
        RSA_SHA256,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
    }
)
DIGESTS: Final = frozenset(
    {
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "http://www.w3.org/2001/04/xmldsig-more#sha384",
        "http://www.w3.org/2001/04/xmlenc#sha512",
    }
)
AES_GCM: Final = frozenset(
    {
        "http://www.w3.org/2009/xmlenc11#aes128-gcm",
        "http://www.w3.org/2009/xmlenc11#aes192-gcm",
        "http://www.w3.org/2009/xmlenc11#aes256-gcm",
    }
)
AES_CBC: Final = frozenset(
    {
        "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
        "http://www.w3.org/2001/04/xmlenc#aes192-cbc",
        "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
    }
)
# OAEP's padding proof does not rest on its hash resisting collisions: SHA-1, the default of the older URI and
# all that some identity providers can do, is no weakness here.
KEY_TRANSPORTS: Final = frozenset(
    {
        "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
        "http://www.w3.org/2009/xmlenc11#rsa-oaep",
    }
)
