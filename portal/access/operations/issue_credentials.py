"""Get temporary credentials under a grant: shown once, kept nowhere."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from brokers.ports import AwsPorts
from brokers.types import Credentials
from portal.access.models import AwsSession, Grant
from portal.access.operations.ask_sources import ask_sources
from portal.access.operations.call_aws import call_sts
from portal.access.operations.issue_session import ask_session, finish_session
from portal.access.operations.read_role_id import ensure_role_id
from portal.kernel.actor import Actor


@dataclass(frozen=True, slots=True)
class IssuedCredentials:
    """`ends_at`: when they cease to work, by their own policy. `length_why` says why AWS was asked for that long."""

    grant: Grant
    credentials: Credentials
    session: AwsSession
    length_why: str
    ends_at: datetime


def issue_credentials(*, grant_id: UUID, aws: AwsPorts, actor: Actor) -> IssuedCredentials:
    """Issue credentials to the grant's own person.

    Raises:
        NotFoundError: no such grant, or not this person's.
        ForbiddenError: the role gives no credentials, or is switched off.
        ConflictError: before the start, after the end, between two windows, in hold, or it ended meanwhile.
        UpstreamError: AWS refused or did not answer.
    """
    kind = AwsSession.Kind.CREDENTIALS
    ask_sources(grant_id=grant_id, kind=kind.value, actor=actor)
    ensure_role_id(grant_id=grant_id, kind=kind, aws=aws, actor=actor)
    asked = ask_session(grant_id=grant_id, kind=kind, aws=aws, actor=actor)
    issued, _ = finish_session(
        asked=asked, call=lambda: call_sts(asked, aws), then=lambda _: None, actor=actor
    )
    return IssuedCredentials(
        grant=asked.grant,
        credentials=issued.credentials,
        session=asked.session,
        length_why=asked.length.why,
        ends_at=min(asked.ends_at, issued.credentials.expires_at),
    )
