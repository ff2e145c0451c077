"""Before anything is issued: is the person still who the directory says they are?

Asked at most once a minute for each person. A directory that can't be asked refuses nobody: how long its last word
counts is bounded by the provider's `max_age`, whatever happens here.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from brokers.errors import IdentityUnavailable
from brokers.ports import LdapDirectory
from brokers.types import AccountState
from portal.directory.models import ExternalIdentity, IdentityProvider
from portal.identity.operations.ask_anew import SUBJECT_FORMAT, ask_anew, why_gone
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError
from portal.kernel.prepared import PreparedModels

log = logging.getLogger(__name__)
ASKED_EACH = timedelta(seconds=60)
# A directory that did not answer is left alone by this process for so many seconds: pages must not wait for it in turn.
REST = 15.0
_rests: dict[UUID, float] = {}
_rests_lock = threading.Lock()
CHECK = Actor.system("check at issue")


def confirm_person(*, person_id: UUID, ldap: Callable[[], LdapDirectory]) -> None:
    """Ask the directories in which the person is about them. Not to be called in a transaction.

    Raises:
        ForbiddenError: gone there, which has been acted upon; or locked there, for as long as that lasts.
    """
    for identity, _ in _in_directories.all({"person": person_id}):
        if identity.confirmed_at is None or identity.confirmed_at <= database_now() - ASKED_EACH:
            _confirm(identity, ldap())


def _confirm(identity: ExternalIdentity, ldap: LdapDirectory) -> None:
    provider = identity.provider
    if _rests_now(provider.pk):
        return
    try:
        state = ask_anew(identity=identity, ldap=ldap, actor=CHECK)
    except IdentityUnavailable as problem:
        with _rests_lock:
            _rests[provider.pk] = time.monotonic() + REST
        log.warning(
            "%s can't be asked about %s, whose last word still counts: %s",
            provider.slug,
            identity.person_id,
            problem,
        )
        return
    if why_gone(state) is not None:
        raise ForbiddenError(
            f"Your account at {provider.name} can't be used any more: ask the people who run it."
        )
    if state == AccountState.LOCKED:
        raise ForbiddenError(
            f"Your account at {provider.name} is locked. Wait until it is open again, or ask the people who run it."
        )


def _of_person(given: Mapping[str, Any]) -> QuerySet[ExternalIdentity]:
    identities = ExternalIdentity.objects.filter(
        person=given["person"],
        gone_at=None,
        subject_format=SUBJECT_FORMAT,
        provider__kind=IdentityProvider.Kind.LDAP,
        provider__is_enabled=True,
    )
    return identities.select_related("provider__ldap").order_by()


_in_directories = PreparedModels(_of_person, {"person": UUID("00000000-0000-4000-8000-0000000000a1")})


def _rests_now(provider_id: UUID) -> bool:
    with _rests_lock:
        return time.monotonic() < _rests.get(provider_id, 0.0)
