"""From what was found in AWS to the page about it: each role, each way in which it differs, and what can be done."""

from collections.abc import Sequence

from brokers.types import DriftKind
from portal.access.drift_queries import Watched, open_drifts, watched_accounts
from portal.access.lifecycle import DriftState
from portal.access.models import RoleDrift
from portal.access.operations.drift.decide_drift import may_accept
from portal.directory.models import Person
from portal.web.guard import may_revoke, sees_all_grants
from portal.web.now_lines import fingerprint
from portal.web.partner_doors import may_change
from portal.web.partner_lines import Clock, listing
from portal.web.presenters import AccountLabel, Badge
from portal.web.presenters.drift import DriftingRole, DriftPage, DriftRow, WatchedRow, diff_lines

SHOWN = 60
KINDS = {
    DriftKind.WIDENED: Badge("Widened", "danger", "alert"),
    DriftKind.REMADE: Badge("Made anew by somebody", "danger", "alert"),
    DriftKind.PRINCIPAL_REMADE: Badge("Principal made anew", "danger", "alert"),
    DriftKind.ORPHANED: Badge("Belongs to no grant", "danger", "alert"),
    DriftKind.MISSING: Badge("Missing", "wait", "ban"),
    DriftKind.CHANGED: Badge("Changed", "wait", "info"),
}
STATES = {
    DriftState.OPEN: Badge("To be decided", "wait", "clock"),
    DriftState.ACCEPTED: Badge("Accepted", "quiet", "check"),
    DriftState.REPAIRING: Badge("Being put right", "wait", "hourglass"),
    DriftState.OVER: Badge("Over", "quiet", "stop"),
}
WIDE = {DriftKind.WIDENED, DriftKind.REMADE, DriftKind.PRINCIPAL_REMADE, DriftKind.ORPHANED}
PARTS = {
    "trust": "Trust policy",
    "permissions": "Permissions",
    "boundary": "Permissions boundary",
    "tags": "Tags",
    "description": "Description",
    "max_session": "Longest session",
    "attached": "Attached policies",
    "path": "Path",
    "role": "The role itself",
}
TAKE_AWAY = "The role is taken away, as no grant knows it."
WRITE_ANEW = "All of the role is written anew, as its grant has it; its other differences go by that, too."


def drift_page(person: Person, clock: Clock) -> DriftPage:
    found, number = open_drifts(limit=SHOWN)
    watched = watched_accounts()
    roles = tuple(_role(rows, person, clock) for rows in _by_role(found))
    told = [(drift.pk, drift.state, drift.digest) for drift in found]
    looked = [(each.account.pk, each.roles, str(each.looked_at)) for each in watched]
    return DriftPage(
        roles=roles,
        listing=listing(number, len(found)),
        watched=tuple(_watched(each, clock) for each in watched),
        says=_says(number, found),
        may_open=sees_all_grants(person),
        fingerprint=fingerprint((told, looked)),
    )


def drift_row(drift: RoleDrift, person: Person, clock: Clock) -> DriftRow:
    kind, state = DriftKind(drift.kind), DriftState(drift.state)
    decided_by = drift.decided_by.name if drift.decided_by else "an operator"
    return DriftRow(
        id=str(drift.pk),
        part=PARTS.get(drift.part, drift.part),
        why=drift.why,
        badge=KINDS[kind],
        state=STATES[state],
        is_wide=kind in WIDE and state != DriftState.ACCEPTED,
        lines=diff_lines(drift.wanted, drift.found),
        found=clock.moment(drift.found_at),
        seen=clock.moment(drift.seen_at),
        decided=f"by {decided_by}: {drift.reason}" if drift.reason else "",
        may_repair=may_revoke(person) and state in {DriftState.OPEN, DriftState.ACCEPTED},
        may_accept=may_change(person) and may_accept(drift, person.may) and state == DriftState.OPEN,
        repair_words=TAKE_AWAY if kind == DriftKind.ORPHANED else WRITE_ANEW,
    )


def drifting_role(drift: RoleDrift, person: Person, clock: Clock) -> DriftingRole:
    """Return one difference with the role that it is of."""
    return _role([drift], person, clock)


def _by_role(found: Sequence[RoleDrift]) -> list[list[RoleDrift]]:
    """Return each role's differences together, the roles in the order of their first one."""
    order: dict[tuple[object, str], list[RoleDrift]] = {}
    for drift in found:
        order.setdefault((drift.account_id, drift.role_name), []).append(drift)
    return list(order.values())


def _role(rows: list[RoleDrift], person: Person, clock: Clock) -> DriftingRole:
    first = rows[0]
    grant = first.partner_role.grant if first.partner_role else None
    partner = grant.partner if grant else None
    return DriftingRole(
        name=first.role_name,
        account=AccountLabel(first.account.name, first.account.account_id),
        partner=partner.name if partner else "",
        partner_slug=partner.slug if partner else "",
        grant_id=str(grant.pk) if grant else "",
        rows=tuple(drift_row(each, person, clock) for each in rows),
    )


def _watched(found: Watched, clock: Clock) -> WatchedRow:
    return WatchedRow(
        id=str(found.account.pk),
        account=AccountLabel(found.account.name, found.account.account_id),
        roles=found.roles,
        looked=clock.moment(found.looked_at) if found.looked_at else None,
    )


def _says(number: int, found: Sequence[RoleDrift]) -> str:
    wide = sum(1 for drift in found if DriftKind(drift.kind) in WIDE)
    if not number:
        return "Every role is as it should be"
    return f"{number} differences, {wide} of which may let in more"
