"""The walk: every step in the order in which one cause hides the next. Pure."""

from collections.abc import Sequence

from brokers.types import Decision
from portal.access.doctor.callers import account_step, client_step, principal_step
from portal.access.doctor.facts import DoctorStep, Facts, Verdict
from portal.access.doctor.life import arn_step, contract_step, partner_step, role_step, window_step
from portal.access.doctor.rights import (
    boundary_step,
    denies_step,
    drift_step,
    named_by_aws,
    organisation_step,
    scope_step,
)
from portal.access.doctor.trust import duration_step, external_id_step, session_step, their_policy_step

CERTAIN = (
    *(arn_step, partner_step, contract_step, window_step, role_step),
    *(client_step, account_step, principal_step, external_id_step, session_step, duration_step),
    *(scope_step, denies_step, drift_step),
)
NOT_KNOWN = "There is no such role of a grant to a partner here."


def walk(facts: Facts) -> tuple[DoctorStep, ...]:
    """Return all steps, also those after what stopped it: there may be two causes."""
    steps = [step(facts) for step in CERTAIN]
    if is_unexplained := _is_unexplained(facts, steps):
        steps = [_suspected(step, facts) for step in steps]
    is_inside, is_named = facts.is_inside, bool(named_by_aws(facts))
    return (
        *steps,
        their_policy_step(facts, is_unexplained=is_unexplained and not is_named),
        boundary_step(facts, is_unexplained=is_unexplained and is_inside and not is_named),
        organisation_step(facts, is_unexplained=is_unexplained),
    )


def unknown_role(asked: str) -> tuple[DoctorStep, ...]:
    """Return the one step of a role that is none of a grant to a partner, or none that the asker may see."""
    named = f" They ask for {asked}." if asked else ""
    return (
        DoctorStep(
            "role_arn",
            Verdict.STOPPED,
            f"{NOT_KNOWN}{named}",
            "Copy the role's ARN from the grant's page; look at account and path.",
        ),
    )


def stopped_by(steps: Sequence[DoctorStep]) -> str:
    """Return the name of the step that stopped it; else of the first that may have; empty: nothing here stops it."""
    for verdict in (Verdict.STOPPED, Verdict.MAYBE):
        for step in steps:
            if step.verdict == verdict:
                return step.name
    return ""


def sentence(steps: Sequence[DoctorStep]) -> str:
    """Return the one sentence that stands on top."""
    cause = next((step for step in steps if step.name == stopped_by(steps)), None)
    if cause is None:
        return "Nothing here stops it."
    if cause.verdict == Verdict.STOPPED:
        return cause.detail
    return f"Nothing that can be seen from here stops it for certain. Look at this first: {cause.detail}"


def _is_unexplained(facts: Facts, steps: Sequence[DoctorStep]) -> bool:
    """Whether AWS refused the call, and nothing that can be judged from here says why."""
    if not facts.told.is_denied or any(step.verdict in {Verdict.STOPPED, Verdict.MAYBE} for step in steps):
        return False
    return facts.is_entering or facts.scope.decided == Decision.ALLOWED


def _suspected(step: DoctorStep, facts: Facts) -> DoctorStep:
    """With nothing else to blame, an ExternalId that nobody told is the first thing to look at."""
    if step.name == "external_id" and facts.told.external_id is None and not facts.is_inside:
        return DoctorStep(step.name, Verdict.MAYBE, step.detail, step.advice)
    return step
