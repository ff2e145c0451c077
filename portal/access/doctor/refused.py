"""Why the portal gave a person nothing under a grant of theirs: every door of issuing, in the order it asks. Pure."""

from dataclasses import dataclass
from datetime import datetime

from portal.access.choice import Choice
from portal.access.doctor.facts import DoctorStep, GrantFacts, Verdict
from portal.access.lifecycle import ENDED, GrantState
from portal.kernel.periods import utc_clock

OTHER = "other"
# What the operations refuse of a call itself: it can't be made of this grant, or nothing was brought along for it.
CALL_CODES = frozenset({"not_callable", "end_too_near", "proof_needed", "proof_refused"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """One that the audit trail holds: when, for what, its stable code, its sentence. `aws_code`: what AWS answered."""

    at: datetime
    kind: str
    code: str
    why: str
    failed_in_aws: bool = False


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What stands at the moment that is looked at: `refusal`'s, or now where there is none.

    `partner_stop`: why the person's company gets nothing. `opens_at`: when the grant opens next, within its weekly
    window. `kind_refused`: the role gives no such kind. `sign_in`: why nobody vouches for the person now.
    `choice`: by which call credentials are got, as it stands now.
    """

    at: datetime
    grant: GrantFacts
    is_open: bool
    refusal: Refusal | None = None
    hold: str = ""
    person_is_active: bool = True
    role_is_enabled: bool = True
    partner_stop: str = ""
    window: str = ""
    opens_at: datetime | None = None
    kind_refused: str = ""
    sign_in: str = ""
    factor_minutes: int = 0
    choice: Choice | None = None


def walk_refusal(facts: PersonFacts) -> tuple[DoctorStep, ...]:
    """Return all steps. What the audit trail says of itself (sign-in, factor, AWS) is taken from there."""
    steps = [
        *(_hold(facts), _switched_on(facts), _partner(facts), _window(facts), _kind(facts)),
        *(_sign_in(facts), _factor(facts), *_call(facts), _aws(facts)),
    ]
    refusal = facts.refusal
    if refusal is not None and all(step.verdict != Verdict.STOPPED for step in steps):
        detail = f"At {utc_clock(refusal.at)} it was refused: {refusal.why}"
        steps.append(DoctorStep(OTHER, Verdict.STOPPED, detail, "Try again; if it stays so, ask an admin."))
    return tuple(steps)


def _hold(facts: PersonFacts) -> DoctorStep:
    if facts.hold:
        return DoctorStep(
            "hold",
            Verdict.STOPPED,
            f"The portal was in hold and gave nothing to anybody: {facts.hold}",
            "Nothing is wrong with your access. Try again when an operator has released the hold.",
        )
    return DoctorStep("hold", Verdict.OK, "The portal was not in hold.")


def _switched_on(facts: PersonFacts) -> DoctorStep:
    if facts.person_is_active and facts.role_is_enabled:
        return DoctorStep("switched_on", Verdict.OK, "Person and role are switched on.")
    what = "The role is" if facts.person_is_active else "The person is"
    return DoctorStep("switched_on", Verdict.STOPPED, f"{what} switched off.", "Ask an admin.")


def _partner(facts: PersonFacts) -> DoctorStep:
    if facts.partner_stop:
        return DoctorStep(
            "partner",
            Verdict.STOPPED,
            facts.partner_stop,
            "Ask your company's contact here; new grants are needed after that.",
        )
    return DoctorStep("partner", Verdict.OK, "No partner's suspension or contract stands in the way.")


def _window(facts: PersonFacts) -> DoctorStep:
    if facts.is_open:
        return DoctorStep("window", Verdict.OK, "The grant was open.")
    grant, at = facts.grant, facts.at
    again = "Take it again or ask for a new grant; what ended stays ended."
    if grant.ended_at is not None and at >= grant.ended_at and grant.state in ENDED - {GrantState.EXPIRED}:
        why = f": {grant.end_reason}" if grant.end_reason else ""
        words = f"The grant was {grant.state} at {utc_clock(grant.ended_at)}{why}."
        return DoctorStep("window", Verdict.STOPPED, words, again)
    if at >= grant.ends_at:
        words = f"The grant ended at {utc_clock(grant.ends_at)}."
        return DoctorStep("window", Verdict.STOPPED, words, again)
    if at < grant.starts_at:
        words = f"The grant starts only at {utc_clock(grant.starts_at)}."
        return DoctorStep("window", Verdict.STOPPED, words, "Wait until then.")
    opens = f"It opens next at {utc_clock(facts.opens_at)}." if facts.opens_at else "It does not open again."
    return DoctorStep("window", Verdict.STOPPED, f"The grant is open {facts.window} only.", opens)


def _kind(facts: PersonFacts) -> DoctorStep:
    if facts.kind_refused:
        return DoctorStep("kind", Verdict.STOPPED, facts.kind_refused, "Use what the grant's page offers.")
    return DoctorStep("kind", Verdict.OK, "The role gives what was asked for.")


def _sign_in(facts: PersonFacts) -> DoctorStep:
    refusal = facts.refusal
    was_too_old = refusal is not None and refusal.code == "sign_in_too_old"
    if was_too_old and not facts.sign_in:
        return DoctorStep(
            "sign_in", Verdict.STOPPED, "The sign-in was too old then. It is fresh now.", "Try again."
        )
    if was_too_old or facts.sign_in:
        return DoctorStep(
            "sign_in", Verdict.STOPPED, facts.sign_in, "Sign in again, then do the same once more."
        )
    return DoctorStep("sign_in", Verdict.OK, "An identity provider vouches for the person.")


def _factor(facts: PersonFacts) -> DoctorStep:
    refusal = facts.refusal
    if refusal is not None and refusal.code == "step_up_required":
        return DoctorStep(
            "factor",
            Verdict.STOPPED,
            refusal.why,
            "Do the same once more: the page asks for the second factor and goes on by itself.",
        )
    if facts.factor_minutes:
        words = f"The role asks for a second factor of the last {facts.factor_minutes} min."
        return DoctorStep("factor", Verdict.OK, f"{words} The page asks for it.")
    return DoctorStep("factor", Verdict.OK, "The role asks for no second factor.")


def _call(facts: PersonFacts) -> tuple[DoctorStep, ...]:
    """Say by which call it is got and for how long, in the words of the grant's page; or what stopped that call."""
    refusal, choice = facts.refusal, facts.choice
    if refusal is not None and refusal.code in CALL_CODES:
        advice = "See on the grant's page what the call needs, and for how long it can be had."
        return (DoctorStep("call", Verdict.STOPPED, refusal.why, advice),)
    if choice is None:
        return ()
    if choice.refused and not choice.is_closed:
        advice = "See on the grant's page which call it is, and what it needs."
        return (DoctorStep("call", Verdict.STOPPED, choice.refused, advice),)
    told = "" if choice.is_closed else f" {choice.duration_why}"
    return (DoctorStep("call", Verdict.OK, f"{choice.why}{told}"),)


def _aws(facts: PersonFacts) -> DoctorStep:
    refusal = facts.refusal
    if refusal is None or not refusal.failed_in_aws:
        return DoctorStep("aws", Verdict.OK, "AWS was not what refused.")
    advice = "AWS gave no usable answer. Trying again may help at once."
    if refusal.code != "aws.unavailable":
        advice = (
            "Trying again won't help: show this to an admin. The role's trust policy or the portal's own rights "
            "in AWS have to be mended."
        )
    return DoctorStep("aws", Verdict.STOPPED, f"AWS: {refusal.why}", advice)
