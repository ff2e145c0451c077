"""Writing and signing a Response (saml-core-2.0-os, 3.3.3; saml-profiles-2.0-os, 4.1.4.2)."""

import base64
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from portal.demo.identity_provider.keys import SigningKey
from portal.demo.identity_provider.people import PERSISTENT, Person
from portal.demo.identity_provider.request import ASSERTION, PROTOCOL, AuthnRequest

DSIG = "http://www.w3.org/2000/09/xmldsig#"
XS = "http://www.w3.org/2001/XMLSchema"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
BASIC = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
# Nobody typed a password: the context says so.
UNSPECIFIED = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
GOOD_FOR = timedelta(minutes=5)
CLOCK_SKEW = timedelta(seconds=30)
NSMAP = {"samlp": PROTOCOL, "saml": ASSERTION, "ds": DSIG, "xs": XS, "xsi": XSI}

Node = etree._Element  # noqa: SLF001 - lxml's public name for it is a factory function


def saml_response(
    person: Person,
    request: AuthnRequest,
    *,
    issuer: str,
    key: SigningKey,
    attributes: Mapping[str, Iterable[str]] | None = None,
) -> str:
    """Return the base64 `SAMLResponse` field: assertion signed, then the response around it signed.

    `attributes`: in place of those of a person. A request without an id was none: the answer comes unasked
    (saml-profiles-2.0-os, 4.1.5).
    """
    now = datetime.now(UTC).replace(microsecond=0)
    told = attributes_of(person) if attributes is None else attributes
    response = _response(person, request, issuer, now, told)
    signed = _sign(response, key, "Assertion")
    return base64.b64encode(etree.tostring(_sign(signed, key, "Response"))).decode()


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _saml(tag: str, text: str | None = None, /, *children: Node, **attributes: str) -> Node:
    node = etree.Element(f"{{{ASSERTION}}}{tag}", attributes, nsmap=NSMAP)
    node.text = text
    node.extend(children)
    return node


def _placeholder() -> Node:
    """Mark where the signature goes: the schema wants it right after the Issuer."""
    return etree.Element(f"{{{DSIG}}}Signature", {"Id": "placeholder"}, nsmap={"ds": DSIG})


def _answering(request: AuthnRequest) -> dict[str, str]:
    return {"InResponseTo": request.request_id} if request.request_id else {}


def _response(
    person: Person,
    request: AuthnRequest,
    issuer: str,
    now: datetime,
    attributes: Mapping[str, Iterable[str]],
) -> Node:
    response = etree.Element(
        f"{{{PROTOCOL}}}Response",
        {
            "ID": f"_{secrets.token_hex(20)}",
            "Version": "2.0",
            "IssueInstant": _stamp(now),
            "Destination": request.provider.acs_url,
            **_answering(request),
        },
        nsmap=NSMAP,
    )
    response.append(_saml("Issuer", issuer))
    status = etree.SubElement(response, f"{{{PROTOCOL}}}Status")
    etree.SubElement(status, f"{{{PROTOCOL}}}StatusCode", {"Value": SUCCESS})
    response.append(_assertion(person, request, issuer, now, attributes))
    return response


def _assertion(
    person: Person,
    request: AuthnRequest,
    issuer: str,
    now: datetime,
    attributes: Mapping[str, Iterable[str]],
) -> Node:
    return _saml(
        "Assertion",
        None,
        _saml("Issuer", issuer),
        _subject(person, request, issuer, now),
        _conditions(request, now),
        _authn_statement(now),
        _attributes(attributes),
        ID=f"_{secrets.token_hex(20)}",
        Version="2.0",
        IssueInstant=_stamp(now),
    )


def _subject(person: Person, request: AuthnRequest, issuer: str, now: datetime) -> Node:
    name_id = _saml(
        "NameID",
        person.name_id,
        Format=PERSISTENT,
        NameQualifier=issuer,
        SPNameQualifier=request.provider.entity_id,
    )
    data = _saml(
        "SubjectConfirmationData",
        NotOnOrAfter=_stamp(now + GOOD_FOR),
        Recipient=request.provider.acs_url,
        **_answering(request),
    )
    return _saml("Subject", None, name_id, _saml("SubjectConfirmation", None, data, Method=BEARER))


def _conditions(request: AuthnRequest, now: datetime) -> Node:
    audience = _saml("AudienceRestriction", None, _saml("Audience", request.provider.entity_id))
    limits = {"NotBefore": _stamp(now - CLOCK_SKEW), "NotOnOrAfter": _stamp(now + GOOD_FOR)}
    return _saml("Conditions", None, audience, **limits)


def _authn_statement(now: datetime) -> Node:
    context = _saml("AuthnContext", None, _saml("AuthnContextClassRef", UNSPECIFIED))
    return _saml(
        "AuthnStatement",
        None,
        context,
        AuthnInstant=_stamp(now),
        SessionIndex=f"_{secrets.token_hex(16)}",
        SessionNotOnOrAfter=_stamp(now + timedelta(hours=8)),
    )


def attributes_of(person: Person) -> dict[str, Iterable[str]]:
    return {
        "email": [person.email],
        "displayName": [person.display_name],
        "company": [person.company],
        "groups": person.groups,
    }


def _attributes(told: Mapping[str, Iterable[str]]) -> Node:
    return _saml("AttributeStatement", None, *(_attribute(name, values) for name, values in told.items()))


def _attribute(name: str, values: Iterable[str]) -> Node:
    nodes = [_saml("AttributeValue", value, **{f"{{{XSI}}}type": "xs:string"}) for value in values]
    return _saml("Attribute", None, *nodes, Name=name, NameFormat=BASIC)


def _sign(response: Node, key: SigningKey, what: str) -> Node:
    """Sign the Response or its Assertion: rsa-sha256, exclusive canonicalisation, the signature after the Issuer."""
    target = response if what == "Response" else response.find(f"{{{ASSERTION}}}Assertion")
    if target is None:
        raise ValueError("a response without an assertion")
    target.insert(1, _placeholder())
    signer = XMLSigner(
        signature_algorithm=SignatureMethod.RSA_SHA256,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed: Node = signer.sign(
        response,
        key=key.private_key,
        cert=key.certificate,
        reference_uri=f"#{target.get('ID')}",
        id_attribute="ID",
    )
    return signed
