"""Open the AWS console under a grant. The sign-in URL is a secret: it goes to that browser alone, and nowhere else."""

from dataclasses import dataclass
from uuid import UUID

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from brokers.types import IssuedSession, Partition, SignInUrl
from portal.access.models import AwsSession, Grant
from portal.access.operations.credentials.account_hubs import is_chained
from portal.access.operations.credentials.ask_sources import ask_sources
from portal.access.operations.credentials.call_aws import call_sts
from portal.access.operations.credentials.issue_session import ask_session, finish_session
from portal.access.operations.credentials.own_grant import own_grant
from portal.access.operations.credentials.read_role_id import ensure_role_id
from portal.access.operations.credentials.sts_budget import take_turn
from portal.access.operations.credentials.write_sessions import Asked
from portal.catalog.models import AwsRole
from portal.kernel.actor import Actor
from portal.kernel.errors import InvalidError

DESTINATION_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class OpenedConsole:
    grant: Grant
    sign_in: SignInUrl


def open_console(
    *, grant_id: UUID, destination: str, issuer: str, aws: AwsPorts, actor: Actor
) -> OpenedConsole:
    """Get a sign-in URL that leads to `destination`; `issuer` is where AWS sends people back to when it ends.

    Raises:
        InvalidError: the destination is not on the console hosts of the role's partition.
        NotFoundError, ForbiddenError, ConflictError, UpstreamError, BusyError: as issuing credentials.
    """
    check_destination(grant_id=grant_id, destination=destination, aws=aws, actor=actor)
    kind = AwsSession.Kind.CONSOLE
    own = own_grant(grant_id=grant_id, actor=actor)
    ask_sources(own=own, kind=kind.value, actor=actor)
    ensure_role_id(own=own, kind=kind, aws=aws, actor=actor)
    take_turn(own=own)
    asked = ask_session(grant_id=grant_id, kind=kind, aws=aws, actor=actor, destination=destination)
    sign_in = finish_session(
        asked=asked,
        call=lambda: call_sts(asked, aws),
        then=lambda issued: _sign_in(asked, issued, destination, issuer, aws),
        actor=actor,
    )
    return OpenedConsole(asked.grant, sign_in)


def check_destination(*, grant_id: UUID, destination: str, aws: AwsPorts, actor: Actor) -> None:
    grants = Grant.objects.select_related("role__account").filter(pk=grant_id, person_id=actor.owner_id)
    if (grant := grants.first()) is None:
        return  # asking will refuse it, with its audit row; another's grant looks like none
    if len(destination) > DESTINATION_LIMIT:
        raise InvalidError(
            f"A destination has at most {DESTINATION_LIMIT:,} characters.", field="destination"
        )
    try:
        aws.console.check_destination(Partition(grant.role.account.partition), destination)
    except BrokerError as problem:
        raise InvalidError(f"{problem}", field="destination") from None


def _sign_in(asked: Asked, issued: IssuedSession, destination: str, issuer: str, aws: AwsPorts) -> SignInUrl:
    role = asked.grant.role
    # AWS refuses SessionDuration for federation tokens and chained roles; the console then lives as the credentials do.
    sends_duration = role.method == AwsRole.Method.ASSUME_ROLE and not is_chained(role, aws)
    return aws.console.sign_in_url(
        issued.credentials,
        partition=Partition(role.account.partition),
        destination=destination,
        issuer=issuer,
        session_duration=asked.length.duration if sends_duration else None,
    )
