"""How the end of grants is asked about, and told, in the management pages."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from portal.access.lifecycle import RevocationState
from portal.access.models import Grant, Revocation
from portal.access.queries import live_sessions
from portal.access.run_out import run_out
from portal.kernel.clock import database_now
from portal.staff.base import clock
from portal.staff.confirm import Question

HEADERS = ("Person", "Role", "Live sessions", "Sessions run out by", "Account", "State", "Would end")


def times_of(revocation: Revocation | None) -> list[tuple[str, str]]:
    """Return when each step of a cut-off was done, and after how long."""
    if revocation is None:
        return []
    asked = revocation.asked_at
    done = (("AWS had it", revocation.applied_at), ("Seen refused", revocation.proven_at))
    told = [(what, f"{clock(at)}, after {(at - asked).total_seconds():.1f} s") for what, at in done if at]
    if revocation.state == RevocationState.FAILING:
        tries = f"{revocation.attempts} {'try' if revocation.attempts == 1 else 'tries'}"
        told.append((f"After {tries}", revocation.last_error))
        told.append(("Next try", clock(revocation.next_try_at)))
    if revocation.cleaned_at:
        told.append(("Cleaned up", clock(revocation.cleaned_at)))
    return told


def uncuttable(grants: Sequence[Grant], live: Mapping[UUID, int]) -> str:
    number = sum(live.get(grant.pk, 0) for grant in grants if not grant.role.has_kill_switch)
    if not number:
        return ""
    return (
        f" {number} of them can't be cut off: their role has no kill switch, and they run out by themselves."
    )


def rows_of(grants: Sequence[Grant], live: Mapping[UUID, int]) -> list[tuple[str, ...]]:
    """Return a row for each grant, as under `HEADERS`."""
    return [_row(grant, live.get(grant.pk, 0)) for grant in grants]


def _row(grant: Grant, live: int) -> tuple[str, ...]:
    # One query for each that has any: a hundred at most are asked about.
    until = run_out(grant, at=database_now()).until if live else None
    return (
        grant.subject_name,
        grant.role.title,
        str(live),
        clock(until),
        str(grant.role.account),
        grant.state,
        clock(grant.ends_at),
    )


def revoke_question(grants: Sequence[Grant]) -> Question:
    live = live_sessions([grant.pk for grant in grants], at=database_now())
    many = len(grants) > 1
    total = sum(live.values())
    return Question(
        title=f"Revoke {len(grants)} grants" if many else f"Revoke: {grants[0]}" if grants else "Revoke",
        lead=f"This ends now, with {total} live session{'' if total == 1 else 's'} in AWS. Nobody else on the same "
        f"role is cut off. There is no undo: access is granted anew.{uncuttable(grants, live)}",
        button=f"Revoke {len(grants)} grants" if many else "Revoke",
        action="revoke",
        headers=HEADERS,
        rows=rows_of(grants, live),
        ids=[str(grant.pk) for grant in grants],
    )
