"""What may still live in AWS under one grant, of which kind and until when: what a choice to let it run out means."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, DateTimeField, ExpressionWrapper, F, Max, Q, When
from django.db.models.functions import Coalesce, Least

from portal.access.lifecycle import MAY_LIVE, stored
from portal.access.models import AwsSession, Grant
from portal.access.policy import CONSOLE_AFTER
from portal.catalog.models.roles import ROLE_METHODS


@dataclass(frozen=True, slots=True)
class RunOut:
    """How many sessions of each kind may be alive, and when the last of them ends by itself; None when none is."""

    console: int
    credentials: int
    until: datetime | None

    @property
    def total(self) -> int:
        return self.console + self.credentials

    def describe(self) -> str:
        """Say it in words: 1 console session and 2 sets of credentials."""
        return f"{_many(self.console, 'console session')} and {_many(self.credentials, 'set', ' of credentials')}"


def run_out(grant: Grant, *, at: datetime) -> RunOut:
    """Look at one grant's sessions in one query. A session ends by its own policy, or with its own life in AWS.

    `until` goes by what AWS may have made of credentials as well: a console session outlives them.
    """
    own_end = Coalesce("ends_at", "grant__ends_at")
    lasts = Case(
        When(
            kind=AwsSession.Kind.CREDENTIALS,
            grant__role__method__in=ROLE_METHODS,
            then=ExpressionWrapper(F("expires_at") + CONSOLE_AFTER, DateTimeField()),
        ),
        default=F("expires_at"),
    )
    alive = AwsSession.objects.filter(
        grant=grant.pk, expires_at__gt=at - CONSOLE_AFTER, state__in=stored(MAY_LIVE)
    )
    works = Q(expires_at__gt=at)
    found = (
        alive.annotate(over_at=Least(lasts, own_end))
        .filter(over_at__gt=at)
        .aggregate(
            console=Count("pk", filter=works & Q(kind=AwsSession.Kind.CONSOLE)),
            credentials=Count("pk", filter=works & Q(kind=AwsSession.Kind.CREDENTIALS)),
            until=Max("over_at"),
        )
    )
    return RunOut(**found)


def session_end(session: AwsSession, grant: Grant) -> datetime:
    """Return when a session ends by itself, cut off or not. An older one without its own end: with its grant."""
    return min(session.expires_at, session.ends_at or grant.ends_at)


def _many(number: int, thing: str, of: str = "") -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}{of}"
