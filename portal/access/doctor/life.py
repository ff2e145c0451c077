"""Is there a way in at that time: the partner, its contract, the grant's window, the role in AWS. Pure."""

from datetime import timedelta

from portal.access.doctor.facts import DoctorStep, Facts, Verdict
from portal.access.lifecycle import ENDED, GrantState, PartnerRoleState
from portal.kernel.periods import utc_clock

# IAM shows a new role everywhere within seconds, at times a minute.
SETTLING = timedelta(minutes=1)
NEW_GRANT = "What ended stays ended: a new grant has to be made."


def arn_step(facts: Facts) -> DoctorStep:
    told, right = facts.told.role_arn, facts.role.arn
    if not told or told == right:
        return DoctorStep("role_arn", Verdict.OK, f"It is about the role {right}.")
    return DoctorStep(
        "role_arn",
        Verdict.STOPPED,
        f"They ask for {told}. {_difference(told, right)}",
        "Use the whole ARN as it is shown here; path and account belong to it.",
        paste=right,
    )


def _difference(told: str, right: str) -> str:
    if told.strip(" \t\r\n\"'") == right:
        return "There are spaces or quotes around it."
    if told.lower() == right.lower():
        return "Capital and small letters differ."
    if told.rpartition("/")[2] == right.rpartition("/")[2] and told.split(":")[:5] == right.split(":")[:5]:
        return f"The path is not that of the role: it is {right}."
    return f"The role of this grant is {right}."


def partner_step(facts: Facts) -> DoctorStep:
    partner, at = facts.partner, facts.told.at
    if partner.suspended_at is not None and partner.suspended_at <= at:
        return DoctorStep(
            "partner",
            Verdict.STOPPED,
            f"{partner.name} is suspended since {utc_clock(partner.suspended_at)}: it has nothing.",
            f"Resume the partner first. {NEW_GRANT}",
        )
    closed_at = partner.account_closed_at
    if closed_at is not None and closed_at <= at:
        return DoctorStep(
            "partner",
            Verdict.STOPPED,
            f"{partner.name}'s AWS account {partner.account} was closed here at {utc_clock(closed_at)}.",
            "Add the account to the partner again, then make a new grant.",
        )
    return DoctorStep("partner", Verdict.OK, f"{partner.name} is not suspended.")


def contract_step(facts: Facts) -> DoctorStep:
    partner, at = facts.partner, facts.told.at
    if at < partner.contract_starts_at:
        return DoctorStep(
            "contract",
            Verdict.STOPPED,
            f"The contract with {partner.name} starts only at {utc_clock(partner.contract_starts_at)}.",
            "Wait until then, or correct the contract's start.",
        )
    if at >= partner.contract_ends_at:
        return DoctorStep(
            "contract",
            Verdict.STOPPED,
            f"The contract with {partner.name} ended at {utc_clock(partner.contract_ends_at)}.",
            f"Enter the new contract's end first. {NEW_GRANT}",
        )
    return DoctorStep(
        "contract", Verdict.OK, f"The contract runs until {utc_clock(partner.contract_ends_at)}."
    )


def window_step(facts: Facts) -> DoctorStep:
    grant, at = facts.grant, facts.told.at
    if at < grant.starts_at:
        return DoctorStep(
            "window",
            Verdict.STOPPED,
            f"The call came at {utc_clock(at)}; the grant starts only at {utc_clock(grant.starts_at)}.",
            "Wait until then: AWS lets them in by itself at that second.",
        )
    if grant.ended_at is not None and at >= grant.ended_at and grant.state in ENDED - {GrantState.EXPIRED}:
        why = f": {grant.end_reason}" if grant.end_reason else ""
        return DoctorStep(
            "window",
            Verdict.STOPPED,
            f"The grant was {grant.state} at {utc_clock(grant.ended_at)}{why}.",
            NEW_GRANT,
        )
    if at >= grant.ends_at:
        return DoctorStep(
            "window",
            Verdict.STOPPED,
            f"The call came at {utc_clock(at)}; the grant ended at {utc_clock(grant.ends_at)}.",
            NEW_GRANT,
        )
    return DoctorStep(
        "window",
        Verdict.OK,
        f"The call lies in the grant's window, {utc_clock(grant.starts_at)} to {utc_clock(grant.ends_at)}.",
    )


def role_step(facts: Facts) -> DoctorStep:
    role, at = facts.role, facts.told.at
    if over := _over(facts):
        return over
    if role.made_at is None:
        return _not_made(facts)
    if at < role.made_at:
        return DoctorStep(
            "role",
            Verdict.STOPPED,
            f"The role was not made yet: AWS shows it since {utc_clock(role.made_at)}.",
            "Try again: it is there now.",
        )
    if facts.aws.is_there is False and role.state == PartnerRoleState.STANDING:
        return DoctorStep(
            "role",
            Verdict.STOPPED,
            "Somebody took the role away in AWS: it should stand, and it is not there.",
            "Repair it: Sallyport makes it anew.",
        )
    if at - role.made_at < SETTLING:
        return DoctorStep(
            "role",
            Verdict.MAYBE,
            f"The role was made at {utc_clock(role.made_at)}, seconds before: AWS may not have known it everywhere.",
            "Try again after a minute.",
        )
    seen = " AWS shows it." if facts.aws.is_there else ""
    return DoctorStep("role", Verdict.OK, f"The role stands.{seen}")


def _over(facts: Facts) -> DoctorStep | None:
    role, at = facts.role, facts.told.at
    if role.gone_at is not None and at >= role.gone_at:
        words = f"The role is gone from AWS since {utc_clock(role.gone_at)}."
    elif role.closing_at is not None and at >= role.closing_at:
        words = f"The role has been closing since {utc_clock(role.closing_at)}: nobody gets in any more."
    else:
        return None
    return DoctorStep("role", Verdict.STOPPED, words, NEW_GRANT)


def _not_made(facts: Facts) -> DoctorStep:
    role = facts.role
    if not role.last_error:
        return DoctorStep(
            "role",
            Verdict.STOPPED,
            "The role is not made yet: a worker is on it.",
            "Try again in a minute. Nothing has to be done.",
        )
    again = f" It is tried again at {utc_clock(role.next_try_at)}." if role.next_try_at else ""
    return DoctorStep(
        "role",
        Verdict.STOPPED,
        f"The role is not made yet, because making it fails: {role.last_error.rstrip('.')}.",
        f"Mend what stops it; nothing else has to be done.{again}",
    )
