"""Ask AWS for whoever holds a slot's lease, and keep in it what was answered: credentials, or why there are none."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from brokers.ports import AwsPorts
from portal.access.operations.credentials.credential_cache import Kept, keep_outside, seal_kept
from portal.access.operations.credentials.credential_slots import (
    NOT_REFUSED,
    SlotLease,
    give_back,
    keep_refusal,
    renew_slot,
)
from portal.access.operations.credentials.hand_out import Place, note_first
from portal.access.operations.credentials.issue_credentials import IssuedCredentials, issue_credentials
from portal.access.operations.credentials.look_at_credentials import Look
from portal.access.operations.credentials.standing import Standing
from portal.access.operations.credentials.write_sessions import Origin
from portal.access.proofs import Proof
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import BusyError, UpstreamError

# For how long AWS's refusal is everybody's, and that it gave no answer.
REFUSED_FOR = timedelta(seconds=30)
UNAVAILABLE_FOR = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Fetch:
    """What is asked for, of whom, by whom."""

    grant_id: UUID
    aws: AwsPorts
    actor: Actor
    place: Place
    proof: Proof | None
    fresh: bool


def fill_slot(fetch: Fetch, seen: Look, lease: SlotLease) -> IssuedCredentials:
    """Ask AWS once. The lease is given back, whatever comes of it.

    Raises:
        BusyError: the lease was lost while others were waited for, or AWS is asked too often.
        UpstreamError: AWS refused or did not answer; kept for who asks next, but for what a proof brought about.
        DomainError: as `issue_credentials`.
    """
    try:
        return issue_credentials(
            grant_id=fetch.grant_id,
            aws=fetch.aws,
            actor=fetch.actor,
            proof=fetch.proof,
            origin=Origin(fetch.place.door, seen.slot.session_id if seen.slot else None),
            keeper=SlotKeeper(fetch, seen, lease),
            own=seen.grant,
        )
    except UpstreamError as problem:
        _note_refusal(fetch, seen, lease, problem)
        raise
    except BaseException:
        give_back(lease)
        raise


class SlotKeeper:
    """Keeps what is issued in its slot, unless the lease was lost: then another has newer ones, or the grant ended."""

    def __init__(self, fetch: Fetch, seen: Look, lease: SlotLease) -> None:
        self._fetch, self._seen, self._lease = fetch, seen, lease
        self._asked_at = seen.now
        self._facts: Mapping[str, Any] = {}

    def at_its_turn(self, now: datetime) -> None:
        """Who waited for so long that another took the slot leaves it to that one: AWS is asked once."""
        if not renew_slot(self._lease, now):
            raise busy()

    def put_by(self, issued: IssuedCredentials) -> None:
        """Seal it, and give it to Redis, where nobody can open it before the slot has its key."""
        session, grant_id, version = issued.session, self._fetch.grant_id, self._seen.version
        sealed = seal_kept(
            Kept(issued.credentials, issued.length_why),
            grant_id=grant_id,
            version=version,
            session_id=session.pk,
        )
        seconds = (issued.ends_at - self._seen.now).total_seconds()
        is_outside = keep_outside(grant_id, session.pk, sealed.value, seconds=seconds)
        self._asked_at = session.asked_at
        self._facts = {
            "key": sealed.key,
            "version": version,
            "session": session.pk,
            "sealed": b"" if is_outside else sealed.value,
            "expires_at": issued.ends_at,
            **NOT_REFUSED,
        }

    def keep(self, standing: Standing) -> None:
        """Nothing where everybody on the role was cut off this very second: AWS knows whole seconds, and denies it."""
        if standing.cut_before is not None and standing.cut_before > self._asked_at:
            give_back(self._lease)
            return
        note_first(self._facts["session"], self._fetch.place, self._seen.now)
        give_back(self._lease, **self._facts)


def _note_refusal(fetch: Fetch, seen: Look, lease: SlotLease, problem: UpstreamError) -> None:
    if fetch.proof is not None and not problem.retryable:
        give_back(lease)
        return
    lasts = UNAVAILABLE_FOR if problem.retryable else REFUSED_FOR
    keep_refusal(
        lease,
        version=seen.version,
        code=problem.upstream_code,
        why=str(problem),
        until=database_now() + lasts,
    )


def busy() -> BusyError:
    return BusyError(
        "Somebody else is getting these credentials from AWS at this moment. Try again in a second.",
        retry_after_seconds=1,
    )
