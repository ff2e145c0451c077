"""How long a session is: every rule as a case, over the function that issuing asks, and the same table in the docs."""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from portal.access.choice import Cap, GrantFacts, choose, span_words
from portal.access.choice_calls import NAMES, Call, RoleFacts
from portal.access.policy import LENGTH_RULES, EndTooNearError, session_length

DOCS = Path(__file__).parents[3] / "docs" / "brokers.md"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Case:
    """`most`: what the role's definition allows. `left`: until what ends it. `gives` None: refused."""

    call: Call
    most: timedelta
    left: timedelta
    gives: timedelta | None
    by: Cap
    end: str = "the grant's end"
    how: str = ""


ASSUME, CHAINED, FEDERATED = Call.ASSUME_ROLE, Call.ASSUME_ROLE_CHAINED, Call.FEDERATION_TOKEN
USERS, POOL, ROOT = Call.SESSION_TOKEN, Call.COGNITO, Call.ROOT_TASK
CASES = [
    Case(ASSUME, 12 * HOUR, 20 * HOUR, 12 * HOUR, Cap.ROLE),
    Case(ASSUME, 2 * HOUR, 4 * HOUR, 2 * HOUR, Cap.ROLE),
    Case(ASSUME, 2 * HOUR, 90 * MINUTE, 90 * MINUTE, Cap.GRANT),
    Case(ASSUME, 2 * HOUR, 2 * HOUR, 2 * HOUR, Cap.GRANT),
    Case(ASSUME, 2 * HOUR, 15 * MINUTE, 15 * MINUTE, Cap.GRANT),
    Case(ASSUME, 2 * HOUR, 15 * MINUTE - SECOND, 15 * MINUTE, Cap.POLICY),
    Case(ASSUME, 2 * HOUR, SECOND, 15 * MINUTE, Cap.POLICY),
    Case(ASSUME, 2 * HOUR, 40 * MINUTE, 40 * MINUTE, Cap.WINDOW, end="the window's end"),
    Case(ASSUME, 2 * HOUR, 5 * MINUTE, 15 * MINUTE, Cap.POLICY, end="the window's end"),
    Case(ASSUME, 2 * HOUR, 30 * MINUTE, 30 * MINUTE, Cap.SIGN_IN, end="the age of your sign-in"),
    Case(ASSUME, 2 * HOUR, 50 * MINUTE, 50 * MINUTE, Cap.CONTRACT, end="the contract's end"),
    Case(CHAINED, 12 * HOUR, 20 * HOUR, HOUR, Cap.CHAIN, how="the hub is a role"),
    Case(CHAINED, 12 * HOUR, 20 * HOUR, HOUR, Cap.CHAIN, how="through another role"),
    Case(CHAINED, HOUR, 20 * HOUR, HOUR, Cap.CHAIN, how="the hub is a role"),
    Case(CHAINED, 12 * HOUR, 20 * MINUTE, 20 * MINUTE, Cap.GRANT, how="the hub is a role"),
    Case(CHAINED, 12 * HOUR, MINUTE, 15 * MINUTE, Cap.POLICY, how="through another role"),
    Case(FEDERATED, 36 * HOUR, 100 * HOUR, 36 * HOUR, Cap.ROLE),
    Case(FEDERATED, 4 * HOUR, 100 * HOUR, 4 * HOUR, Cap.ROLE),
    Case(FEDERATED, 36 * HOUR, 30 * HOUR, 30 * HOUR, Cap.GRANT),
    Case(FEDERATED, 36 * HOUR, MINUTE, 15 * MINUTE, Cap.POLICY),
    Case(FEDERATED, 15 * MINUTE, 3 * HOUR, 15 * MINUTE, Cap.ROLE),
    Case(Call.SAML, 4 * HOUR, 20 * HOUR, 4 * HOUR, Cap.ROLE),
    Case(Call.SAML, 12 * HOUR, 3 * HOUR, 3 * HOUR, Cap.GRANT),
    Case(Call.SAML, 12 * HOUR, 20 * HOUR, 12 * HOUR, Cap.ROLE, how="the hub is a role"),
    Case(Call.SAML, 12 * HOUR, MINUTE, 15 * MINUTE, Cap.POLICY),
    Case(Call.WEB_IDENTITY, 4 * HOUR, 20 * HOUR, 4 * HOUR, Cap.ROLE),
    Case(Call.WEB_IDENTITY, 12 * HOUR, 20 * HOUR, 12 * HOUR, Cap.ROLE, how="the hub is a role"),
    Case(Call.WEB_IDENTITY, 12 * HOUR, MINUTE, 15 * MINUTE, Cap.POLICY),
    Case(Call.COGNITO_DEVELOPER, 4 * HOUR, 20 * HOUR, 4 * HOUR, Cap.ROLE),
    Case(Call.COGNITO_DEVELOPER, 12 * HOUR, MINUTE, 15 * MINUTE, Cap.POLICY),
    Case(USERS, 36 * HOUR, 100 * HOUR, 36 * HOUR, Cap.ROLE),
    Case(USERS, 36 * HOUR, 3 * HOUR, 3 * HOUR, Cap.GRANT),
    Case(USERS, 36 * HOUR, 15 * MINUTE, 15 * MINUTE, Cap.GRANT),
    Case(USERS, 36 * HOUR, 15 * MINUTE - SECOND, None, Cap.GRANT),
    Case(USERS, 36 * HOUR, 5 * MINUTE, None, Cap.WINDOW, end="the window's end"),
    Case(POOL, HOUR, 5 * HOUR, HOUR, Cap.CALL),
    Case(POOL, HOUR, HOUR, HOUR, Cap.CALL),
    Case(POOL, HOUR, HOUR - SECOND, None, Cap.GRANT),
    Case(POOL, HOUR, 30 * MINUTE, None, Cap.SIGN_IN, end="the age of your sign-in"),
    Case(ROOT, 15 * MINUTE, 5 * HOUR, 15 * MINUTE, Cap.CALL),
    Case(ROOT, 15 * MINUTE, 5 * MINUTE, 5 * MINUTE, Cap.GRANT),
    Case(ROOT, 15 * MINUTE, 59 * SECOND, None, Cap.GRANT),
]
BY = {
    Cap.ROLE: "the role's longest session",
    Cap.CHAIN: "chaining: an hour",
    Cap.CALL: "the call's own limit",
    Cap.POLICY: "AWS's shortest; the end in the session policy is earlier",
    Cap.GRANT: "the grant's end",
    Cap.WINDOW: "the window's end",
    Cap.CONTRACT: "the contract's end",
    Cap.SIGN_IN: "the sign-in's age",
}


