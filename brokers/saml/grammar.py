"""Which elements and attributes a response may have, and where: the allow-list, as data.

It is narrower than saml-schema-protocol-2.0.xsd on purpose: no Extensions, Advice, EncryptedID,
EncryptedAttribute, holder-of-key confirmation, ds:Object, RetrievalMethod, CipherReference or second
recipient. Those are the places in which signature wrapping hides the signed original, or which make a
verifier fetch something.
"""

from dataclasses import dataclass
from typing import Final

from brokers.saml.names import DS, DSIG11, EXC_C14N, SAML, SAMLP, XENC, XSI


@dataclass(frozen=True, slots=True)
class Rule:
    """What may stand in an element: children at most once, children any number of times, attributes."""

    once: frozenset[str] = frozenset()
    many: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    foreign_attributes: bool = (
        False  # of any namespace but those of SAML itself: only where the schema says so
    )


def _rule(once: str = "", many: str = "", attributes: str = "", *, foreign_attributes: bool = False) -> Rule:
    return Rule(_names(once), _names(many), _names(attributes), foreign_attributes)


_PREFIXES: Final = {
    "samlp": SAMLP,
    "saml": SAML,
    "ds": DS,
    "dsig11": DSIG11,
    "xenc": XENC,
    "ec": EXC_C14N,
    "xsi": XSI,
}


def _name(name: str) -> str:
    prefix, colon, local = name.rpartition(":")
    return f"{_PREFIXES[prefix]}{local}" if colon else local


def _names(names: str) -> frozenset[str]:
    return frozenset(_name(name) for name in names.split())


_IDENTIFIER: Final = _rule(attributes="Format NameQualifier SPNameQualifier SPProvidedID")
_TEXT: Final = _rule()
_ALGORITHM: Final = _rule(attributes="Algorithm")

_SAML: Final = {
    "samlp:Response": _rule(
        once="saml:Issuer ds:Signature samlp:Status saml:Assertion saml:EncryptedAssertion",
        attributes="ID Version IssueInstant Destination Consent InResponseTo",
    ),
    "samlp:Status": _rule(once="samlp:StatusCode samlp:StatusMessage"),
    "samlp:StatusCode": _rule(once="samlp:StatusCode", attributes="Value"),
    "samlp:StatusMessage": _TEXT,
    "saml:EncryptedAssertion": _rule(once="xenc:EncryptedData"),
    "saml:Assertion": _rule(
        once="saml:Issuer ds:Signature saml:Subject saml:Conditions",
        many="saml:AuthnStatement saml:AttributeStatement",
        attributes="ID Version IssueInstant",
    ),
    "saml:Issuer": _IDENTIFIER,
    "saml:Subject": _rule(once="saml:NameID saml:SubjectConfirmation"),
    "saml:NameID": _IDENTIFIER,
    "saml:SubjectConfirmation": _rule(once="saml:SubjectConfirmationData", attributes="Method"),
    "saml:SubjectConfirmationData": _rule(
        attributes="NotBefore NotOnOrAfter Recipient InResponseTo Address",
    ),
    "saml:Conditions": _rule(
        once="saml:OneTimeUse saml:ProxyRestriction",
        many="saml:AudienceRestriction",
        attributes="NotBefore NotOnOrAfter",
    ),
    "saml:AudienceRestriction": _rule(many="saml:Audience"),
    "saml:Audience": _TEXT,
    "saml:OneTimeUse": _TEXT,
    "saml:ProxyRestriction": _rule(many="saml:Audience", attributes="Count"),
    "saml:AuthnStatement": _rule(
        once="saml:SubjectLocality saml:AuthnContext",
        attributes="AuthnInstant SessionIndex SessionNotOnOrAfter",
    ),
    "saml:SubjectLocality": _rule(attributes="Address DNSName"),
    "saml:AuthnContext": _rule(
        once="saml:AuthnContextClassRef saml:AuthnContextDeclRef", many="saml:AuthenticatingAuthority"
    ),
    "saml:AuthnContextClassRef": _TEXT,
    "saml:AuthnContextDeclRef": _TEXT,
    "saml:AuthenticatingAuthority": _TEXT,
    "saml:AttributeStatement": _rule(many="saml:Attribute"),
    "saml:Attribute": _rule(
        many="saml:AttributeValue", attributes="Name NameFormat FriendlyName", foreign_attributes=True
    ),
    "saml:AttributeValue": _rule(once="saml:NameID", attributes="xsi:type xsi:nil"),
}

