"""Syncs as they are asked for: by the schedule, by an admin, and by whoever says yes to one that stopped.

Asking posts into the outbox; a worker takes the row, `sync_people.py`.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from portal.access.operations.permissions import check_superuser
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import IdentityProvider, SyncRun
from portal.identity.operations.sync_runs import STALE
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, NotFoundError

ASKED = EventType.SYNC_ASKED.value
SCHEDULE = Actor.system("sync schedule")
# A worker has a sync in hand within seconds; what nobody took for so long was lost on the way.
UNHEARD = timedelta(seconds=30)


def ask_sync(*, provider_id: UUID, actor: Actor, may_deactivate_all: bool = False) -> SyncRun:
    """Ask for a reading of all people and groups. A worker makes it.

    `may_deactivate_all`: as many as the last one would have deactivated when it stopped, if it did; see `approve_sync`.

    Raises:
        NotFoundError: no such directory.
        ForbiddenError: by anybody but a superuser.
        ConflictError: one is under way, or the provider is switched off.
    """
    provider = _provider(provider_id, actor)
    try:
        with transaction.atomic():
            now = database_now()
            run = SyncRun.objects.create(
                provider=provider,
                state=SyncRun.State.ASKED,
                asked_at=now,
                asked_by_id=actor.person_id,
                may_deactivate_all=may_deactivate_all,
            )
            _wake(run)
            details = {"provider": provider.slug, "may_deactivate_all": may_deactivate_all}
            record(Entry(type=EventType.SYNC_ASKED, at=now, actor=actor, details=details))
    except IntegrityError:
        return _ask_again(provider)
    return run


def approve_sync(*, run_id: UUID, actor: Actor) -> SyncRun:
    """Say yes to what a sync stopped at: a new one may deactivate as many, and the provider's share on top.

    Raises:
        NotFoundError: no such sync.
        ForbiddenError, ConflictError: as `ask_sync`; or it is not the provider's last one, or did not stop.
    """
    run = SyncRun.objects.filter(pk=run_id).first()
    if run is None:
        raise NotFoundError("There is no such sync.")
    _provider(run.provider_id, actor)
    newest = SyncRun.objects.filter(provider=run.provider_id).order_by("-asked_at").first()
    if run.state != SyncRun.State.STOPPED or newest is None or newest.pk != run.pk:
        raise ConflictError("Nothing waits for a yes: another sync was made since. Look at that one.")
    return ask_sync(provider_id=run.provider_id, actor=actor, may_deactivate_all=True)


def ask_due_syncs() -> Sequence[SyncRun]:
    """Ask for what the schedule wants now, and again for what nobody took. To be called each minute."""
    now = database_now()
    asked = []
    for provider in IdentityProvider.objects.filter(
        kind=IdentityProvider.Kind.LDAP, is_enabled=True, ldap__sync_minutes__gt=0
    ).select_related("ldap"):
        last = SyncRun.objects.filter(provider=provider).order_by("-asked_at").first()
        # Half a minute early: ticks come by the minute, and a sync of each 15 minutes must not become one of 16.
        due = timedelta(minutes=provider.ldap.sync_minutes) - timedelta(seconds=30)
        if last is not None and last.finished_at is not None and last.asked_at > now - due:
            continue
        try:
            asked.append(ask_sync(provider_id=provider.pk, actor=SCHEDULE))
        except ConflictError:
            continue
    return asked


def _provider(provider_id: UUID, actor: Actor) -> IdentityProvider:
    provider = IdentityProvider.objects.filter(pk=provider_id, kind=IdentityProvider.Kind.LDAP).first()
    if provider is None:
        raise NotFoundError("There is no such directory.")
    check_superuser(actor, "Only superusers have a directory read.")
    if not provider.is_enabled:
        raise ConflictError(f"{provider.name} is switched off: switch it on first.")
    return provider


def _ask_again(provider: IdentityProvider) -> SyncRun:
    """Wake a worker once more for a sync that nobody works on: a wake-up was lost, or a worker killed."""
    with transaction.atomic():
        waiting = SyncRun.objects.select_for_update(no_key=True).filter(
            provider=provider, state__in=[SyncRun.State.ASKED, SyncRun.State.RUNNING]
        )
        run = waiting.first()
        now = database_now()
        idle = run is not None and (
            run.asked_at <= now - UNHEARD if run.beat_at is None else run.beat_at <= now - STALE
        )
        if run is None or not idle:
            raise ConflictError(f"A sync of {provider.name} is under way already: wait for it to end.")
        _wake(run)
    return run


def _wake(run: SyncRun) -> None:
    outbox.post(ASKED, at=database_now(), run=str(run.pk))
