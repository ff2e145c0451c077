"""The choice explained: which call of all, for how long and by which rule, with what policy, ended and cut how."""

from dataclasses import replace
from datetime import timedelta

import pytest

from portal.access.choice import Cap, Choice, GrantFacts, SessionPolicy, choose, span_words
from portal.access.choice_calls import Call, CallOption, RoleFacts, how_it_is_got
from portal.access.choice_ends import Cut

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ROLE = RoleFacts(method="assume_role", name="ReadOnly", account="Production", max_session=2 * HOUR)
USER = replace(ROLE, is_role=False, name="federation")
ROLES = {
    Call.ASSUME_ROLE: ROLE,
    Call.ASSUME_ROLE_CHAINED: replace(ROLE, via="Hub", is_chained=True),
    Call.CROSS_ACCOUNT: replace(ROLE, method="cross_account", allows_console=False),
    Call.FEDERATION_TOKEN: replace(USER, method="federation_token", max_session=36 * HOUR),
    Call.SAML: replace(ROLE, method="saml", vouched_by="Corp", needs_proof=True),
    Call.WEB_IDENTITY: replace(ROLE, method="web_identity", vouched_by="Corp", needs_proof=True),
    Call.SESSION_TOKEN: replace(
        USER, method="session_token", name="ben", needs_proof=True, allows_console=False
    ),
    Call.COGNITO: replace(
        ROLE, method="cognito", vouched_by="Pool", needs_proof=True, max_session=HOUR, identity_pool=True
    ),
    Call.COGNITO_DEVELOPER: replace(ROLE, method="cognito_developer", identity_pool=True),
    Call.ROOT_TASK: replace(
        ROLE,
        method="root_task",
        is_role=False,
        root_task="delete a queue policy",
        allows_console=False,
        has_kill_switch=False,
        max_session=15 * MINUTE,
    ),
}
GRANT = GrantFacts(remaining=4 * HOUR, ends_words="2026-11-21 22:00 UTC")


def option(choice: Choice, call: Call) -> CallOption:
    return next(each for each in choice.options if each.call == call)


@pytest.mark.parametrize("call", list(Call))
def test_all_ten_are_told_and_the_definitions_one_is_taken(call: Call) -> None:
    choice = choose(ROLES[call], GRANT)
    assert [each.call for each in choice.options] == list(Call)
    assert len(choice.options) == 10
    assert choice.call == call
    assert [each.call for each in choice.options if each.is_taken] == [call]
    assert [each.call for each in choice.options if each.is_possible] == [call]
    assert all(each.why.endswith(".") and len(each.why) > 20 for each in choice.options)
    # Each is told apart from the others by its name, and no reason is the taken one's.
    assert len({each.name for each in choice.options}) == 10
    assert all(each.why != choice.why for each in choice.options if not each.is_taken)
    assert choice.refused == ""


@pytest.mark.parametrize(
    ("call", "policy", "cut", "console"),
    [
        (Call.ASSUME_ROLE, SessionPolicy.END, Cut.USERID, True),
        (Call.ASSUME_ROLE_CHAINED, SessionPolicy.END, Cut.USERID, True),
        (Call.CROSS_ACCOUNT, SessionPolicy.OWN_ROLE, Cut.OWN_ROLE, False),
        (Call.FEDERATION_TOKEN, SessionPolicy.END, Cut.USERID, True),
        (Call.SAML, SessionPolicy.END, Cut.USERID_AND_TIME, False),
        (Call.WEB_IDENTITY, SessionPolicy.END, Cut.USERID, False),
        (Call.SESSION_TOKEN, SessionPolicy.NONE, Cut.USERID_AND_TIME, False),
        (Call.COGNITO, SessionPolicy.NONE, Cut.COGNITO_SUB_AND_TIME, False),
        (Call.COGNITO_DEVELOPER, SessionPolicy.END, Cut.USERID, True),
        (Call.ROOT_TASK, SessionPolicy.TASK, Cut.NOTHING, False),
    ],
)
def test_each_has_its_policy_its_end_its_cut_and_its_console(
    call: Call, policy: SessionPolicy, cut: Cut, console: bool
) -> None:
    choice = choose(ROLES[call], GRANT)
    assert (choice.policy, choice.cut, choice.console) == (policy, cut, console)
    if policy == SessionPolicy.END:
        assert "from 2026-11-21 22:00 UTC on" in choice.policy_why
        assert "AWS refuses every call from that second on" in choice.end_why
    else:
        assert "session policy" not in choice.end_why
    if cut in {Cut.USERID, Cut.USERID_AND_TIME, Cut.COGNITO_SUB_AND_TIME}:
        assert cut.value.split(" and ")[0] in choice.cut_why
    assert ("TokenIssueTime" in choice.cut_why) is ("TokenIssueTime" in cut.value)


