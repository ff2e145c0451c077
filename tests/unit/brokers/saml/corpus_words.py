"""Attacks by what the signed words say, or don't: what `checks` refuses. All are signed anew."""

from datetime import UTC, datetime, timedelta

from lxml.etree import _Element as Element

from brokers.saml import Reason
from tests.saml_forge import ACS_URL, drop, element, find, repeat, rsa_key, set_attribute, set_text
from tests.saml_forge.edits import Edit
from tests.saml_forge.idp import ASSERTION, RESPONSE, stamp
from tests.unit.brokers.saml.corpus import Attack, own

NAME_ID = f"{ASSERTION}/saml:Subject/saml:NameID"
CONFIRMATION = f"{ASSERTION}/saml:Subject/saml:SubjectConfirmation"
DATA = f"{CONFIRMATION}/saml:SubjectConfirmationData"
CONDITIONS = f"{ASSERTION}/saml:Conditions"
RESTRICTION = f"{CONDITIONS}/saml:AudienceRestriction"
STATEMENT = f"{ASSERTION}/saml:AuthnStatement"
OTHER = "https://other.example.test/metadata"


def library(reason: Reason) -> tuple[str, Reason]:
    return "library", reason


def moved(path: str, name: str, **offset: float) -> Edit:
    """Set a time relative to now, at the moment of forging."""
    return lambda root: find(root, path).set(name, stamp(datetime.now(UTC) + timedelta(**offset)))


def window(minutes: int) -> Edit:
    def edit(root: Element) -> None:
        begins = datetime.now(UTC) - timedelta(minutes=1)
        find(root, CONDITIONS).set("NotBefore", stamp(begins))
        find(root, CONDITIONS).set("NotOnOrAfter", stamp(begins + timedelta(minutes=minutes)))

    return edit


def local(path: str, name: str) -> Edit:
    """Take the time zone away."""
    return lambda root: find(root, path).set(name, find(root, path).get(name, "").removesuffix("Z"))


def another_restriction(root: Element) -> None:
    restriction = element("<saml:AudienceRestriction/>")
    restriction.append(element(f"<saml:Audience>{OTHER}</saml:Audience>"))
    find(root, RESTRICTION).addnext(restriction)


ADDRESSES = (
    Attack("no Destination", (own("checks.destination"),), {"alter": drop(RESPONSE, "Destination")}),
    Attack(
        "an empty Destination",
        (library(Reason.DESTINATION), own("checks.destination")),
        {"alter": set_attribute(RESPONSE, "Destination", "")},
    ),
    Attack(
        "a Destination that begins alike",
        (own("checks.destination"),),
        {"alter": set_attribute(RESPONSE, "Destination", f"{ACS_URL}.evil.example")},
    ),
    Attack(
        "another Destination",
        (library(Reason.DESTINATION), own("checks.destination")),
        {"alter": set_attribute(RESPONSE, "Destination", "https://other.example.test/acs")},
    ),
    Attack("no Recipient", (own("checks.recipient"),), {"alter": drop(DATA, "Recipient")}),
    Attack(
        "a Recipient that contains ours",
        (own("checks.recipient"),),
        {"alter": set_attribute(DATA, "Recipient", f"https://evil.example/?{ACS_URL}")},
    ),
    Attack(
        "another Recipient",
        (library(Reason.CONFIRMATION), own("checks.recipient")),
        {"alter": set_attribute(DATA, "Recipient", "https://other.example.test/acs")},
    ),
    Attack("no audience", (own("checks.audience"),), {"alter": drop(RESTRICTION)}),
    Attack("one of two restrictions isn't ours", (own("checks.audience"),), {"alter": another_restriction}),
    Attack("an empty Audience", (own("checks.audience"),), {"alter": set_text(f"{RESTRICTION}/*", "")}),
    Attack(
        "another audience",
        (library(Reason.AUDIENCE), own("checks.audience")),
        {"alter": set_text(f"{RESTRICTION}/saml:Audience", OTHER)},
    ),
)

