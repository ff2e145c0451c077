"""Get temporary credentials under a grant: shown once, kept nowhere."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from brokers.ports import AwsPorts
from brokers.types import Credentials, IssuedSession
from portal.access.models import AwsSession, Grant
from portal.access.operations.credentials.ask_sources import ask_sources
from portal.access.operations.credentials.call_aws import call_sts
from portal.access.operations.credentials.issue_session import ask_session, finish_session
from portal.access.operations.credentials.mfa_tries import mfa_tries_limited
from portal.access.operations.credentials.own_grant import own_grant
from portal.access.operations.credentials.read_role_id import ensure_role_id
from portal.access.operations.credentials.ready_proof import ready_proof
from portal.access.operations.credentials.standing import Standing
from portal.access.operations.credentials.sts_budget import take_turn
from portal.access.operations.credentials.write_sessions import UNTOLD, Asked, Origin
from portal.access.proofs import Proof
from portal.kernel.actor import Actor


@dataclass(frozen=True, slots=True)
class IssuedCredentials:
    """`ends_at`: when they cease to work, by their own policy. `length_why` says why AWS was asked for that long."""

    grant: Grant
    credentials: Credentials
    session: AwsSession
    length_why: str
    ends_at: datetime


class Keeper(Protocol):
    """Who keeps what is issued. What it raises stops the step at which it is told."""

    def at_its_turn(self, now: datetime) -> None:
        """All waiting is done, and nothing is written yet."""

    def put_by(self, issued: IssuedCredentials) -> None:
        """AWS has answered, and nobody knows yet whether that may be handed out. No transaction is open."""

    def keep(self, standing: Standing) -> None:
        """In the transaction that writes the answer down: it may."""


class KeepsNothing:
    """For whoever shows them once."""

    def at_its_turn(self, now: datetime) -> None: ...

    def put_by(self, issued: IssuedCredentials) -> None: ...

    def keep(self, standing: Standing) -> None: ...


KEEPS_NOTHING = KeepsNothing()


def issue_credentials(  # noqa: PLR0913  # keyword-only facts of one asking
    *,
    grant_id: UUID,
    aws: AwsPorts,
    actor: Actor,
    proof: Proof | None = None,
    origin: Origin = UNTOLD,
    keeper: Keeper = KEEPS_NOTHING,
    own: Grant | None = None,
) -> IssuedCredentials:
    """Issue credentials to the grant's own person. `proof`: what the role's call takes along of theirs.

    Always asks AWS: doors use `fetch_credentials`. `own`: as `own_grant` says, where that was looked at a moment ago.

    Raises:
        ProofNeededError, ProofRefusedError: the call needs it, or it proves nothing here.
        NotFoundError: no such grant, or not this person's.
        ForbiddenError: the role gives no credentials, or is switched off.
        ConflictError: before the start, after the end, between two windows, in hold, or it ended meanwhile.
        UpstreamError: AWS refused or did not answer.
        BusyError: AWS is asked too often now; nothing was asked this time.
        TooManyError: AWS refused too many MFA codes of this person's.
    """
    kind = AwsSession.Kind.CREDENTIALS
    own = own or own_grant(grant_id=grant_id, actor=actor)
    ask_sources(own=own, kind=kind.value, actor=actor)
    ensure_role_id(own=own, kind=kind, aws=aws, actor=actor)
    ready = ready_proof(own=own, proof=proof, actor=actor)
    keeper.at_its_turn(take_turn(own=own))
    with mfa_tries_limited(grant_id=grant_id, proof=ready, actor=actor):
        asked = ask_session(grant_id=grant_id, kind=kind, aws=aws, actor=actor, proof=ready, origin=origin)
        return finish_session(
            asked=asked,
            call=lambda: call_sts(asked, aws, ready),
            then=lambda made: _put_by(keeper, asked, made),
            keep=lambda _, standing: keeper.keep(standing),
            actor=actor,
        )


def _put_by(keeper: Keeper, asked: Asked, made: IssuedSession) -> IssuedCredentials:
    issued = IssuedCredentials(
        grant=asked.grant,
        credentials=made.credentials,
        session=asked.session,
        length_why=asked.length.why,
        ends_at=min(asked.ends_at, made.credentials.expires_at),
    )
    keeper.put_by(issued)
    return issued
