"""What is in AWS and nothing here explains: sessions that are denied there, and policies that were left behind."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from brokers.types import OwnPolicy, PrincipalKind
from portal.access.differences import Difference, Kind, Principal, Remedy
from portal.access.policy import CONSOLE_AFTER, CONSOLE_LIMIT, SIGN_IN_MARGIN
from portal.kernel.periods import utc_clock

# A role's credentials live as long as its console, and can be changed into a console session until their last
# second; federation's live 36 hours, its console as long, from a sign-in as late as its URL is honoured.
LONGEST = {
    PrincipalKind.ROLE: CONSOLE_LIMIT + CONSOLE_AFTER,
    PrincipalKind.USER: timedelta(hours=36) + SIGN_IN_MARGIN,
}
UNEXPLAINED = "denied in AWS, and nothing here says why"


@dataclass(frozen=True, slots=True)
class NamedGrant:
    """The grant that a denied session's name was made from. `dead_at`: when its last session is dead at the latest."""

    id: str
    words: str
    is_here: bool
    is_living: bool = False
    dead_at: datetime | None = None


def denied(where: Principal, entry: str, grant: NamedGrant | None, at: datetime) -> Difference:
    """Say of a denied session that nothing explains whose it was, and what becomes of its deny."""
    kept = at + LONGEST[where.kind]
    if grant is None and ("<" in entry or entry.startswith("sub=")):
        return _of_no_grants_name(where, entry, at, kept)
    if grant is None:
        words = f"{entry} is {UNEXPLAINED}: the portal never gives such a name."
        why = "A worker takes it away: the policy holds the portal's own denies alone."
        return Difference(Kind.FOREIGN_DENY, where, words, Remedy.PUT_RIGHT, why, entry)
    if not grant.is_here:
        words = f"{entry} is {UNEXPLAINED}: its grant is unknown here, as if made and ended after a backup."
        why = f"The deny is kept until {utc_clock(kept)}, when its sessions are dead for certain."
        return Difference(Kind.UNKNOWN_DENY, where, words, Remedy.KEEP_DENY, why, entry, until=kept)
    if grant.is_living:
        words = (
            f"The sessions of {grant.words} are denied in AWS, and the grant lives here. "
            "Left alone, the next writing of the policy lets them in again."
        )
        why = "The grant is revoked here, too, and the deny is kept."
        return Difference(Kind.DENIED_LIVING, where, words, Remedy.REVOKE_HERE, why, entry, (grant.id,), kept)
    if grant.dead_at is not None and grant.dead_at > at:
        words = f"{entry} is {UNEXPLAINED}: {grant.words} has ended, and its sessions may live."
        why = f"The deny is kept until {utc_clock(grant.dead_at)}, when they are dead for certain."
        return Difference(
            Kind.ENDED_DENY, where, words, Remedy.KEEP_DENY, why, entry, (grant.id,), grant.dead_at
        )
    words = f"{entry} is still denied: {grant.words} has ended, and its sessions are dead."
    return Difference(
        Kind.STALE_DENY, where, words, Remedy.PUT_RIGHT, "A worker takes it away.", entry, (grant.id,)
    )


def _of_no_grants_name(where: Principal, entry: str, at: datetime, kept: datetime) -> Difference:
    """Say it of sessions that others name, or of an identity: no grant is told by those, and they may live."""
    _, _, before = entry.partition("<")
    until = min(kept, datetime.fromisoformat(before) + LONGEST[where.kind]) if before else kept
    if until <= at:
        words = f"{entry} is {UNEXPLAINED}: its sessions are dead."
        return Difference(Kind.STALE_DENY, where, words, Remedy.PUT_RIGHT, "A worker takes it away.", entry)
    words = (
        f"{entry} is {UNEXPLAINED}: whose it is can't be told from it. It may have been cut after a backup."
    )
    why = f"The deny is kept until {utc_clock(until)}, when its sessions are dead for certain."
    return Difference(Kind.UNKNOWN_DENY, where, words, Remedy.KEEP_DENY, why, entry, until=until)


def left_behind(principal: Principal, policy: OwnPolicy, *, wants_nothing: bool) -> Difference:
    """Say of a policy of the portal's own that it is in force nowhere."""
    words = f"The portal's managed policy {policy.name} is in the account, and in force nowhere that it should be."
    if wants_nothing:
        remedy, repair = Remedy.CLEAN_UP, "A worker removes it."
    else:
        remedy, repair = (
            Remedy.NONE,
            "None yet: it is used again when room is short, and goes with the last deny.",
        )
    return Difference(Kind.LEFTOVER_POLICY, principal, words, remedy, repair, item=policy.name)


def not_ours(account: str, policy: OwnPolicy) -> Difference:
    """Say of somebody else's policy that it stands under the portal's path."""
    return Difference(
        Kind.FOREIGN_POLICY,
        Principal(account, PrincipalKind.ROLE, ""),
        f"The managed policy {policy.name} stands under the portal's own path, and isn't the portal's.",
        Remedy.NONE,
        "None: what others wrote is never touched. Remove it in AWS, if nobody needs it.",
        item=policy.name,
    )
