"""Read a directory's people and groups, and have the portal know what it says of those whom it knows.

Nobody is admitted by a sync, whatever the provider's settings: a directory of 100,000 would fill the portal with people
who never come. Whoever signs in for the first time is made then, groups and all. Groups are all known from the first
sync on, so that entitlements can be made for them before anybody has come.

No transaction is open while the directory is read. What is read is written in batches: who is there is confirmed, names
and addresses become what they are there. Nothing is taken from anybody before all was read: a directory that breaks off
in the middle, or shows nobody at all, says nothing about anybody. Whoever seems gone is asked for once more by their id
before they lose anything: entries can move while they are read page by page.
"""

from collections.abc import Sequence
from uuid import UUID

from brokers.errors import BrokerError, IdentityUnavailable
from brokers.ports import LdapDirectory
from brokers.types import LdapServer
from portal.directory.models import ExternalIdentity, SyncRun
from portal.directory.people_quota import PeopleQuotaError
from portal.identity.directory_reading import DirectoryReading
from portal.identity.identity_providers import as_ldap
from portal.identity.operations.ask_anew import SUBJECT_FORMAT, ask_anew, why_gone
from portal.identity.operations.gone import person_back
from portal.identity.operations.ldap_groups import group_rows
from portal.identity.operations.sync_known import KnownPeople
from portal.identity.operations.sync_memberships import MembershipChanges, find_changes
from portal.identity.operations.sync_runs import OvertakenError, Running, log, take_run
from portal.kernel.batches import batches

BATCH = 1000
# Fewer than these are no crowd, whatever share they are of a small company.
FEW = 3
# Of whom would go, so many are named to the admin who is asked.
NAMED = 100


class _StoppedError(Exception):
    """More would lose something than the provider's share."""


def run_sync(*, ldap: LdapDirectory) -> SyncRun | None:
    """Run the sync that waits longest; None where none waits, or others have those that do.

    How it ended is in the row: done, failed, or stopped. Raises only what is a fault of the portal's own.
    """
    running = take_run()
    if running is None:
        return None
    try:
        _sync(running, ldap)
    except OvertakenError as overtaken:
        log.warning("%s", overtaken)
        return None
    except _StoppedError as stopped:
        running.finish(SyncRun.State.STOPPED, problem=str(stopped))
    except BrokerError as problem:
        log.warning("the sync of %s failed: %s", running.run.provider.slug, problem)
        running.finish(SyncRun.State.FAILED, problem=str(problem))
    except Exception as fault:
        running.finish(SyncRun.State.FAILED, problem=f"{type(fault).__name__}: the worker's log says more")
        raise
    else:
        running.finish(SyncRun.State.DONE)
    running.run.refresh_from_db()
    return running.run


def _sync(running: Running, ldap: LdapDirectory) -> None:
    provider = running.run.provider
    if not provider.is_enabled:
        raise IdentityUnavailable("ldap", "switched_off", f"{provider.name} is switched off")
    server = as_ldap(provider)
    reading = DirectoryReading()
    known = KnownPeople(running, reading)
    _read_people(running, ldap, server, known)
    changes = _read_groups(running, ldap, server, reading) if server.groups_base else MembershipChanges()
    gone = known.not_there()
    _check_share(running, gone, changes)
    _take_away(running, ldap, gone)
    _give_back(running, known.back)
    running.beat("keeping groups")
    changes.apply(running, reading)


def _read_people(running: Running, ldap: LdapDirectory, server: LdapServer, known: KnownPeople) -> None:
    running.beat("reading people")
    for batch in batches(ldap.people(server), BATCH):
        known.keep(batch)
        running.add(people_seen=len(batch))
        running.beat()
    if not running.counts["people_seen"]:
        raise IdentityUnavailable(
            "ldap", "nobody", f"no entry under {server.people_base} fits {server.people_filter}"
        )


def _read_groups(
    running: Running, ldap: LdapDirectory, server: LdapServer, reading: DirectoryReading
) -> MembershipChanges:
    running.beat("reading groups")
    for group in ldap.groups(server):
        reading.add_group(group)
        running.add(groups_seen=1)
        running.beat()
    running.beat("comparing groups")
    rows = group_rows(provider=running.run.provider, told=reading.groups, is_all=True)
    told = reading.members(server.nesting, server.max_depth)
    return find_changes(running, reading, rows, told)


def _check_share(running: Running, gone: Sequence[UUID], changes: MembershipChanges) -> None:
    """Stop where more people than the provider's share would be gone, or leave groups that give them something."""
    provider = running.run.provider
    known = ExternalIdentity.objects.filter(
        provider=provider, subject_format=SUBJECT_FORMAT, gone_at=None
    ).count()
    share = max(FEW - 1, known * provider.most_gone_percent // 100)
    allowed = share if not running.run.may_deactivate_all else share + _said_yes_to(running)
    running.counts["gone"], running.counts["left"] = len(gone), changes.losers
    if max(len(gone), changes.losers) > allowed:
        people = ExternalIdentity.objects.filter(pk__in=gone[:NAMED]).order_by("person__name")
        for name in people.values_list("person__name", flat=True):
            running.note("would_go", name)
        raise _StoppedError(
            f"{len(gone):,} of {known:,} people would be deactivated and {changes.losers:,} would leave groups that "
            f"give access; more than {allowed:,} needs a yes. Nothing was taken from anybody."
        )
    running.counts["gone"] = running.counts["left"] = 0


def _said_yes_to(running: Running) -> int:
    """Return how many the admin who said yes was told of; without such a question, any number."""
    runs = SyncRun.objects.filter(provider=running.run.provider, asked_at__lt=running.run.asked_at)
    stopped = runs.order_by("-asked_at").first()
    if stopped is None or stopped.state != SyncRun.State.STOPPED:
        return ExternalIdentity.objects.filter(provider=running.run.provider).count()
    return max(stopped.gone, stopped.left)


def _take_away(running: Running, ldap: LdapDirectory, gone: Sequence[UUID]) -> None:
    if gone:
        running.beat("ending what is over")
    for identity_id in gone:
        running.beat()
        identity = (
            ExternalIdentity.objects.select_related("provider__ldap", "person")
            .filter(pk=identity_id, gone_at=None)
            .first()
        )
        if identity is None:
            continue
        why = why_gone(ask_anew(identity=identity, ldap=ldap, actor=running.actor))
        if why is not None:
            running.add(gone=1)
            running.note("gone", identity.person.name, why=why)


def _give_back(running: Running, back: Sequence[UUID]) -> None:
    for identity_id in back:
        running.beat()
        name = ExternalIdentity.objects.values_list("person__name", flat=True).get(pk=identity_id)
        try:
            is_news = person_back(identity_id=identity_id, actor=running.actor)
        except PeopleQuotaError as refusal:
            # They stay gone, so that the next sync tries again; nobody else waits for it.
            running.note("no_place", name, why=str(refusal))
            continue
        if is_news:
            running.add(back=1)
            running.note("back", name)
