"""Fetch the credentials of a grant: what is kept while it is good, else new ones; one asks AWS, all get the answer.

The grant is checked in the database at each fetch, whatever is kept. Every door uses this; `issue_credentials` always
asks AWS.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from brokers.errors import AwsUnavailable
from brokers.ports import AwsPorts
from brokers.types import Credentials
from portal.access.freshness import Freshness
from portal.access.models import Grant
from portal.access.operations.credentials.ask_sources import ask_sources
from portal.access.operations.credentials.credential_cache import Kept, open_kept
from portal.access.operations.credentials.credential_slots import has_moved, take_slot
from portal.access.operations.credentials.fill_slot import REFUSED_FOR, Fetch, busy, fill_slot
from portal.access.operations.credentials.hand_out import Place, hand_out
from portal.access.operations.credentials.issue_credentials import IssuedCredentials
from portal.access.operations.credentials.kept_at_once import kept_at_once
from portal.access.operations.credentials.look_at_credentials import KIND, Look, look
from portal.access.operations.credentials.own_grant import own_grant
from portal.access.operations.credentials.ready_proof import check_proof_kind
from portal.access.operations.refusals import refusals_recorded
from portal.access.proofs import Proof
from portal.directory.vouching import SignInTooOldError
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import BusyError, DomainError, UpstreamError

# SDKs give an answer two seconds.
PATIENCE = 1.5
FIRST_NAP, LONGEST_NAP = 0.03, 0.2
# New ones on demand, and another try after a refusal, no sooner than this.
FRESH_AFTER = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class FetchedCredentials:
    """`ends_at`: when they cease to work. `length_why`: why AWS was asked for that long. `was_cached`: kept ones."""

    grant: Grant
    credentials: Credentials
    session_id: UUID
    ends_at: datetime
    length_why: str
    was_cached: bool
    issued_at: datetime


def fetch_credentials(  # noqa: PLR0913  # what every door has to say
    *,
    grant_id: UUID,
    aws: AwsPorts,
    actor: Actor,
    door: str,
    proof: Proof | None = None,
    fresh: bool = False,
) -> FetchedCredentials:
    """Hand out the credentials of the actor's own grant. `door`: such as 'page', 'api', 'token:ID'.

    `fresh`: new ones, also where AWS refused just now; what is younger than some seconds counts as new.

    Raises:
        NotFoundError: no such grant, or not this person's.
        ForbiddenError: the role gives no credentials, is switched off, or asks for a second factor first.
        ConflictError: before the start, after the end, between two windows, in hold, or it ended meanwhile.
        ProofNeededError, ProofRefusedError: nothing is kept, and the role's call takes the person's own proof along.
        UpstreamError: AWS refused or did not answer, now or a moment ago.
        BusyError: somebody else is asking AWS for the same and has no answer yet, or AWS is asked too often.
    """
    fetch = Fetch(grant_id, aws, actor, Place.of(actor, door), proof, fresh)
    if not fresh and (found := kept_at_once(grant_id=grant_id, place=fetch.place, actor=actor)) is not None:
        return FetchedCredentials(
            grant=found.grant,
            credentials=found.kept.credentials,
            session_id=found.session_id,
            ends_at=found.ends_at,
            length_why=found.kept.length_why,
            was_cached=True,
            issued_at=found.issued_at,
        )
    gives_up = time.monotonic() + PATIENCE
    while True:
        seen = _look(fetch)
        if (answer := _answer(fetch, seen)) is not None:
            return answer
        if not _waited(fetch, seen, gives_up):
            return _again(fetch)


def _waited(fetch: Fetch, seen: Look, gives_up: float) -> bool:
    """Wait until something came of the slot; False where nothing did in time."""
    nap = FIRST_NAP
    while time.monotonic() < gives_up:
        if has_moved(fetch.grant_id, seen=seen.slot, now=database_now()):
            return True
        time.sleep(nap)
        nap = min(nap * 1.5, LONGEST_NAP)
    return False


def _look(fetch: Fetch) -> Look:
    with refusals_recorded(grant_id=fetch.grant_id, kind=KIND.value, actor=fetch.actor):
        try:
            return look(grant_id=fetch.grant_id, place=fetch.place, actor=fetch.actor)
        except SignInTooOldError:
            pass  # whoever knows more of the person is asked, before they are sent to sign in
    own = own_grant(grant_id=fetch.grant_id, actor=fetch.actor)
    ask_sources(own=own, kind=KIND.value, actor=fetch.actor)
    with refusals_recorded(grant_id=fetch.grant_id, kind=KIND.value, actor=fetch.actor):
        return look(grant_id=fetch.grant_id, place=fetch.place, actor=fetch.actor)


def _answer(fetch: Fetch, seen: Look) -> FetchedCredentials | None:
    """Return what is kept, or what AWS gives now; None where another is asking AWS already."""
    kept = _kept(seen)
    if kept is not None and _is_enough(fetch, seen):
        return _handed_out(fetch, seen, kept)
    if kept is None and _refusal_stands(fetch, seen):
        raise _kept_refusal(seen)
    if fetch.proof is None:
        with refusals_recorded(grant_id=fetch.grant_id, kind=KIND.value, actor=fetch.actor):
            check_proof_kind(seen.grant.role, None)
    lease = take_slot(fetch.grant_id, seen=seen.slot, now=seen.now)
    if lease is None:
        if kept is None or fetch.fresh or seen.freshness is Freshness.OVER:
            return None
        return _handed_out(fetch, seen, kept)
    try:
        return _new(fill_slot(fetch, seen, lease))
    except (UpstreamError, BusyError):
        # What is kept works still: better than an error.
        if kept is None or fetch.fresh:
            raise
        return _again(fetch)


def _again(fetch: Fetch) -> FetchedCredentials:
    """Look once more, as the grant may have ended meanwhile, and hand out what is kept."""
    seen = _look(fetch)
    if (kept := _kept(seen)) is not None:
        return _handed_out(fetch, seen, kept)
    raise busy()


def _kept(seen: Look) -> Kept | None:
    return open_kept(seen.slot) if seen.slot is not None and seen.left > timedelta() else None


def _is_enough(fetch: Fetch, seen: Look) -> bool:
    """Whether what is kept goes out at once: nothing newer is wanted, or nothing newer is to be had now."""
    session = seen.slot.session if seen.slot else None
    if fetch.fresh and session is not None and seen.now - session.asked_at >= FRESH_AFTER:
        return _refusal_stands(fetch, seen)
    needs_proof = fetch.proof is None and seen.grant.role.needs_proof
    return seen.freshness is Freshness.GOOD or needs_proof or _refusal_stands(fetch, seen)


def _refusal_stands(fetch: Fetch, seen: Look) -> bool:
    """A refusal is everybody's but for whoever brings a proof, which may be a better one, or tries again by hand."""
    slot = seen.slot
    if slot is None or slot.refused_until is None or not seen.refusal_stands:
        return False
    if slot.refused_code == AwsUnavailable.code:
        return True
    refused_at = slot.refused_until - REFUSED_FOR
    return fetch.proof is None and not (fetch.fresh and seen.now - refused_at >= FRESH_AFTER)


def _kept_refusal(seen: Look) -> UpstreamError:
    slot = seen.slot
    code, why = (slot.refused_code, slot.refused_why) if slot else ("", "")
    return UpstreamError(why, upstream_code=code, retryable=code == AwsUnavailable.code)


def _new(issued: IssuedCredentials) -> FetchedCredentials:
    return FetchedCredentials(
        grant=issued.grant,
        credentials=issued.credentials,
        session_id=issued.session.pk,
        ends_at=issued.ends_at,
        length_why=issued.length_why,
        was_cached=False,
        issued_at=issued.session.asked_at,
    )


def _handed_out(fetch: Fetch, seen: Look, kept: Kept) -> FetchedCredentials:
    slot = seen.slot
    if slot is None or slot.session is None or slot.expires_at is None:
        raise DomainError("nothing is kept")  # pragma: no cover - then there is no `kept`
    if not seen.is_known:
        hand_out(seen.grant, slot.session.pk, fetch.place, actor=fetch.actor, at=seen.now)
    return FetchedCredentials(
        grant=seen.grant,
        credentials=kept.credentials,
        session_id=slot.session.pk,
        ends_at=slot.expires_at,
        length_why=kept.length_why,
        was_cached=True,
        issued_at=slot.session.asked_at,
    )
