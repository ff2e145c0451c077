"""The portal's own console links: single-use, short-lived, for their person only; signed in at the click."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from brokers.ports import AwsPorts
from portal.access.models import AwsSession, ConsoleLink
from portal.access.operations.credentials.ask_sources import ask_sources
from portal.access.operations.credentials.fresh_factor import check_fresh_factor
from portal.access.operations.credentials.open_console import OpenedConsole, check_destination, open_console
from portal.access.operations.credentials.own_grant import own_grant
from portal.access.operations.doors import check_issuing_open
from portal.access.operations.grants.may_use import check_may_use, issued_until
from portal.access.operations.locking import lock_grant
from portal.access.operations.refusals import refusals_recorded
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import NotFoundError
from portal.kernel.sealing import fingerprint

LINK_LIFE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class MadeLink:
    token: str = field(repr=False)
    expires_at: datetime


def make_console_link(*, grant_id: UUID, destination: str, aws: AwsPorts, actor: Actor) -> MadeLink:
    """Make a link that opens the console once, within 10 minutes, for the grant's own person.

    Raises:
        InvalidError, NotFoundError, ForbiddenError, ConflictError.
    """
    check_destination(grant_id=grant_id, destination=destination, aws=aws, actor=actor)
    ask_sources(own=own_grant(grant_id=grant_id, actor=actor), kind="console_link", actor=actor)
    token = secrets.token_urlsafe(32)
    with refusals_recorded(grant_id=grant_id, kind="console_link", actor=actor), transaction.atomic():
        grant = lock_grant(grant_id)
        now = database_now()
        check_issuing_open(now)
        vouched = check_may_use(grant, AwsSession.Kind.CONSOLE, actor, now)
        # A link never leads into the next window: it dies with the one in which it was made.
        expires_at = min(now + LINK_LIFE, issued_until(grant, now, vouched=vouched))
        ConsoleLink.objects.create(
            grant=grant,
            digest=fingerprint(token),
            destination=destination,
            made_at=now,
            expires_at=expires_at,
        )
        record(
            Entry(
                type=EventType.CONSOLE_LINK_MADE,
                at=now,
                actor=actor,
                grant_id=grant.pk,
                person_id=grant.person_id,
                role_id=grant.role_id,
                details={"destination": destination},
            )
        )
    return MadeLink(token, expires_at)


def find_console_link(*, token: str, actor: Actor) -> ConsoleLink:
    """Return an unused link of this person's, for the page that asks for the click.

    Raises:
        NotFoundError: used, over, unknown or another's: the four are not told apart.
    """
    link = (
        ConsoleLink.objects.select_related("grant__role__account", "grant__person")
        .filter(digest=fingerprint(token), used_at=None, expires_at__gt=database_now())
        .filter(grant__person_id=actor.owner_id)
        .first()
    )
    if link is None:
        raise NotFoundError("This link has been used already, is over, or isn't yours.")
    return link


def use_console_link(*, token: str, issuer: str, aws: AwsPorts, actor: Actor) -> OpenedConsole:
    """Use a link up, then open the console. Of two clicks at once, one wins.

    Raises:
        NotFoundError: as find_console_link; else as open_console.
        StepUpNeededError: the role asks for a fresh second factor; the link stays as it was.
    """
    link = find_console_link(token=token, actor=actor)
    kind = AwsSession.Kind.CONSOLE.value
    with refusals_recorded(grant_id=link.grant_id, kind=kind, actor=actor):
        # Before the link is used up: it must still be there when the factor was given.
        check_fresh_factor(link.grant, actor, database_now())
    with transaction.atomic():
        now = database_now()
        if not ConsoleLink.objects.filter(pk=link.pk, used_at=None, expires_at__gt=now).update(used_at=now):
            raise NotFoundError("This link has been used already, is over, or isn't yours.")
        record(
            Entry(
                type=EventType.CONSOLE_LINK_USED,
                at=now,
                actor=actor,
                grant_id=link.grant_id,
                person_id=link.grant.person_id,
                role_id=link.grant.role_id,
                details={"destination": link.destination},
            )
        )
    return open_console(
        grant_id=link.grant_id, destination=link.destination, issuer=issuer, aws=aws, actor=actor
    )
