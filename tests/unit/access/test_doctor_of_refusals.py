"""Why a person was refused: each door planted alone, and the neighbour whom nothing stops."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from portal.access.doctor import GrantFacts, Verdict, sentence, stopped_by
from portal.access.doctor.refused import PersonFacts, Refusal, walk_refusal
from portal.access.lifecycle import GrantState

NOW = datetime(2026, 5, 6, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
GRANT = GrantFacts(GrantState.ACTIVE, NOW - HOUR, NOW + HOUR)
HEALTHY = PersonFacts(at=NOW, grant=GRANT, is_open=True)


def refusal(code: str, why: str, *, aws: bool = False) -> Refusal:
    return Refusal(NOW, "credentials", code, why, failed_in_aws=aws)


REVOKED = replace(GRANT, state=GrantState.REVOKED, ended_at=NOW - HOUR, end_reason="moved on")
PLANTED = {
    "hold": (replace(HEALTHY, hold="restored"), "hold", "in hold"),
    "person off": (replace(HEALTHY, person_is_active=False), "switched_on", "The person is"),
    "role off": (replace(HEALTHY, role_is_enabled=False), "switched_on", "The role is"),
    "partner": (replace(HEALTHY, partner_stop="Acme is suspended."), "partner", "Acme is suspended."),
    "revoked": (replace(HEALTHY, is_open=False, grant=REVOKED), "window", "was revoked"),
    "over": (replace(HEALTHY, is_open=False, grant=replace(GRANT, ends_at=NOW)), "window", "grant ended at"),
    "early": (
        replace(HEALTHY, is_open=False, grant=replace(GRANT, starts_at=NOW + HOUR)),
        "window",
        "starts only at",
    ),
    "between windows": (
        replace(HEALTHY, is_open=False, window="Mon to Fri 08:00 to 18:00", opens_at=NOW + HOUR),
        "window",
        "open Mon to Fri",
    ),
    "kind": (replace(HEALTHY, kind_refused="Reader does not allow the console."), "kind", "the console"),
    "sign-in too old": (
        replace(
            HEALTHY, refusal=refusal("sign_in_too_old", "old"), sign_in="Your sign-in is older than a day"
        ),
        "sign_in",
        "older than a day",
    ),
    "sign-in was too old": (
        replace(HEALTHY, refusal=refusal("sign_in_too_old", "old")),
        "sign_in",
        "fresh now",
    ),
    "sign-in too old now": (replace(HEALTHY, sign_in="Sign in at Corp first"), "sign_in", "Corp"),
    "second factor": (
        replace(HEALTHY, refusal=refusal("step_up_required", "asks for a second factor"), factor_minutes=5),
        "factor",
        "asks for a second factor",
    ),
    "AWS refused": (
        replace(HEALTHY, refusal=refusal("aws.access_denied", "AssumeRole was refused", aws=True)),
        "aws",
        "AssumeRole was refused",
    ),
    "AWS silent": (
        replace(HEALTHY, refusal=refusal("aws.unavailable", "time-out", aws=True)),
        "aws",
        "time-out",
    ),
    "something else": (
        replace(HEALTHY, refusal=refusal("conflict", "It was just taken.")),
        "other",
        "It was just taken.",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_door_that_stopped_it_is_found_alone(name: str) -> None:
    facts, door, words = PLANTED[name]
    steps = walk_refusal(facts)
    assert [step.name for step in steps if step.verdict != Verdict.OK] == [door]
    assert stopped_by(steps) == door
    assert words in sentence(steps)
    assert next(step for step in steps if step.name == door).advice


def test_whether_trying_again_helps_is_said() -> None:
    silent, refused = (
        next(step for step in walk_refusal(PLANTED[name][0]) if step.name == "aws").advice
        for name in ("AWS silent", "AWS refused")
    )
    assert "may help" in silent
    assert "won't help" in refused


@pytest.mark.parametrize("facts", [HEALTHY, replace(HEALTHY, factor_minutes=5)])
def test_nothing_stops_the_neighbour(facts: PersonFacts) -> None:
    steps = walk_refusal(facts)
    assert stopped_by(steps) == ""
    assert sentence(steps) == "Nothing here stops it."