def role_of(case: Case) -> RoleFacts:
    """A hub on a role's credentials counts for AssumeRole alone: that is what the cases say of the others."""
    on_role = case.how == "the hub is a role"
    return RoleFacts(
        method="assume_role" if case.call == CHAINED else case.call.value,
        name="ReadOnly",
        account="Production",
        max_session=case.most,
        is_chained=case.call == CHAINED or on_role,
        hub_has_keys=not on_role,
        via="Hub" if case.how == "through another role" else "",
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.call} {case.most} {case.left} {case.how}")
def test_a_session_is_as_long_as_its_rule_says(case: Case) -> None:
    role = role_of(case)
    asked = {
        "longest": case.most,
        "chained": role.is_chained,
        "remaining": case.left,
        "end": case.end,
        "method": role.method,
    }
    choice = choose(role, GrantFacts(remaining=case.left, end=case.end))
    if case.gives is None:
        with pytest.raises(EndTooNearError):
            session_length(**asked)  # type: ignore[arg-type]  # a row of the table: each of its own type
        assert choice.duration is None
        assert choice.refused
    else:
        length = session_length(**asked)  # type: ignore[arg-type]  # a row of the table: each of its own type
        assert length.duration == choice.duration == case.gives
        assert length.why in choice.duration_why
        assert choice.refused == ""
    assert choice.capped_by == case.by


def test_a_fraction_of_a_second_is_never_rounded_up() -> None:
    left = 30 * MINUTE + timedelta(milliseconds=900)
    assert choose(role_of(replace(CASES[0])), GrantFacts(remaining=left)).duration == 30 * MINUTE


def test_every_rule_and_every_call_has_its_case() -> None:
    assert {case.call for case in CASES} == set(Call) - {Call.CROSS_ACCOUNT}
    assert {case.by for case in CASES} == set(Cap) - {Cap.NOBODY}
    assert {role_of(case).method for case in CASES} == set(LENGTH_RULES)
    refused = {role_of(case).method for case in CASES if case.gives is None}
    assert refused == {method for method, rule in LENGTH_RULES.items() if not rule.carries_end}


def table() -> str:
    """The table as `docs/brokers.md` has it."""
    lines = [
        "| call | the definition allows | left until the end | AWS is asked for | by |",
        "|---|---|---|---|---|",
    ]
    for case in CASES:
        call = f"{NAMES[case.call]}{f' ({case.how})' if case.how else ''}"
        if case.call == CHAINED:
            call = f"AssumeRole, {case.how}"
        gives = span_words(case.gives) if case.gives else "nothing: it could not be ended in time"
        most, left = span_words(case.most), f"{span_words(case.left)} to {BY[_end_of(case)]}"
        lines.append(f"| {call} | {most} | {left} | {gives} | {BY[case.by]} |")
    return "\n".join(lines)


def _end_of(case: Case) -> Cap:
    ends = {
        "the window's end": Cap.WINDOW,
        "the age of your sign-in": Cap.SIGN_IN,
        "the contract's end": Cap.CONTRACT,
    }
    return ends.get(case.end, Cap.GRANT)


def test_the_docs_have_the_same_table() -> None:
    assert table() in DOCS.read_text(), f"docs/brokers.md needs this table:\n{table()}"
