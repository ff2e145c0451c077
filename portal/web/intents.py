"""What somebody was doing when a second factor was asked for: kept in their session, so that nothing of it is lost.

Each has an id of its own: what was begun in two tabs doesn't mix. It waits ten minutes, and its session is one
person's: a new sign-in begins with an empty one. A console link's token is a secret, and is sealed.
"""

import base64
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from portal.kernel.clock import database_now
from portal.kernel.sealing import UnsealError, seal, unseal
from portal.web.redirects import see_other

KEY: Final = "intents"
LIFE: Final = timedelta(minutes=10)
MOST: Final = 8


class Act(StrEnum):
    """What is done once the factor was given."""

    CONSOLE = "console"
    CREDENTIALS = "credentials"
    LINK = "link"
    TOKEN = "token"  # noqa: S105  # an API token is given the factor
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Intent:
    """`at`: since when it waits. `challenge`: what a passkey was asked to sign for it last; it counts once."""

    act: Act
    at: datetime
    id: str = ""
    grant: str = ""
    destination: str = ""
    sealed_link: str = ""
    token: str = ""
    path: str = ""
    challenge: str = ""

    @property
    def grant_id(self) -> UUID | None:
        return UUID(self.grant) if self.grant else None

    @property
    def link(self) -> str:
        """Return the console link's token; empty when it can't be opened any more."""
        try:
            return unseal(self.sealed_link.encode()).decode() if self.sealed_link else ""
        except UnsealError:
            return ""

    @property
    def url(self) -> str:
        return f"{reverse('web:step-up')}?for={self.id}"


def ask_factor(request: HttpRequest, act: Act, *, link: str = "", **facts: str) -> HttpResponse:
    """Keep what was being done, and lead to the page that asks for a second factor."""
    sealed = seal(link.encode()).decode() if link else ""
    return see_other(keep(request, Intent(act, database_now(), sealed_link=sealed, **facts)).url)


def keep(request: HttpRequest, intent: Intent) -> Intent:
    kept = replace(intent, id=secrets.token_urlsafe(9))
    stored = _stored(request)
    for old in list(stored)[: max(0, len(stored) - MOST + 1)]:
        del stored[old]
    _store(request, {**stored, kept.id: _as_json(kept)})
    return kept


def find(request: HttpRequest, intent_id: str) -> Intent | None:
    """Return what waits under this id in this session; None for what is unknown, done, or waited too long."""
    told = _stored(request).get(intent_id)
    if told is None:
        return None
    intent = Intent(**{**told, "act": Act(told["act"]), "at": datetime.fromisoformat(told["at"])})
    return intent if database_now() - intent.at < LIFE else None


def waiting(request: HttpRequest) -> Intent | None:
    """Return what was asked for last and still waits for a second factor, apart from pages."""
    found = (find(request, each) for each in reversed(list(_stored(request))))
    return next((intent for intent in found if intent is not None and intent.act != Act.PAGE), None)


def drop(request: HttpRequest, intent: Intent) -> None:
    _store(request, {key: told for key, told in _stored(request).items() if key != intent.id})


def put_challenge(request: HttpRequest, intent: Intent, challenge: bytes) -> None:
    told = _as_json(replace(intent, challenge=base64.b64encode(challenge).decode()))
    _store(request, {**_stored(request), intent.id: told})


def take_challenge(request: HttpRequest, intent: Intent) -> bytes:
    """Return the challenge, which is used up by that; empty when there is none: that signs nothing."""
    _store(request, {**_stored(request), intent.id: _as_json(replace(intent, challenge=""))})
    return base64.b64decode(intent.challenge)


def _stored(request: HttpRequest) -> dict[str, Any]:
    return dict(request.session.get(KEY, {}))


def _store(request: HttpRequest, intents: dict[str, Any]) -> None:
    request.session[KEY] = intents


def _as_json(intent: Intent) -> dict[str, Any]:
    return {**asdict(intent), "act": intent.act.value, "at": intent.at.isoformat()}
