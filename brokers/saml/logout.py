"""Single logout: the messages, verified as strictly as responses, and made (saml-core-2.0-os, 3.7; saml-profiles, 4.4).

HTTP-Redirect both ways. HTTP-POST is read too, for requests and answers, signed in the document itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from brokers.errors import SamlRejected
from brokers.saml import building, names, parsing, redirect, shape, signatures
from brokers.saml.checks import CLOCK_SKEW, NAME_ID
from brokers.saml.config import ServiceProviderConfig
from brokers.saml.keys import ServiceKey
from brokers.saml.names import DS, SAML, SAMLP, Element
from brokers.saml.reading import moment, part
from brokers.saml.reasons import Reason
from brokers.types import SamlIdentityProvider, SamlLogoutAnswer, SamlLogoutRequest, SamlMessage

# How old a message may be, whatever it says of its own end: so long its id has to be remembered.
MAX_AGE: Final = timedelta(minutes=5)
REQUEST: Final = f"{SAMLP}LogoutRequest"
RESPONSE: Final = f"{SAMLP}LogoutResponse"


@dataclass(frozen=True, slots=True)
class Heard:
    """A message whose signature was verified, with all that it is to be held against."""

    message: Element
    config: ServiceProviderConfig
    idp: SamlIdentityProvider
    at: datetime
    relay_state: str | None = None


def begin(  # noqa: PLR0913  # what a LogoutRequest is made of
    config: ServiceProviderConfig,
    key: ServiceKey | None,
    idp: SamlIdentityProvider,
    *,
    name_id: str,
    name_id_format: str,
    session_index: str,
    relay_state: Callable[[str], str],
) -> str | None:
    if key is None or config.slo_url is None or idp.slo_url is None:
        return None
    request_id, now = building.new_id(), datetime.now(UTC)
    indexes = [building.make(f"{SAMLP}SessionIndex", text=session_index)] if session_index else []
    request = building.make(
        REQUEST,
        building.make(f"{SAML}Issuer", text=config.entity_id),
        building.make(f"{SAML}NameID", text=name_id, Format=name_id_format or names.UNSPECIFIED),
        *indexes,
        ID=request_id,
        Version="2.0",
        IssueInstant=building.stamp(now),
        NotOnOrAfter=building.stamp(now + MAX_AGE),
        Destination=idp.slo_url,
    )
    document = building.document(request)
    state = relay_state(request_id)
    return redirect.address(idp.slo_url, redirect.REQUEST, document, relay_state=state, key=key)


def answer(
    config: ServiceProviderConfig,
    key: ServiceKey | None,
    idp: SamlIdentityProvider,
    request: SamlLogoutRequest,
) -> str | None:
    if key is None or idp.slo_response_url is None:
        return None
    status = building.make(f"{SAMLP}Status", building.make(f"{SAMLP}StatusCode", Value=names.SUCCESS))
    response = building.make(
        RESPONSE,
        building.make(f"{SAML}Issuer", text=config.entity_id),
        status,
        ID=building.new_id(),
        Version="2.0",
        IssueInstant=building.stamp(datetime.now(UTC)),
        Destination=idp.slo_response_url,
        InResponseTo=request.request_id,
    )
    return redirect.answer(
        idp.slo_response_url,
        redirect.RESPONSE,
        building.document(response),
        relay_state=request.relay_state,
        key=key,
    )


def read_request(
    config: ServiceProviderConfig, idp: SamlIdentityProvider, message: SamlMessage, at: datetime
) -> SamlLogoutRequest:
    """Verify a LogoutRequest: signature over the query's exact text or the whole document, then every word.

    Raises:
        SamlRejected: the first reason that applies.
    """
    heard = _heard(config, idp, message, at, tag=REQUEST)
    check(heard, REQUEST_CHECKS)
    name_id, issued = part(heard.message, "NameID"), moment(heard.message, "IssueInstant")
    return SamlLogoutRequest(
        request_id=heard.message.get("ID", ""),
        name_id=name_id.text or "",
        name_id_format=name_id.get("Format") or names.UNSPECIFIED,
        session_indexes=tuple(index.text or "" for index in heard.message.iterfind(f"{SAMLP}SessionIndex")),
        valid_until=(issued or at) + MAX_AGE,
        relay_state=heard.relay_state,
    )


def read_answer(
    config: ServiceProviderConfig, idp: SamlIdentityProvider, message: SamlMessage, at: datetime
) -> tuple[SamlLogoutAnswer, str, str]:
    """Verify a LogoutResponse: returns it, the request's id that it names, and the RelayState.

    Raises:
        SamlRejected: the first reason that applies.
    """
    heard = _heard(config, idp, message, at, tag=RESPONSE)
    check(heard, ANSWER_CHECKS)
    codes = heard.message.iterfind(f"{SAMLP}Status//{SAMLP}StatusCode")
    status = [code.get("Value", "").rpartition(":")[2] for code in codes]
    answered = SamlLogoutAnswer(status[-1] if status else "")
    return answered, heard.message.get("InResponseTo", ""), heard.relay_state or ""


def claimed_issuer(message: SamlMessage) -> str:
    """Return whose the message says that it is, before anything of it was verified."""
    if message.posted:
        return part(parsing.read_response(message.posted), "Issuer").text or ""
    name = redirect.RESPONSE if f"{redirect.RESPONSE}=" in message.query else redirect.REQUEST
    return part(redirect.parsed(redirect.read(message.query, name)), "Issuer").text or ""


def check(heard: Heard, checks: "Checks") -> None:
    for reason, complaint in checks:
        if found := complaint(heard):
            raise SamlRejected(reason, found)


def _heard(
    config: ServiceProviderConfig, idp: SamlIdentityProvider, message: SamlMessage, at: datetime, *, tag: str
) -> Heard:
    """Read a message and verify its signature: of the query, or, where it was posted, of the document."""
    if message.posted:
        document = parsing.read_response(message.posted)
        shape.check_message(document, tag)
        if document.find(f"{DS}Signature") is None:
            raise SamlRejected(Reason.UNSIGNED, "a log-out message without a signature")
        if not signatures.is_signed_by(document, idp.certificates):
            raise SamlRejected(Reason.SIGNATURE, "the message's signature is by no pinned key")
        return Heard(document, config, idp, at, message.relay_state)
    query = redirect.read(message.query, redirect.REQUEST if tag == REQUEST else redirect.RESPONSE)
    redirect.verify(query, idp.certificates)
    document = redirect.parsed(query)
    shape.check_message(document, tag)
    return Heard(document, config, idp, at, query.relay_state)


def _version(heard: Heard) -> str | None:
    wrong = heard.message.get("Version") != "2.0" or not heard.message.get("ID")
    return "no ID, or a version that is not 2.0" if wrong else None


def _issuer(heard: Heard) -> str | None:
    return _unequal(part(heard.message, "Issuer").text, heard.idp.entity_id)


def _destination(heard: Heard) -> str | None:
    return _unequal(heard.message.get("Destination"), heard.config.slo_url)


def _issue_instant(heard: Heard) -> str | None:
    issued = moment(heard.message, "IssueInstant")
    if issued is None or not heard.at - MAX_AGE < issued <= heard.at + CLOCK_SKEW:
        return f"issued at {issued}; it is {heard.at}"
    return None


def _time(heard: Heard) -> str | None:
    if heard.message.get("NotOnOrAfter") is None:
        return None  # optional (saml-core-2.0-os, 3.7.1); IssueInstant bounds it all the same
    ends = moment(heard.message, "NotOnOrAfter")
    return f"ends at {ends}; it is {heard.at}" if ends is None or ends <= heard.at else None


def _name_id(heard: Heard) -> str | None:
    text = part(heard.message, "NameID").text or ""
    return None if NAME_ID.fullmatch(text) else f"NameID {text!a}"


def _name_id_qualifier(heard: Heard) -> str | None:
    name_id = part(heard.message, "NameID")
    ours = {"NameQualifier": heard.idp.entity_id, "SPNameQualifier": heard.config.entity_id}
    for name, expected in ours.items():
        if name_id.get(name, expected) != expected:
            return f"{name} is {name_id.get(name)!r}"
    return None


def _status(heard: Heard) -> str | None:
    return "no status" if heard.message.find(f"{SAMLP}Status/{SAMLP}StatusCode") is None else None


def _unequal(found: str | None, expected: str | None) -> str | None:
    return None if found == expected is not None else f"{found!r} where {expected!r} was expected"


# In this order. A test takes one out and the attack gets in.
Checks = tuple[tuple[Reason, Callable[[Heard], str | None]], ...]
_ANY: Checks = (
    (Reason.STRUCTURE, _version),
    (Reason.ISSUER, _issuer),
    (Reason.DESTINATION, _destination),
    (Reason.ISSUE_INSTANT, _issue_instant),
)
REQUEST_CHECKS: Checks = (
    *_ANY,
    (Reason.LOGOUT_TIME, _time),
    (Reason.NAME_ID, _name_id),
    (Reason.NAME_ID_QUALIFIER, _name_id_qualifier),
)
ANSWER_CHECKS: Checks = (*_ANY, (Reason.STATUS, _status))
