"""The allow-list that stands before any signature check and before any decryption.

An attacker's signature may ask for an XPath or XSLT transform that burns minutes of CPU before the key is
judged, so the order matters: nothing here computes anything that the document asks for. A decrypted
assertion passes again, in its response.
"""

from collections.abc import Callable, Iterator
from typing import Final

from brokers.errors import SamlRejected
from brokers.saml import names
from brokers.saml.grammar import RULES, Rule
from brokers.saml.names import DS, SAML, SAMLP, XENC, Element
from brokers.saml.reasons import Reason
from brokers.types import SamlIdentityProvider

MAX_DEPTH: Final = 16
MAX_ID: Final = 255


def check(response: Element, idp: SamlIdentityProvider) -> None:
    """Refuse `response` unless structure and algorithms are on the list (saml-core-2.0-os, 3.3.3, 5.4).

    Raises:
        SamlRejected: the first reason of CHECKS that applies.
    """
    for reason, complaint in CHECKS:
        if found := complaint(response, idp):
            raise SamlRejected(reason, found)


def check_message(message: Element, tag: str) -> None:
    """Refuse a log-out message unless it is a `tag` by the allow-list (saml-core-2.0-os, 3.7).

    Raises:
        SamlRejected: the first reason of MESSAGE_CHECKS that applies, or structure.
    """
    if message.tag != tag:
        raise SamlRejected(Reason.STRUCTURE, f"root is {message.tag}")
    for reason, complaint in MESSAGE_CHECKS:
        if found := complaint(message):
            raise SamlRejected(reason, found)


def check_signatures(document: Element) -> None:
    """Refuse what a signature in `document` must not ask for, before any is verified: also metadata's.

    Raises:
        SamlRejected: duplicate_id, transform, algorithm, reference.
    """
    for reason, complaint in SIGNATURE_CHECKS:
        if found := complaint(document):
            raise SamlRejected(reason, found)


def encrypted_data(response: Element) -> Element | None:
    return response.find(f"{SAML}EncryptedAssertion/{XENC}EncryptedData")


def uses_cbc(response: Element) -> bool:
    data = encrypted_data(response)
    return data is not None and _algorithm(data, f"{XENC}EncryptionMethod") in names.AES_CBC


def _depth(response: Element, _: SamlIdentityProvider | None = None) -> str | None:
    level = [response]
    for _level in range(MAX_DEPTH):
        level = [child for element in level for child in element]
    return f"more than {MAX_DEPTH} levels" if level else None


def _status(response: Element, _: SamlIdentityProvider) -> str | None:
    if response.tag != f"{SAMLP}Response":
        return None
    code = response.find(f"{SAMLP}Status/{SAMLP}StatusCode")
    value = None if code is None else code.get("Value")
    return None if value == names.SUCCESS else f"status is {value}"


def _assertion_count(response: Element, _: SamlIdentityProvider) -> str | None:
    count = sum(1 for _ in response.iter(f"{SAML}Assertion", f"{SAML}EncryptedAssertion"))
    return None if count == 1 else f"{count} assertions; allowed is one"


def _duplicate_id(response: Element, _: SamlIdentityProvider | None = None) -> str | None:
    seen: set[str] = set()
    for element in response.iter():
        for name in ("ID", "Id", f"{names.XML}id"):  # libxml2 knows the last by itself
            value = element.get(name)
            if value in seen:
                return f"ID {value} stands twice"
            if value is not None:
                seen.add(value)
    return None


def _transform(response: Element, _: SamlIdentityProvider | None = None) -> str | None:
    for method in response.iter(f"{DS}CanonicalizationMethod"):
        if method.get("Algorithm") != names.EXCLUSIVE:
            return f"canonicalization {method.get('Algorithm')}"
    for transform in response.iter(f"{DS}Transform"):
        if transform.get("Algorithm") not in {names.ENVELOPED, names.EXCLUSIVE}:
            return f"transform {transform.get('Algorithm')}"
    for reference in response.iter(f"{DS}Reference"):
        asked = [transform.get("Algorithm") for transform in reference.iter(f"{DS}Transform")]
        if asked != [names.ENVELOPED, names.EXCLUSIVE]:
            return f"transforms {asked}; allowed are enveloped-signature and exclusive c14n, once each"
    return None


def _algorithms(response: Element, _: SamlIdentityProvider | None = None) -> str | None:
    for method in response.iter(f"{DS}SignatureMethod"):
        if method.get("Algorithm") not in names.SIGNATURES:
            return f"signature algorithm {method.get('Algorithm')}"
    for reference in response.iter(f"{DS}Reference"):
        if (digest := _algorithm(reference, f"{DS}DigestMethod")) not in names.DIGESTS:
            return f"digest algorithm {digest}"
    return None


