"""Trying a response out for an admin: each check by itself, in words, and whom it speaks of.

It signs nobody in. Nothing that a refused document asks for is computed, as when it is meant: a signature is verified,
and a ciphertext opened, only where structure and algorithms are on the list. Times that held when the response was
made pass, and say so.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from brokers.errors import SamlRejected
from brokers.saml import checks, decryption, parsing, shape, signatures
from brokers.saml.config import ServiceProviderConfig
from brokers.saml.keys import ServiceKey
from brokers.saml.names import DS, SAML, Element
from brokers.saml.reading import Answer, identity, moment, part
from brokers.saml.reasons import Reason
from brokers.types import CheckStep, SamlIdentityProvider, SamlTrial

NAMES: Final = {
    Reason.DEPTH: "Depth",
    Reason.STATUS: "Status",
    Reason.ASSERTION_COUNT: "One assertion",
    Reason.DUPLICATE_ID: "No ID twice",
    Reason.TRANSFORM: "Transforms",
    Reason.ALGORITHM: "Signature algorithms",
    Reason.ENCRYPTION_ALGORITHM: "Encryption algorithms",
    Reason.CBC_UNSIGNED: "AES-CBC only inside a signature",
    Reason.REFERENCE: "What is signed",
    Reason.STRUCTURE: "Structure",
    Reason.UNSIGNED: "Signed",
    Reason.ISSUER: "Issuer",
    Reason.DESTINATION: "Destination",
    Reason.IN_RESPONSE_TO: "InResponseTo",
    Reason.CONFIRMATION: "Bearer confirmation",
    Reason.RECIPIENT: "Recipient",
    Reason.CONFIRMATION_IN_RESPONSE_TO: "InResponseTo of the confirmation",
    Reason.CONFIRMATION_TIME: "End of the confirmation",
    Reason.CONDITIONS_TIME: "Times of the conditions",
    Reason.LIFETIME: "Lifetime",
    Reason.AUDIENCE: "Audience",
    Reason.AUTHN_STATEMENT: "Authentication statement",
    Reason.NAME_ID: "NameID",
    Reason.NAME_ID_QUALIFIER: "Qualifiers of the NameID",
}
ADVICE: Final = {
    Reason.MALFORMED: "Paste the SAMLResponse field as the browser posted it, or the response's XML.",
    Reason.STATUS: "The provider itself signed nobody in; its log says why.",
    Reason.TRANSFORM: "Have the provider sign with enveloped-signature and exclusive canonicalization alone.",
    Reason.ALGORITHM: "Have the provider sign with SHA-256 or better.",
    Reason.ENCRYPTION_ALGORITHM: "Have the provider encrypt with AES-GCM and RSA-OAEP, or allow AES-CBC for it.",
    Reason.CBC_UNSIGNED: "Have the provider sign the response as well as the assertion, or encrypt with AES-GCM.",
    Reason.UNSIGNED: "Have the provider sign the assertion.",
    Reason.SIGNATURE: "Refresh the provider's metadata: it may sign with a newer key.",
    Reason.DECRYPTION: "Give the provider the portal's metadata again: it may encrypt to another certificate.",
    Reason.ISSUER: "This is another provider's response, or its metadata has another name for it.",
    Reason.DESTINATION: "Give the provider the portal's assertion consumer address, to the letter.",
    Reason.RECIPIENT: "Give the provider the portal's assertion consumer address, to the letter.",
    Reason.AUDIENCE: "Give the provider the portal's entity ID as the audience, to the letter.",
    Reason.LIFETIME: "Have the provider make assertions that live for less time.",
    Reason.NAME_ID: "Have the provider send a NameID without spaces or special letters, such as a persistent one.",
}
_TIMES: Final = {Reason.CONFIRMATION_TIME, Reason.CONDITIONS_TIME, Reason.AUTHN_STATEMENT}
_ASKED: Final = {Reason.IN_RESPONSE_TO, Reason.CONFIRMATION_IN_RESPONSE_TO}


def inspect(
    config: ServiceProviderConfig,
    key: ServiceKey | None,
    idp: SamlIdentityProvider,
    response: str,
    at: datetime,
) -> SamlTrial:
    try:
        document = _read(response)
    except SamlRejected as refused:
        return SamlTrial((_failed("Form", refused),))
    steps = [CheckStep("Form", is_ok=True, detail="Readable XML"), *_shape(document, idp)]
    opened = document
    if all(step.is_ok for step in steps):
        opened, more = _unsealed(document, idp, key)
        steps += more
    if opened.find(f"{SAML}Assertion") is None:
        return SamlTrial(tuple(steps))
    answer = Answer(opened, config, idp, document.get("InResponseTo"), at)
    steps += _words(answer)
    issued = moment(answer.authn_statement, "AuthnInstant")
    return SamlTrial(tuple(steps), identity(answer, valid_until=at, authenticated_at=issued or at))


def _read(response: str) -> Element:
    text = response.strip()
    if not text.startswith("<"):
        return parsing.read_response(text)
    try:
        return parsing.read_response(base64.b64encode(text.encode()).decode())
    except (binascii.Error, UnicodeEncodeError) as error:
        raise SamlRejected(Reason.MALFORMED, "not XML") from error


def _shape(document: Element, idp: SamlIdentityProvider) -> list[CheckStep]:
    return [_step(reason, complaint(document, idp)) for reason, complaint in shape.CHECKS]


def _unsealed(
    document: Element, idp: SamlIdentityProvider, key: ServiceKey | None
) -> tuple[Element, list[CheckStep]]:
    """Verify and open, in the order in which it is done when it is meant. Returns the opened document and the steps."""
    steps = []
    if document.find(f"{DS}Signature") is not None:
        steps.append(_signature("the response", document, idp))
    if shape.encrypted_data(document) is None:
        return document, [*steps, *_assertion_signature(document, idp)]
    if shape.uses_cbc(document) and not all(step.is_ok for step in steps):
        return document, steps  # opened only where the signature around it holds
    try:
        opened = decryption.open_assertion(document, key)
    except SamlRejected as refused:
        return document, [*steps, _failed("Encryption", refused)]
    steps.append(CheckStep("Encryption", is_ok=True, detail="Opened with the portal's key"))
    inside = [step for step in _shape(opened, idp) if not step.is_ok]
    return opened, [*steps, *(inside or _assertion_signature(opened, idp))]


def _assertion_signature(document: Element, idp: SamlIdentityProvider) -> list[CheckStep]:
    assertion = part(document, "Assertion")
    return [] if assertion.find(f"{DS}Signature") is None else [_signature("the assertion", assertion, idp)]


def _signature(of: str, element: Element, idp: SamlIdentityProvider) -> CheckStep:
    name = f"Signature of {of}"
    if signatures.is_signed_by(element, idp.certificates):
        return CheckStep(name, is_ok=True, detail="By a key of this provider")
    return CheckStep(
        name, is_ok=False, detail="By none of this provider's keys", advice=ADVICE[Reason.SIGNATURE]
    )


def _words(answer: Answer) -> Iterator[CheckStep]:
    issued = moment(answer.response, "IssueInstant")
    then = replace(answer, at=(issued or answer.at) + timedelta(seconds=1))
    for reason, complaint in checks.CHECKS:
        found = complaint(answer)
        if found and reason in _TIMES and not complaint(then):
            yield CheckStep(NAMES[reason], is_ok=True, detail=f"Held when it was made; now: {found}")
        elif not found and reason in _ASKED:
            asked = f"Answers {answer.request_id}" if answer.request_id else "Nobody asked for it"
            yield CheckStep(NAMES[reason], is_ok=True, detail=asked)
        else:
            yield _step(reason, found)


def _step(reason: Reason, found: str | None) -> CheckStep:
    if found is None:
        return CheckStep(NAMES[reason], is_ok=True, detail="As it must be")
    return CheckStep(NAMES[reason], is_ok=False, detail=found, advice=ADVICE.get(reason, ""))


def _failed(name: str, refused: SamlRejected) -> CheckStep:
    advice = ADVICE.get(Reason(refused.reason), "")
    return CheckStep(name, is_ok=False, detail=refused.detail, advice=advice)