REQUESTS = (
    Attack(
        "unasked: no InResponseTo on the response",
        (own("checks.in_response_to"),),
        {"alter": drop(RESPONSE, "InResponseTo")},
    ),
    Attack(
        "the response answers another request",
        (library(Reason.IN_RESPONSE_TO), own("checks.in_response_to")),
        {"finish": set_attribute(RESPONSE, "InResponseTo", "_another")},
    ),
    Attack(
        "unasked: no InResponseTo in the confirmation",
        (own("checks.confirmation_in_response_to"),),
        {"alter": drop(DATA, "InResponseTo")},
    ),
    Attack(
        "the confirmation answers another request",
        (library(Reason.CONFIRMATION), own("checks.confirmation_in_response_to")),
        {"alter": set_attribute(DATA, "InResponseTo", "_another")},
    ),
    Attack(
        "an assertion for another request in a response to ours",
        (
            library(Reason.CONFIRMATION),
            own("checks.confirmation_in_response_to"),
        ),
        {"request_id": "_another", "finish": lambda root: root.set("InResponseTo", "_pending")},
        base={"request_id": "_pending"},
    ),
)

TIMES = (
    Attack(
        "a confirmation without end",
        (own("checks.confirmation_time"),),
        {"alter": drop(DATA, "NotOnOrAfter")},
    ),
    Attack(
        "a confirmation that is over",
        (library(Reason.CONFIRMATION), own("checks.confirmation_time")),
        {"alter": moved(DATA, "NotOnOrAfter", seconds=-2)},
    ),
    Attack(
        "a bearer confirmation with NotBefore",
        (own("checks.confirmation_time"),),
        {"alter": moved(DATA, "NotBefore", minutes=-1)},
    ),
    Attack(
        "conditions without beginning",
        (own("checks.conditions_time"), own("checks.lifetime")),
        {"alter": drop(CONDITIONS, "NotBefore")},
    ),
    Attack(
        "conditions without end",
        (own("checks.conditions_time"), own("checks.lifetime")),
        {"alter": drop(CONDITIONS, "NotOnOrAfter")},
    ),
    Attack(
        "no conditions",
        (
            library(Reason.CONDITIONS_TIME),
            own("checks.conditions_time"),
            own("checks.lifetime"),
            own("checks.audience"),
        ),
        {"alter": drop(CONDITIONS)},
    ),
    Attack(
        "conditions that are over, within python3-saml's five minutes",
        (own("checks.conditions_time"),),
        {"alter": moved(CONDITIONS, "NotOnOrAfter", seconds=-2)},
    ),
    Attack(
        "conditions that are long over",
        (library(Reason.CONDITIONS_TIME), own("checks.conditions_time")),
        {"alter": moved(CONDITIONS, "NotOnOrAfter", minutes=-10)},
    ),
    Attack(
        "conditions that begin later than clocks differ",
        (own("checks.conditions_time"),),
        {"alter": moved(CONDITIONS, "NotBefore", seconds=180)},
        base={"alter": moved(CONDITIONS, "NotBefore", seconds=60)},
    ),
    Attack(
        "conditions for longer than the maximum",
        (own("checks.lifetime"),),
        {"alter": window(71)},
        base={"alter": window(70)},
    ),
    Attack(
        "conditions for longer than this identity provider's maximum",
        (own("checks.lifetime"),),
        {"alter": window(11)},
        base={"alter": window(10)},
        idp={"max_assertion_lifetime": timedelta(minutes=10)},
    ),
    Attack(
        "a time without its zone",
        (own("checks.confirmation_time"),),
        {"alter": local(DATA, "NotOnOrAfter")},
    ),
    Attack(
        "no AuthnStatement",
        (library(Reason.AUTHN_STATEMENT), own("checks.authn_statement")),
        {"alter": drop(STATEMENT)},
    ),
    Attack(
        "two AuthnStatements",
        (library(Reason.AUTHN_STATEMENT), own("checks.authn_statement")),
        {"alter": repeat(STATEMENT)},
    ),
    Attack(
        "signed in tomorrow",
        (own("checks.authn_statement"),),
        {"alter": moved(STATEMENT, "AuthnInstant", days=1)},
    ),
    Attack(
        "signed in at an hour that no clock shows",
        (own("checks.authn_statement"),),
        {"alter": set_attribute(STATEMENT, "AuthnInstant", "2020-01-01T24:00:00Z")},
    ),
    Attack(
        "a session that is over",
        (library(Reason.AUTHN_STATEMENT), own("checks.authn_statement")),
        {"alter": moved(STATEMENT, "SessionNotOnOrAfter", seconds=-2)},
        base={"alter": moved(STATEMENT, "SessionNotOnOrAfter", hours=8)},
    ),
)

