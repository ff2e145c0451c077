import pytest

from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.web.event_words import WORDS, event_detail, event_words


@pytest.mark.parametrize("kind", [kind for kind in EventType if kind.value.startswith("access.")])
def test_each_event_of_a_grant_has_words(kind: EventType) -> None:
    assert kind.value in WORDS


def test_a_session_is_named_by_its_kind() -> None:
    event = AuditEvent(type="access.session.issued", details={"kind": "console"})
    assert event_words(event) == "Console sign-in issued"


def test_an_event_without_words_shows_its_name() -> None:
    assert event_words(AuditEvent(type="access.unknown", details={})) == "access.unknown"


def test_the_most_telling_detail_comes_first() -> None:
    told = {"destination": "https://console.aws.amazon.com/", "why": "it has ended", "other": 1}
    assert event_detail(AuditEvent(details=told)) == "it has ended"
    assert event_detail(AuditEvent(details={"session": "x"})) == ""
