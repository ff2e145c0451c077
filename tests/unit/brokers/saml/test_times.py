"""To the second: how far ahead another clock may run, and that an end is an end."""

from datetime import UTC, datetime, timedelta

import pytest
from lxml.etree import _Element as Element

from brokers.errors import SamlRejected
from brokers.saml import Reason, ServiceProvider, ServiceProviderConfig, checks
from tests.saml_forge import ACS_URL, SP_ENTITY_ID, Forge, find, set_attribute
from tests.saml_forge.idp import ASSERTION, VALID_FOR, stamp

SP = ServiceProvider(ServiceProviderConfig(SP_ENTITY_ID, ACS_URL))
NOW = datetime.now(UTC).replace(microsecond=0)
INSTANT = timedelta(microseconds=1)
ENDS = NOW + VALID_FOR


def outcome(forge: Forge, at: datetime) -> str:
    try:
        return SP.verify(forge.provider(), forge.response(), request_id=forge.request_id, at=at).name_id
    except SamlRejected as refused:
        return refused.reason


def dated(root: Element) -> None:
    conditions = find(root, f"{ASSERTION}/saml:Conditions")
    conditions.set("NotBefore", stamp(NOW))
    conditions.set("NotOnOrAfter", stamp(ENDS))
    data = find(root, f"{ASSERTION}//saml:SubjectConfirmationData")
    data.set("NotOnOrAfter", stamp(ENDS + timedelta(minutes=1)))
    find(root, f"{ASSERTION}/saml:AuthnStatement").set("AuthnInstant", stamp(NOW - timedelta(hours=1)))


def test_the_allowance_at_the_beginning_is_two_minutes() -> None:
    forge = Forge(alter=dated)

    assert timedelta(seconds=120) == checks.CLOCK_SKEW
    assert outcome(forge, NOW - checks.CLOCK_SKEW) == "alice"
    assert outcome(forge, NOW - checks.CLOCK_SKEW - INSTANT) == Reason.CONDITIONS_TIME


def test_there_is_none_at_the_end() -> None:
    forge = Forge(alter=dated)

    assert outcome(forge, ENDS - INSTANT) == "alice"
    assert outcome(forge, ENDS) == Reason.CONDITIONS_TIME


def test_the_session_ends_when_the_provider_says_so_or_nothing_is_said() -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    says = set_attribute(f"{ASSERTION}/saml:AuthnStatement", "SessionNotOnOrAfter", stamp(ends))
    for forge, told in ((Forge(alter=says), ends), (Forge(), None)):
        verified = SP.verify(
            forge.provider(), forge.response(), request_id=forge.request_id, at=datetime.now(UTC)
        )
        assert verified.session_ends_at == told


@pytest.mark.parametrize(("late", "expected"), [(0, "alice"), (1, Reason.AUTHN_STATEMENT)])
def test_nobody_signs_in_later_than_clocks_differ(late: int, expected: str) -> None:
    now = datetime.now(UTC).replace(microsecond=0)  # the forge dates its response by the moment, not by NOW
    signed_in = now + checks.CLOCK_SKEW + timedelta(seconds=late)
    forge = Forge(alter=set_attribute(f"{ASSERTION}/saml:AuthnStatement", "AuthnInstant", stamp(signed_in)))

    assert outcome(forge, now) == expected
