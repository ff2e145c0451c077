from typing import Any

import pytest

from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.web.event_words import WORDS, event_detail, event_words


@pytest.mark.parametrize("kind", EventType)
def test_each_event_has_words(kind: EventType) -> None:
    words = event_words(AuditEvent(type=kind.value, details={}))
    assert words
    assert "." not in words
    assert "{" not in words
    assert words[0].isupper()


def test_no_words_are_left_of_an_event_that_is_no_more() -> None:
    assert set(WORDS) == {kind.value for kind in EventType}


@pytest.mark.parametrize(
    ("kind", "details", "words", "detail"),
    [
        ("staff.record.added", {"record": "partner", "name": "Acme"}, "Partner added", "Acme"),
        (
            "staff.record.changed",
            {"record": "AWS role", "name": "Reader", "fields": ["contract_ends_at", "sponsor"]},
            "AWS role changed",
            "contract ends at, sponsor",
        ),
        (
            "staff.record.changed",
            {"record": "proof of an ExternalId", "why": "asked for in Data"},
            "Proof of an ExternalId changed",
            "asked for in Data",
        ),
        ("directory.partner.account_added", {"name": "production"}, "AWS account added", "production"),
        (
            "directory.partner.account_closed",
            {"name": "production", "reason": "sold"},
            "AWS account closed: what it had has ended",
            "sold",
        ),
        ("directory.person.changed", {"name": "Kim", "is_active": False}, "Person deactivated", "Kim"),
        ("directory.person.changed", {"name": "Kim", "is_active": True}, "Person reactivated", "Kim"),
        ("directory.person.changed", {"name": "Kim", "fields": ["email"]}, "Person changed", "Kim"),
        (
            "directory.partner.admin_changed",
            {"name": "Kim", "is_admin": True},
            "Made the company's admin",
            "Kim",
        ),
        (
            "directory.partner.admin_changed",
            {"name": "Kim", "is_admin": False},
            "No longer the company's admin",
            "Kim",
        ),
        (
            "directory.sponsor.answered",
            {"name": "Acme", "sponsor": "Sam"},
            "Settled who answers for the company",
            "Sam",
        ),
    ],
)
def test_events_of_a_partner_say_of_whom_and_what(
    kind: str, details: dict[str, Any], words: str, detail: str
) -> None:
    event = AuditEvent(type=kind, details=details)
    assert (event_words(event), event_detail(event)) == (words, detail)


def test_a_session_is_named_by_its_kind() -> None:
    event = AuditEvent(type="access.session.issued", details={"kind": "console"})
    assert event_words(event) == "Console sign-in issued"


def test_an_event_without_words_shows_its_name() -> None:
    assert event_words(AuditEvent(type="access.unknown", details={})) == "access.unknown"


def test_the_most_telling_detail_comes_first() -> None:
    told = {"destination": "https://console.aws.amazon.com/", "why": "it has ended", "other": 1}
    assert event_detail(AuditEvent(details=told)) == "it has ended"
    assert event_detail(AuditEvent(details={"session": "x"})) == ""