# Log-out messages (saml-core-2.0-os, 3.7). No EncryptedID, no Extensions, as above.
_LOGOUT: Final = {
    "samlp:LogoutRequest": _rule(
        once="saml:Issuer ds:Signature saml:NameID",
        many="samlp:SessionIndex",
        attributes="ID Version IssueInstant Destination Consent Reason NotOnOrAfter",
    ),
    "samlp:SessionIndex": _TEXT,
    "samlp:LogoutResponse": _rule(
        once="saml:Issuer ds:Signature samlp:Status",
        attributes="ID Version IssueInstant Destination Consent InResponseTo",
    ),
}

_SIGNATURE: Final = {
    "ds:Signature": _rule(once="ds:SignedInfo ds:SignatureValue ds:KeyInfo", attributes="Id"),
    "ds:SignedInfo": _rule(once="ds:CanonicalizationMethod ds:SignatureMethod ds:Reference", attributes="Id"),
    "ds:CanonicalizationMethod": _rule(once="ec:InclusiveNamespaces", attributes="Algorithm"),
    "ds:SignatureMethod": _ALGORITHM,
    "ds:Reference": _rule(once="ds:Transforms ds:DigestMethod ds:DigestValue", attributes="URI Id"),
    "ds:Transforms": _rule(many="ds:Transform"),
    "ds:Transform": _rule(once="ec:InclusiveNamespaces", attributes="Algorithm"),
    "ec:InclusiveNamespaces": _rule(attributes="PrefixList"),
    "ds:DigestMethod": _ALGORITHM,
    "ds:DigestValue": _TEXT,
    "ds:SignatureValue": _rule(attributes="Id"),
    # Read by nobody: the key is the pinned one. Listed because identity providers send them.
    "ds:KeyInfo": _rule(once="ds:KeyName ds:KeyValue", many="ds:X509Data"),
    "ds:KeyName": _TEXT,
    "ds:KeyValue": _rule(once="ds:RSAKeyValue dsig11:ECKeyValue"),
    "ds:RSAKeyValue": _rule(once="ds:Modulus ds:Exponent"),
    "ds:Modulus": _TEXT,
    "ds:Exponent": _TEXT,
    "dsig11:ECKeyValue": _rule(once="dsig11:NamedCurve dsig11:PublicKey"),
    "dsig11:NamedCurve": _rule(attributes="URI"),
    "dsig11:PublicKey": _TEXT,
    "ds:X509Data": _rule(many="ds:X509Certificate ds:X509SubjectName ds:X509IssuerSerial ds:X509SKI"),
    "ds:X509Certificate": _TEXT,
    "ds:X509SubjectName": _TEXT,
    "ds:X509SKI": _TEXT,
    "ds:X509IssuerSerial": _rule(once="ds:X509IssuerName ds:X509SerialNumber"),
    "ds:X509IssuerName": _TEXT,
    "ds:X509SerialNumber": _TEXT,
}

_ENCRYPTION: Final = {
    "xenc:EncryptedData": _rule(
        once="xenc:EncryptionMethod ds:KeyInfo xenc:CipherData", attributes="Id Type MimeType"
    ),
    "xenc:EncryptedData ds:KeyInfo": _rule(once="xenc:EncryptedKey"),
    "xenc:EncryptedData xenc:EncryptionMethod": _ALGORITHM,
    "xenc:EncryptedKey": _rule(
        once="xenc:EncryptionMethod ds:KeyInfo xenc:CipherData", attributes="Id Recipient"
    ),
    # No xenc11:MGF: python3-saml's schema doesn't know it. Our metadata asks for what does without.
    "xenc:EncryptedKey xenc:EncryptionMethod": _rule(once="ds:DigestMethod", attributes="Algorithm"),
    "xenc:CipherData": _rule(once="xenc:CipherValue"),
    "xenc:CipherValue": _TEXT,
}

# By the element's name, or by its parent's and its own where the place makes a difference.
RULES: Final = {
    tuple(_name(name) for name in path.split()): rule
    for path, rule in (_SAML | _LOGOUT | _SIGNATURE | _ENCRYPTION).items()
}
