"""Whoever knows more of a person than the portal does is asked before anything is issued to them.

Who that is registers here: who somebody proves to be is not this room's to know.
"""

from collections.abc import Callable
from uuid import UUID

from portal.access.models import Grant
from portal.access.operations.refusals import refusals_recorded
from portal.kernel.actor import Actor

# Given the person's id; raises ForbiddenError where they are to get nothing now.
Source = Callable[[UUID], None]
_sources: list[Source] = []


def register(source: Source) -> None:
    _sources.append(source)


def ask_sources(*, own: Grant | None, kind: str, actor: Actor) -> None:
    """Ask about the person whose own grant it is. Not to be called in a transaction.

    Raises:
        ForbiddenError: as the source says; an audit row is written.
    """
    if own is None:
        return
    with refusals_recorded(grant_id=own.pk, kind=kind, actor=actor):
        for source in _sources:
            source(actor.owner_id)
