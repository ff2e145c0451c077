"""By which call a grant's credentials are got, and why: all that there are, for how long, with what policy. Pure.

It explains; it decides nothing. The call is the one that the role's definition names; whether it is legal is judged by
the operations, which ask under the grant's lock. The lengths are `policy.session_length`'s, as issuing asks it.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from portal.access.choice_calls import Call, CallOption, RoleFacts, call_of, how_it_is_got, options_of
from portal.access.choice_ends import Cut, cut_of, end_of
from portal.access.policy import CHAINED_LIMIT, LENGTH_RULES, STS_FLOOR, EndTooNearError, session_length


class Cap(StrEnum):
    """Which rule decided how long it is."""

    ROLE = "role"
    CHAIN = "chain"
    CALL = "call"
    POLICY = "policy"
    GRANT = "grant"
    WINDOW = "window"
    CONTRACT = "contract"
    SIGN_IN = "sign_in"
    NOBODY = "nobody"


CAP_OF_END = {
    "the grant's end": Cap.GRANT,
    "the window's end": Cap.WINDOW,
    "the contract's end": Cap.CONTRACT,
    "the age of your sign-in": Cap.SIGN_IN,
}


class SessionPolicy(StrEnum):
    """What goes along with the call to bound what it gives."""

    SCOPE_AND_END = "scope_and_end"
    END = "end"
    TASK = "task"
    OWN_ROLE = "own_role"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class GrantFacts:
    """What stands of a grant and its person now.

    `remaining`: until what is issued now would end; None: nothing is issued now, for `closed`. `end`: what ends then,
    as `what_ends` says it. `ends_words`: that moment, in words. `stops`: what the grant's person lacks for the
    call, or what of theirs stands in its way.
    """

    remaining: timedelta | None
    end: str = "the grant's end"
    ends_words: str = ""
    closed: str = ""
    scope: str = ""
    stops: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is said in the pages, in the API and by the doctor. `duration` None: nothing is had now, for `refused`.

    `is_closed`: nothing would be, by whichever call: the grant isn't open, or its person may have nothing now.
    """

    options: tuple[CallOption, ...]
    call: Call
    why: str
    refused: str
    is_closed: bool
    duration: timedelta | None
    capped_by: Cap | None
    duration_why: str
    policy: SessionPolicy
    policy_why: str
    console: bool
    console_why: str
    end_why: str
    cut: Cut
    cut_why: str


def choose(role: RoleFacts, grant: GrantFacts) -> Choice:
    """Explain the choice for one grant."""
    taken = call_of(role)
    duration, cap, duration_why, refused = _duration(role, grant)
    refused = _stop(role, grant) or refused
    policy, policy_why = _policy(role, grant)
    console, console_why = _console(role)
    cut, cut_why = cut_of(role)
    return Choice(
        options=options_of(role, stops=refused),
        call=taken,
        why=how_it_is_got(role),
        refused=refused,
        is_closed=bool(grant.closed),
        duration=duration,
        capped_by=cap,
        duration_why=duration_why,
        policy=policy,
        policy_why=policy_why,
        console=console,
        console_why=console_why,
        end_why=end_of(role, carries_end=policy in {SessionPolicy.SCOPE_AND_END, SessionPolicy.END}),
        cut=cut,
        cut_why=cut_why,
    )


def _stop(role: RoleFacts, grant: GrantFacts) -> str:
    """Say why the call can't be made at all, however much time there is; empty: it can."""
    if role.method == "cross_account":
        return ""
    rule = LENGTH_RULES[role.method]
    if role.method == "federation_token" and not role.hub_has_keys:
        return (
            f"{rule.call} needs an IAM user's long-lived keys, and {role.hub} works on temporary credentials."
        )
    if not rule.carries_end and grant.scope:
        return f"{rule.call} takes no session policy, so that this grant's scope could not be kept."
    return grant.stops