def test_a_scope_is_named_where_the_call_carries_one_and_refused_where_it_can_not() -> None:
    scoped = replace(GRANT, scope="Read one bucket")
    kept = choose(ROLE, scoped)
    assert kept.policy == SessionPolicy.SCOPE_AND_END
    assert "Read one bucket" in kept.policy_why
    for call in (Call.SESSION_TOKEN, Call.COGNITO, Call.ROOT_TASK):
        lost = choose(ROLES[call], scoped)
        assert "scope could not be kept" in lost.refused
        assert not option(lost, call).is_possible
        assert choose(ROLES[call], GRANT).refused == ""


def test_a_hub_on_temporary_credentials_chains_and_federates_nothing() -> None:
    def on_temporary(role: RoleFacts) -> RoleFacts:
        return replace(role, hub_has_keys=False, is_chained=True, hub="what the machine gives")

    chained = choose(on_temporary(ROLE), GRANT)
    assert chained.call == Call.ASSUME_ROLE_CHAINED
    assert (chained.duration, chained.capped_by) == (HOUR, Cap.CHAIN)
    assert "chaining" in option(chained, Call.ASSUME_ROLE).why
    assert "long-lived keys" in option(chained, Call.FEDERATION_TOKEN).why
    federated = choose(on_temporary(ROLES[Call.FEDERATION_TOKEN]), GRANT)
    assert "needs an IAM user's long-lived keys" in federated.refused
    assert not option(federated, Call.FEDERATION_TOKEN).is_possible
    assert choose(ROLES[Call.FEDERATION_TOKEN], GRANT).refused == ""


def test_what_a_person_lacks_stops_the_call() -> None:
    lacks = replace(GRANT, stops="Corp vouches for this role, and Ben has no identity there.")
    choice = choose(ROLES[Call.SAML], lacks)
    assert choice.refused == lacks.stops
    assert option(choice, Call.SAML).why == lacks.stops
    assert option(choice, Call.SAML).is_taken
    assert not option(choice, Call.SAML).is_possible


def test_a_grant_that_is_closed_says_so_and_of_the_rest_all_the_same() -> None:
    choice = choose(
        ROLE, GrantFacts(remaining=None, closed="This grant has ended; ask an admin for a new one.")
    )
    assert choice.duration is None
    assert choice.capped_by is None
    assert choice.refused == "This grant has ended; ask an admin for a new one."
    assert choice.call == Call.ASSUME_ROLE
    assert choice.cut == Cut.USERID


def test_without_a_kill_switch_nothing_cuts_it_off() -> None:
    choice = choose(replace(ROLE, has_kill_switch=False), GRANT)
    assert choice.cut == Cut.NOTHING
    assert "no deny can be written on ReadOnly" in choice.cut_why
    assert choose(ROLE, GRANT).cut == Cut.USERID


def test_a_role_without_console_has_none() -> None:
    assert not choose(replace(ROLE, allows_console=False), GRANT).console
    assert choose(ROLE, GRANT).console


@pytest.mark.parametrize("call", list(Call))
def test_the_sentence_names_the_call_and_whose_it_is(call: Call) -> None:
    words = how_it_is_got(ROLES[call])
    assert ROLES[call].name in words or ROLES[call].account in words
    assert "definition says so" in words or call in {Call.CROSS_ACCOUNT, Call.ROOT_TASK}


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(0), "0 seconds"),
        (timedelta(seconds=59), "59 seconds"),
        (MINUTE, "1 minute"),
        (15 * MINUTE, "15 minutes"),
        (HOUR, "1 hour"),
        (HOUR + MINUTE + timedelta(seconds=3), "1 hour 1 minute"),
        (36 * HOUR, "36 hours"),
        (timedelta(minutes=2, seconds=1), "2 minutes 1 second"),
    ],
)
def test_a_length_in_words(span: timedelta, words: str) -> None:
    assert span_words(span) == words
