"""Get temporary credentials under a grant: shown once, kept nowhere."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from brokers.ports import AwsPorts
from brokers.types import Credentials
from portal.access.models import AwsSession, Grant
from portal.access.operations.credentials.ask_sources import ask_sources
from portal.access.operations.credentials.call_aws import call_sts
from portal.access.operations.credentials.issue_session import ask_session, finish_session
from portal.access.operations.credentials.mfa_tries import mfa_tries_limited
from portal.access.operations.credentials.read_role_id import ensure_role_id
from portal.access.operations.credentials.ready_proof import ready_proof
from portal.access.operations.credentials.sts_budget import take_turn
from portal.access.operations.credentials.write_sessions import UNTOLD, Origin
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


def issue_credentials(  # noqa: PLR0913  # keyword-only facts of one asking
    *,
    grant_id: UUID,
    aws: AwsPorts,
    actor: Actor,
    proof: Proof | None = None,
    origin: Origin = UNTOLD,
    at_its_turn: Callable[[], object] = lambda: None,
) -> IssuedCredentials:
    """Issue credentials to the grant's own person. `proof`: what the role's call takes along of theirs.

    Always asks AWS: doors use `fetch_credentials`. `at_its_turn` is called when all waiting is done and nothing is
    written yet; what it raises stops it there.

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
    ask_sources(grant_id=grant_id, kind=kind.value, actor=actor)
    ensure_role_id(grant_id=grant_id, kind=kind, aws=aws, actor=actor)
    ready = ready_proof(grant_id=grant_id, proof=proof, actor=actor)
    take_turn(grant_id=grant_id, actor=actor)
    at_its_turn()
    with mfa_tries_limited(grant_id=grant_id, proof=ready, actor=actor):
        asked = ask_session(grant_id=grant_id, kind=kind, aws=aws, actor=actor, proof=ready, origin=origin)
        issued, _ = finish_session(
            asked=asked, call=lambda: call_sts(asked, aws, ready), then=lambda _: None, actor=actor
        )
    return IssuedCredentials(
        grant=asked.grant,
        credentials=issued.credentials,
        session=asked.session,
        length_why=asked.length.why,
        ends_at=min(asked.ends_at, issued.credentials.expires_at),
    )