ISSUERS = (
    Attack(
        "an empty Issuer on the response",
        (own("checks.issuer"),),
        {"alter": set_text(f"{RESPONSE}/saml:Issuer", "")},
    ),
    Attack("no Issuer on the response", (own("checks.issuer"),), {"alter": drop(f"{RESPONSE}/saml:Issuer")}),
    Attack(
        "an empty Issuer on the assertion",
        (own("checks.issuer"),),
        {"alter": set_text(f"{ASSERTION}/saml:Issuer", "")},
    ),
    Attack(
        "Issuers that differ",
        (library(Reason.ISSUER), own("checks.issuer")),
        {"alter": set_text(f"{RESPONSE}/saml:Issuer", OTHER)},
    ),
    Attack(
        "a valid response from another identity provider than the one asked",
        (library(Reason.ISSUER), own("checks.issuer")),
        {"entity_id": OTHER, "key": rsa_key("other")},
    ),
    Attack(
        "another tenant of the same provider, which signs with the same key",
        (library(Reason.ISSUER), own("checks.issuer")),
        {"entity_id": OTHER},
    ),
    Attack(
        "another identity provider that claims to be the one asked",
        (library(Reason.SIGNATURE),),
        {"key": rsa_key("other")},
    ),
)


def _named(name: str, text: str) -> Attack:
    return Attack(name, (own("checks.name_id"),), {"alter": set_text(NAME_ID, text)}, gets={"name_id": text})


NAMES = (
    _named("an empty NameID", ""),
    _named("a NameID with a space", "alice smith"),
    _named("a NameID with a space at its end", "alice "),
    _named("a NameID with a line end", "alice\n"),
    _named("a NameID with a no-break space", "alice\u00a0"),
    _named("a NameID with a zero-width space", "ali\u200bce"),
    _named("a NameID with a right-to-left override", "alice\u202e"),
    _named("a NameID with a Cyrillic letter", "\u0430lice"),
    _named("a NameID with a fullwidth letter", "\uff41lice"),
    _named("a NameID with a combining accent", "alice\u0301"),
    _named("a NameID without end", "a" * 257),
    Attack("no NameID", (own("checks.name_id"),), {"alter": drop(NAME_ID)}, gets={"name_id": ""}),
    Attack(
        "a NameID of another provider's people",
        (own("checks.name_id_qualifier"),),
        {"alter": set_attribute(NAME_ID, "NameQualifier", OTHER)},
    ),
    Attack(
        "a NameID for another service",
        (own("checks.name_id_qualifier"),),
        {"alter": set_attribute(NAME_ID, "SPNameQualifier", OTHER)},
    ),
    Attack(
        "a holder-of-key confirmation",
        (library(Reason.CONFIRMATION), own("checks.confirmation")),
        {"alter": set_attribute(CONFIRMATION, "Method", "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key")},
    ),
    Attack(
        "no confirmation",
        (
            library(Reason.CONFIRMATION),
            own("checks.confirmation"),
            own("checks.recipient"),
            own("checks.confirmation_in_response_to"),
            own("checks.confirmation_time"),
        ),
        {"alter": drop(CONFIRMATION)},
    ),
)

CORPUS = ADDRESSES + REQUESTS + TIMES + ISSUERS + NAMES
