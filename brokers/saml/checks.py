"""What a verified response must say, word for word, before anybody is let in by it.

python3-saml lets some of these pass when they are missing, or when they merely begin alike. Not here, and
left to the portal: that an assertion counts once, that the browser is the one that asked, where RelayState
leads.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from brokers.errors import SamlRejected
from brokers.saml.names import BEARER, SAML
from brokers.saml.reading import Answer, identity, moment, part
from brokers.saml.reasons import Reason
from brokers.types import SamlIdentity

# How far the identity provider's clock may run ahead of ours. No allowance is made at the end: an end is an
# end.
CLOCK_SKEW: Final = timedelta(seconds=120)
# Printable ASCII without the space: nothing invisible, and no letter that looks like another one.
NAME_ID: Final = re.compile(r"[!-~]{1,256}")


def check(answer: Answer) -> SamlIdentity:
    """Hold `answer` against what was asked (saml-profiles-2.0-os, 4.1.4.3; saml-core-2.0-os, 2.5.1).

    Raises:
        SamlRejected: the first reason of CHECKS that applies.
    """
    for reason, complaint in CHECKS:
        if found := complaint(answer):
            raise SamlRejected(reason, found)
    return identity(answer, valid_until=_valid_until(answer), authenticated_at=_authenticated_at(answer))


def _issuer(answer: Answer) -> str | None:
    for element in (answer.response, answer.assertion):
        found = part(element, "Issuer").text
        if found != answer.idp.entity_id:
            return f"issuer {found!r} where {answer.idp.entity_id!r} was asked"
    return None


def _destination(answer: Answer) -> str | None:
    return _unequal(answer.response.get("Destination"), answer.config.acs_url)


def _in_response_to(answer: Answer) -> str | None:
    return _unequal(answer.response.get("InResponseTo"), answer.request_id)


def _confirmation(answer: Answer) -> str | None:
    return _unequal(part(answer.assertion, "Subject", "SubjectConfirmation").get("Method"), BEARER)


def _recipient(answer: Answer) -> str | None:
    return _unequal(answer.confirmation.get("Recipient"), answer.config.acs_url)


def _confirmation_in_response_to(answer: Answer) -> str | None:
    return _unequal(answer.confirmation.get("InResponseTo"), answer.request_id)


def _confirmation_time(answer: Answer) -> str | None:
    if answer.confirmation.get("NotBefore") is not None:
        return "NotBefore in a bearer confirmation"  # saml-profiles-2.0-os, 4.1.4.2 forbids it
    return _over(moment(answer.confirmation, "NotOnOrAfter"), answer.at)


def _conditions_time(answer: Answer) -> str | None:
    begins = moment(answer.conditions, "NotBefore")
    if begins is None or begins > answer.at + CLOCK_SKEW:
        return f"NotBefore is {begins}"
    return _over(moment(answer.conditions, "NotOnOrAfter"), answer.at)


def _lifetime(answer: Answer) -> str | None:
    begins, ends = moment(answer.conditions, "NotBefore"), moment(answer.conditions, "NotOnOrAfter")
    if begins is None or ends is None or ends - begins > answer.idp.max_assertion_lifetime:
        return f"from {begins} to {ends}; allowed are {answer.idp.max_assertion_lifetime}"
    return None


def _audience(answer: Answer) -> str | None:
    restrictions = answer.conditions.findall(f"{SAML}AudienceRestriction")
    if not restrictions:
        return "no AudienceRestriction"
    for restriction in restrictions:  # each must hold; within one, any audience will do
        audiences = [audience.text for audience in restriction.iterfind(f"{SAML}Audience")]
        if answer.config.entity_id not in audiences:
            return f"audiences {audiences}"
    return None


def _authn_statement(answer: Answer) -> str | None:
    count = len(answer.assertion.findall(f"{SAML}AuthnStatement"))
    if count != 1:
        return f"{count} statements; allowed is one"
    signed_in = moment(answer.authn_statement, "AuthnInstant")
    if signed_in is None or signed_in > answer.at + CLOCK_SKEW:
        return f"AuthnInstant is {signed_in}"
    if answer.authn_statement.get("SessionNotOnOrAfter") is None:
        return None
    return _over(moment(answer.authn_statement, "SessionNotOnOrAfter"), answer.at)


def _name_id(answer: Answer) -> str | None:
    text = answer.name_id.text or ""
    return None if NAME_ID.fullmatch(text) else f"NameID {text!a}"


def _name_id_qualifier(answer: Answer) -> str | None:
    ours = {"NameQualifier": answer.idp.entity_id, "SPNameQualifier": answer.config.entity_id}
    for name, expected in ours.items():
        if answer.name_id.get(name, expected) != expected:
            return f"{name} is {answer.name_id.get(name)!r}"
    return None


def _unequal(found: str | None, expected: str | None) -> str | None:
    return None if found == expected else f"{found!r} where {expected!r} was expected"


def _over(ends: datetime | None, at: datetime) -> str | None:
    return f"ends at {ends}; it is {at}" if ends is None or ends <= at else None


def _valid_until(answer: Answer) -> datetime:
    ends = (moment(answer.confirmation, "NotOnOrAfter"), moment(answer.conditions, "NotOnOrAfter"))
    return min(end for end in ends if end is not None)


def _authenticated_at(answer: Answer) -> datetime:
    # Never missing after CHECKS; the type wants an answer all the same.
    return moment(answer.authn_statement, "AuthnInstant") or answer.at


# In this order. A test takes one out and the attack gets in.
CHECKS: tuple[tuple[Reason, Callable[[Answer], str | None]], ...] = (
    (Reason.ISSUER, _issuer),
    (Reason.DESTINATION, _destination),
    (Reason.IN_RESPONSE_TO, _in_response_to),
    (Reason.CONFIRMATION, _confirmation),
    (Reason.RECIPIENT, _recipient),
    (Reason.CONFIRMATION_IN_RESPONSE_TO, _confirmation_in_response_to),
    (Reason.CONFIRMATION_TIME, _confirmation_time),
    (Reason.CONDITIONS_TIME, _conditions_time),
    (Reason.LIFETIME, _lifetime),
    (Reason.AUDIENCE, _audience),
    (Reason.AUTHN_STATEMENT, _authn_statement),
    (Reason.NAME_ID, _name_id),
    (Reason.NAME_ID_QUALIFIER, _name_id_qualifier),
)