def _duration(role: RoleFacts, grant: GrantFacts) -> tuple[timedelta | None, Cap | None, str, str]:
    """Return how long, by which rule, both in a sentence, and why nothing is had."""
    if role.method == "cross_account":
        told = "The partner's programs ask AWS themselves: up to what the role allows, never past the grant's end."
        return None, Cap.NOBODY, told, ""
    if grant.remaining is None:
        return None, None, f"Nothing is issued now: {grant.closed}", grant.closed
    try:
        length = session_length(
            longest=role.max_session,
            chained=role.is_chained,
            remaining=grant.remaining,
            end=grant.end,
            method=role.method,
        )
    except EndTooNearError as refusal:
        return None, CAP_OF_END.get(grant.end, Cap.GRANT), str(refusal), str(refusal)
    cap = capped_by(role, length.duration, grant.remaining, grant.end)
    return length.duration, cap, f"{span_words(length.duration)}: {length.why}.", ""


def capped_by(role: RoleFacts, duration: timedelta, remaining: timedelta, end: str) -> Cap:
    """Name the rule behind a length that `session_length` gave."""
    rule = LENGTH_RULES[role.method]
    whole = timedelta(seconds=int(remaining.total_seconds()))
    if whole < duration:
        return Cap.POLICY
    if rule.shortest == rule.longest:
        return Cap.CALL
    if whole == duration:
        return CAP_OF_END.get(end, Cap.GRANT)
    if rule.chains and role.is_chained and duration == CHAINED_LIMIT:
        return Cap.CHAIN
    return Cap.CALL if duration < role.max_session or rule.longest == STS_FLOOR else Cap.ROLE


def _policy(role: RoleFacts, grant: GrantFacts) -> tuple[SessionPolicy, str]:
    if role.method == "cross_account":
        return (
            SessionPolicy.OWN_ROLE,
            "None is needed: the role was made for this grant, with its scope and its end.",
        )
    if role.method == "root_task":
        return (
            SessionPolicy.TASK,
            f"AWS's own task policy alone: {role.root_task}. None of ours can go along.",
        )
    if not LENGTH_RULES[role.method].carries_end:
        name = LENGTH_RULES[role.method].call
        return (
            SessionPolicy.NONE,
            f"{name} carries none: it gives all that {role.name} may, and can't be scoped.",
        )
    until = f" from {grant.ends_words} on" if grant.ends_words else " from the end on"
    if grant.scope:
        return (
            SessionPolicy.SCOPE_AND_END,
            f"Only what the scope allows ({grant.scope}), and nothing at all{until}.",
        )
    return SessionPolicy.END, f"All that {role.name} may, and nothing at all{until}."


NO_CONSOLE = {
    "cross_account": "Not from here: the partner switches to the role in its own console.",
    "session_token": "None: AWS makes no console session of GetSessionToken's credentials. The user signs in there.",
    "root_task": "None: AWS makes no console session of AssumeRoot's credentials.",
}


def _console(role: RoleFacts) -> tuple[bool, str]:
    """Say what AWS's console can do with it."""
    if why := NO_CONSOLE.get(role.method):
        return False, why
    if not role.allows_console:
        return False, "None: the role's definition gives credentials only."
    if role.needs_proof:
        return False, "Not by a button here: each call takes your own proof along."
    lives = "Yes, for as long as the credentials"
    if call_of(role) == Call.ASSUME_ROLE:
        return True, f"{lives}: up to 12 hours, where the role allows that."
    if call_of(role) == Call.FEDERATION_TOKEN:
        return True, f"{lives}. It may call IAM, unlike the credentials themselves."
    return True, f"{lives}: AWS takes no other length for this call."


def span_words(span: timedelta) -> str:
    """Return a length in hours and minutes; of less than a minute in seconds."""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "hour"), (minutes, "minute"), (seconds if not hours else 0, "second")]
    told = [f"{number} {unit}{'' if number == 1 else 's'}" for number, unit in parts if number]
    return " ".join(told) or "0 seconds"
