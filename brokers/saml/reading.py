"""Reading a verified response: its parts, its times, and in the end who it speaks of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from brokers.saml import names
from brokers.saml.config import ServiceProviderConfig
from brokers.saml.names import SAML, Element
from brokers.types import SamlIdentity, SamlIdentityProvider


@dataclass(frozen=True, slots=True)
class Answer:
    """A response whose signatures were verified, with all that it is to be held against."""

    response: Element
    config: ServiceProviderConfig
    idp: SamlIdentityProvider
    request_id: str | None
    at: datetime

    @property
    def assertion(self) -> Element:
        return part(self.response, "Assertion")

    @property
    def name_id(self) -> Element:
        return part(self.assertion, "Subject", "NameID")

    @property
    def confirmation(self) -> Element:
        return part(self.assertion, "Subject", "SubjectConfirmation", "SubjectConfirmationData")

    @property
    def conditions(self) -> Element:
        return part(self.assertion, "Conditions")

    @property
    def authn_statement(self) -> Element:
        return part(self.assertion, "AuthnStatement")


def part(element: Element, *path: str) -> Element:
    """Return the first descendant at `path`, or an empty stand-in without text and attributes."""
    found = element.find("/".join(f"{SAML}{name}" for name in path))
    return element.makeelement("missing") if found is None else found


def moment(element: Element, name: str) -> datetime | None:
    """Return the time in attribute `name`; None when missing or not in UTC (saml-core-2.0-os, 1.3.3)."""
    value = element.get(name, "")
    try:
        return datetime.fromisoformat(value).astimezone(UTC) if value.endswith("Z") else None
    except ValueError:
        return None


def identity(answer: Answer, *, valid_until: datetime, authenticated_at: datetime) -> SamlIdentity:
    return SamlIdentity(
        issuer=answer.idp.entity_id,
        assertion_id=answer.assertion.get("ID", ""),
        name_id=answer.name_id.text or "",
        name_id_format=answer.name_id.get("Format") or names.UNSPECIFIED,
        session_index=answer.authn_statement.get("SessionIndex"),
        attributes=_attributes(answer.assertion),
        authenticated_at=authenticated_at,
        valid_until=valid_until,
        session_ends_at=moment(answer.authn_statement, "SessionNotOnOrAfter"),
        context=(part(answer.authn_statement, "AuthnContext", "AuthnContextClassRef").text or "").strip(),
    )


def _attributes(assertion: Element) -> Mapping[str, tuple[str, ...]]:
    """Values by Name. A name that stands twice has the values of both: all are the same issuer's word."""
    found: dict[str, tuple[str, ...]] = {}
    for attribute in assertion.iterfind(f"{SAML}AttributeStatement/{SAML}Attribute"):
        texts = (
            "".join(str(text) for text in value.itertext())
            for value in attribute.iterfind(f"{SAML}AttributeValue")
        )
        name = attribute.get("Name", "")
        found[name] = found.get(name, ()) + tuple(text for text in texts if text)
    return found
