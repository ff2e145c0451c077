"""The slot of a grant's credentials: one fetches at a time, of all processes; the others take what that one got.

A lease is a compare-and-swap on the slot's fence as it was seen: of a thousand who saw nothing kept one wins, and who
comes late sees another fence and looks again. Whatever is written names the fence it was leased by, so a holder that
was overtaken, or whose grant ended, writes nothing.
"""

import hashlib
import os
import socket
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from portal.access.models import CredentialSlot, Grant
from portal.access.operations.credentials.credential_cache import forget_outside
from portal.kernel.prepared_writes import PreparedInsert, PreparedUpdate

# A killed holder's lease runs out within it. AWS answers in a fraction of a second, as a rule; where it takes longer
# another asks, too.
LEASE = timedelta(seconds=10)
EMPTY = {"key": b"", "version": "", "session": None, "sealed": b"", "expires_at": None}
FREE = {"holder": "", "leased_until": None}
NOT_REFUSED = {"refused_code": "", "refused_why": "", "refused_until": None}

MARKERS: Mapping[str, Any] = {
    "grant": UUID("00000000-0000-4000-8000-0000000000a1"),
    "fence": 7_000_000_000_001,
    "now": datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC),
}

# What a version is made of, as paths from the grant.
VERSION_FACTS = (
    *("ends_at", "window_days", "window_opens", "window_closes", "window_zone"),
    *("role__method", "role__path", "role__name", "role__region", "role__via_id", "role__root_task"),
    *("role__provider_arn", "role__vouched_by_id", "role__audience", "role__identity_pool_id"),
    *("role__login_name", "role__max_session_seconds", "role__sends_tags", "role__sets_source_identity"),
    *("role__account__account_id", "role__account__partition"),
    *("role__account__hub__kind", "role__account__hub__changed_at"),
    "person__partner__contract_ends_at",
)


@dataclass(frozen=True, slots=True)
class SlotLease:
    """Held while the slot's fence is still this one."""

    grant_id: UUID
    fence: int


def version_of(grant: Grant) -> str:
    """Return a digest of what a session under this grant is made of, apart from what a grant never changes.

    A changed role, account, hub, end or contract is another version. A provider's word is none: see `Look.left`.
    """
    return digest_of([_fact(grant, path) for path in VERSION_FACTS])


def digest_of(facts: Sequence[Any]) -> str:
    """Return the version of the values of VERSION_FACTS."""
    return hashlib.sha256("\n".join(map(str, facts)).encode()).hexdigest()


def _fact(grant: Grant, path: str) -> Any:
    found: Any = grant
    for name in path.split("__"):
        found = getattr(found, name, None)
    return found


def take_slot(grant_id: UUID, *, seen: CredentialSlot | None, now: datetime) -> SlotLease | None:
    """Return the lease; None where another holds it, or has been there since the slot was `seen`."""
    if seen is not None and seen.leased_until is not None and seen.leased_until > now:
        return None
    fence = seen.fence + 1 if seen else 1
    held = {"fence": fence, "holder": _me(), "leased_until": now + LEASE}
    if seen is None:
        is_taken = _new.run(CredentialSlot(grant_id=grant_id, **held))
    else:
        is_taken = bool(_free.run({"grant": grant_id, "fence": seen.fence, "now": now}, **held))
    return SlotLease(grant_id, fence) if is_taken else None


def has_moved(grant_id: UUID, *, seen: CredentialSlot | None, now: datetime) -> bool:
    """Whether something came of the slot since it was `seen`, or its holder's time is over: it is worth a look."""
    found = CredentialSlot.objects.filter(grant=grant_id).values_list("fence", "leased_until").first()
    if found is None:
        return seen is not None
    fence, leased_until = found
    return seen is None or fence != seen.fence or leased_until is None or leased_until <= now


def renew_slot(lease: SlotLease, now: datetime) -> bool:
    """Hold it for another while; False when it was overtaken, and AWS is not to be asked any more."""
    return bool(_leased.run(_names(lease), leased_until=now + LEASE))


def give_back(lease: SlotLease, **facts: Any) -> None:
    """Free the slot, and write these columns; nothing where the lease was lost.

    The fence goes on: who saw the slot while it was held must look again before taking it.
    """
    _leased.run(_names(lease), fence=lease.fence + 1, **facts, **FREE)


def keep_refusal(lease: SlotLease, *, version: str, code: str, why: str, until: datetime) -> None:
    """Keep what AWS refused for all who ask meanwhile, and free the slot. What is cached of another version goes."""
    told = {"refused_code": code[:80], "refused_why": why[:300], "refused_until": until}
    held = CredentialSlot.objects.filter(grant=lease.grant_id, fence=lease.fence)
    keeps = held.filter(version=version, expires_at__isnull=False).exists()
    give_back(lease, **told, **({} if keeps else EMPTY | {"version": version}))


def empty_slots(grants: Collection[UUID]) -> None:
    """In the transaction that ends these grants or cuts their sessions: nothing that is kept can be opened any more.

    Who fetches at this moment keeps nothing, as the fence is another. Redis forgets its values once it is committed.
    """
    slots = CredentialSlot.objects.filter(grant__in=grants)
    kept = list(slots.filter(session__isnull=False, sealed=b"").values_list("grant_id", "session_id"))
    slots.update(fence=F("fence") + 1, **EMPTY, **FREE, **NOT_REFUSED)
    if kept:
        transaction.on_commit(lambda: _forget(kept), robust=True)


def _forget(kept: Sequence[tuple[UUID, UUID | None]]) -> None:
    forget_outside(*((grant, session) for grant, session in kept if session is not None))


def _names(lease: SlotLease) -> Mapping[str, Any]:
    return {"grant": lease.grant_id, "fence": lease.fence}


def _at_fence(given: Mapping[str, Any]) -> QuerySet[CredentialSlot]:
    return CredentialSlot.objects.filter(grant=given["grant"], fence=given["fence"])


def _at_fence_and_free(given: Mapping[str, Any]) -> QuerySet[CredentialSlot]:
    return _at_fence(given).filter(Q(leased_until=None) | Q(leased_until__lte=given["now"]))


_new = PreparedInsert(CredentialSlot, or_leave=True)
_leased = PreparedUpdate(_at_fence, MARKERS)
_free = PreparedUpdate(_at_fence_and_free, MARKERS)


def _me() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"[:80]