def _encryption_algorithms(response: Element, idp: SamlIdentityProvider) -> str | None:
    allowed = names.AES_GCM | names.AES_CBC if idp.allow_aes_cbc else names.AES_GCM
    for data in response.iter(f"{XENC}EncryptedData"):
        if (cipher := _algorithm(data, f"{XENC}EncryptionMethod")) not in allowed:
            return f"encryption algorithm {cipher}"
    for key in response.iter(f"{XENC}EncryptedKey"):
        if (transport := _algorithm(key, f"{XENC}EncryptionMethod")) not in names.KEY_TRANSPORTS:
            return f"key transport {transport}"
    return None


def _cbc_unsigned(response: Element, _: SamlIdentityProvider) -> str | None:
    # CBC shows by its errors what it decrypts, byte by byte, to whoever may alter the ciphertext.
    if uses_cbc(response) and response.find(f"{DS}Signature") is None:
        return "AES-CBC in a response that isn't signed"
    return None


def _reference(response: Element, _: SamlIdentityProvider | None = None) -> str | None:
    for signature in response.iter(f"{DS}Signature"):
        around = signature.getparent()
        identifier = None if around is None else around.get("ID")
        uris = [reference.get("URI") for reference in signature.iter(f"{DS}Reference")]
        if not identifier or uris != [f"#{identifier}"]:
            return f"signature in {identifier} refers to {uris}"
    return None


def _structure(response: Element, _: SamlIdentityProvider) -> str | None:
    if response.tag != f"{SAMLP}Response":
        return f"root is {response.tag}"
    return _first_misplaced(response)


def _first_misplaced(root: Element) -> str | None:
    return next((found for element in root.iter() if (found := _misplaced(element))), None)


def _unsigned(response: Element, _: SamlIdentityProvider) -> str | None:
    assertion = response.find(f"{SAML}Assertion")
    # An encrypted assertion may carry its own signature inside: this is asked again when it is open.
    if assertion is None or any(
        element.find(f"{DS}Signature") is not None for element in (response, assertion)
    ):
        return None
    return "neither the assertion nor its response is signed"


def _misplaced(element: Element) -> str | None:
    rule = _rule_for(element)
    return _wrong_child(element, rule) or _wrong_attribute(element, rule)


def _rule_for(element: Element) -> Rule:
    # Every child that a rule names has a rule (a test says so), and parents come before their children.
    parent = element.getparent()
    placed = None if parent is None else RULES.get((str(parent.tag), str(element.tag)))
    return placed or RULES[(str(element.tag),)]


def _wrong_child(element: Element, rule: Rule) -> str | None:
    seen: set[str] = set()
    for tag in _tags(element):
        if tag not in rule.once | rule.many:
            return f"{tag} is not allowed in {element.tag}"
        if tag in rule.once and tag in seen:
            return f"{tag} stands twice in {element.tag}"
        seen.add(tag)
    return None


def _wrong_attribute(element: Element, rule: Rule) -> str | None:
    for name, value in element.attrib.items():
        if str(name) not in rule.attributes and not (rule.foreign_attributes and _is_foreign(str(name))):
            return f"attribute {name!s} is not allowed on {element.tag}"
        if name in {"ID", "Id"} and len(value) > MAX_ID:
            return f"an ID of {len(value)} characters; allowed are {MAX_ID}"
    return None


def _is_foreign(name: str) -> bool:
    # xml:id would be an ID to libxml2, beside those that SAML's schema knows.
    return name.startswith("{") and not name.startswith(
        (names.XML, names.XSI, names.SAML, names.DS, names.XENC)
    )


def _tags(element: Element) -> Iterator[str]:
    return (str(child.tag) for child in element)


def _algorithm(element: Element, path: str) -> str | None:
    method = element.find(path)
    return None if method is None else method.get("Algorithm")


# In this order, so that the most telling reason is the one given. A test takes one out and the attack gets
# in.
CHECKS: tuple[tuple[Reason, Callable[[Element, SamlIdentityProvider], str | None]], ...] = (
    (Reason.DEPTH, _depth),
    (Reason.STATUS, _status),
    (Reason.ASSERTION_COUNT, _assertion_count),
    (Reason.DUPLICATE_ID, _duplicate_id),
    (Reason.TRANSFORM, _transform),
    (Reason.ALGORITHM, _algorithms),
    (Reason.ENCRYPTION_ALGORITHM, _encryption_algorithms),
    (Reason.CBC_UNSIGNED, _cbc_unsigned),
    (Reason.REFERENCE, _reference),
    (Reason.STRUCTURE, _structure),
    (Reason.UNSIGNED, _unsigned),
)
SIGNATURE_CHECKS: tuple[tuple[Reason, Callable[[Element], str | None]], ...] = (
    (Reason.DUPLICATE_ID, _duplicate_id),
    (Reason.TRANSFORM, _transform),
    (Reason.ALGORITHM, _algorithms),
    (Reason.REFERENCE, _reference),
)
MESSAGE_CHECKS: tuple[tuple[Reason, Callable[[Element], str | None]], ...] = (
    (Reason.DEPTH, _depth),
    *SIGNATURE_CHECKS,
    (Reason.STRUCTURE, _first_misplaced),
)
