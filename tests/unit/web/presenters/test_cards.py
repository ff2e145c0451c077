"""My access in its order, and the words of states and accounts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from portal.web.presenters import AccountLabel, GrantCard, badge, countdown, my_access

NOW = datetime(2025, 11, 20, 13, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def card(key: str, starts: timedelta, ends: timedelta, *, now: datetime = NOW) -> GrantCard:
    return GrantCard(
        id=key,
        role_name="Log reader",
        role_description="Look at logs.",
        account=AccountLabel("Production", "444455556666"),
        scope="Everything the role allows",
        countdown=countdown(NOW + starts, NOW + ends, now=now, zone=UTC),
        badge=badge("active"),
        granted_by="Marta",
        reason="On call",
        explanation="By AssumeRole.",
    )


def test_my_access_puts_what_ends_next_first() -> None:
    cards = [
        card("long", -HOUR, 5 * HOUR),
        card("short", -HOUR, MINUTE),
        card("week", 7 * DAY, 8 * DAY),
        card("tomorrow", DAY, 2 * DAY),
        card("old", -3 * DAY, -2 * DAY),
        card("fresh", -HOUR, -MINUTE),
    ]
    page = my_access(cards)
    order = [[c.id for c in part] for part in (page.active, page.later, page.ended)]
    assert order == [["short", "long"], ["tomorrow", "week"], ["fresh", "old"]]


def test_the_fingerprint_changes_with_the_grants_and_not_with_the_time() -> None:
    one = my_access([card("a", -HOUR, HOUR)]).fingerprint
    assert my_access([card("a", -HOUR, HOUR, now=NOW + MINUTE)]).fingerprint == one
    different = {
        my_access([]).fingerprint,
        my_access([card("b", -HOUR, HOUR)]).fingerprint,
        my_access([card("a", -HOUR, 2 * HOUR)]).fingerprint,
        my_access([card("a", -HOUR, HOUR, now=NOW + HOUR)]).fingerprint,
        my_access([replace(card("a", -HOUR, HOUR), console_allowed=False)]).fingerprint,
        my_access([replace(card("a", -HOUR, HOUR), reason="Other")]).fingerprint,
    }
    assert len(different | {one}) == 7


def test_an_unknown_state_still_has_a_word() -> None:
    assert badge("waiting_for_review").word == "Waiting for review"


@pytest.mark.parametrize(
    ("number", "grouped"),
    [("111122223333", "1111-2222-3333"), ("1111", "1111"), ("11112222333x", "11112222333x")],
)
def test_account_numbers_are_grouped(number: str, grouped: str) -> None:
    assert AccountLabel("Production", number).grouped == grouped
