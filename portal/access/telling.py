"""How far the end of a grant is in AWS, in words for people. Never more than is true."""

from collections.abc import Callable
from datetime import datetime

from portal.access.lifecycle import RevocationState
from portal.access.models import Grant, PartnerRole, Revocation
from portal.access.run_out import RunOut

Clock = Callable[[datetime], str]
PENDING = "AWS is being told to refuse every session of this grant. Nothing more is issued under it."
FAILING = "AWS hasn't taken the order yet. It is given again until AWS has it; nothing more is issued under this grant."
PROVEN = (
    "AWS was seen to refuse a session like those of this grant, and to let a neighbour's go on. "
    "Every session that was opened under this grant is refused."
)


def end_words(grant: Grant, revocation: Revocation | None, left: RunOut, clock: Clock) -> str:
    """Say how an ended grant stands in AWS. `left`: what would live on by itself; `clock` writes a time."""
    if revocation is None:
        is_made = grant.role.is_made_for_partner
        return (
            partner_role_words(grant.partner_role, clock)
            if is_made
            else _without_revocation(grant, left, clock)
        )
    match RevocationState(revocation.state):
        case RevocationState.PENDING:
            return PENDING
        case RevocationState.FAILING:
            return FAILING
        case RevocationState.APPLIED:
            return _applied(revocation)
        case RevocationState.PROVEN:
            return PROVEN
        case RevocationState.CLEANED:
            return _cleaned(revocation)


def partner_role_words(row: PartnerRole, clock: Clock) -> str:
    """Say how far the end of a role is that was made for a partner's account."""
    if row.gone_at is not None:
        return "Its role is gone: AWS says that there is none. Nobody gets in by it, and what was open is refused."
    if row.closed_at is not None:
        return (
            f"Nobody gets in by its role since {clock(row.closed_at)}, and its sessions are denied everything. "
            "The role is being taken away."
        )
    why = f" AWS hasn't taken it yet: {row.last_error}" if row.last_error else ""
    return (
        "AWS is being told to close its role. Until AWS has it, the partner's programs may go on, "
        f"until {clock(row.grant.ends_at)} at the latest: AWS itself ends them then.{why}"
    )


def _applied(revocation: Revocation) -> str:
    shown = "AWS shows the order to refuse every session of this grant"
    trying = " It is being tried on." if revocation.probe_at is not None else ""
    if revocation.proof_note:
        return f"Applied, not proven, because {_because(revocation.proof_note)}. {shown}.{trying}"
    if trying:
        return f"{shown}. Whether it obeys is being tried."
    return f"Applied, not proven. {shown}."


def _cleaned(revocation: Revocation) -> str:
    over = "Every session of this grant is dead by its own end, and nothing of the order is left in AWS."
    if revocation.proven_at is not None:
        return f"{over} That AWS refused them before was proven."
    if revocation.applied_at is None:
        return f"{over} AWS never took the order: they lived until then."
    return f"{over} That AWS refused them before was applied, not proven."


def _because(note: str) -> str:
    """Return the note as the rest of a sentence; a name at its beginning stays as it is written."""
    note = note.strip().rstrip(".")
    return note[:1].lower() + note[1:] if note.startswith(("No ", "On ", "The ")) else note


def _without_revocation(grant: Grant, left: RunOut, clock: Clock) -> str:
    if left.until is None:
        if grant.sessions_run_out:
            return "Its sessions were left to run out. None is alive any more."
        if not grant.role.has_kill_switch:
            return "This role has no kill switch. No session of this grant is alive any more."
        return "No session was alive when it ended: there was nothing to end in AWS."
    longest = f"{left.describe()} may live on, the longest until {clock(left.until)}"
    if grant.sessions_run_out:
        return f"Whoever ended it let the sessions run out: {longest}. Nothing more is issued."
    if not grant.role.has_kill_switch:
        return (
            "This role has no kill switch: the portal can write no order to AWS that cuts its sessions short. "
            f"{longest[0].upper()}{longest[1:]}. Nothing more is issued."
        )
    return f"{longest[0].upper()}{longest[1:]}."
