"""Who may ask for a sync, and when it runs."""

from datetime import timedelta

import pytest
from django.db.models import F

from portal.directory.models import (
    IdentityProvider,
    Person,
    SyncRun,
)
from portal.identity.operations import sync_people, sync_runs
from portal.identity.operations.ask_sync import approve_sync, ask_due_syncs, ask_sync
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, NotFoundError
from portal.kernel.models import OutboxMessage
from tests.fake_ldap import FakeLdap, make_directory
from tests.unit.identity.ldap_sync.syncing import SHELL, Make, State, active, ran, sync
from tests.world import as_actor, make_person

pytestmark = pytest.mark.django_db


class TestWhoMayAndWhen:
    def test_a_superuser_may_ask_and_nobody_else(self, office: IdentityProvider, mallory: Person) -> None:
        with pytest.raises(ForbiddenError):
            ask_sync(provider_id=office.pk, actor=as_actor(mallory))
        admin = make_person("Root", is_staff=True, is_superuser=True)
        run = ask_sync(provider_id=office.pk, actor=as_actor(admin))
        assert (run.state, run.asked_by) == (State.ASKED, admin)
        SyncRun.objects.update(state=State.STOPPED, finished_at=F("asked_at"))
        with pytest.raises(ForbiddenError):
            approve_sync(run_id=run.pk, actor=as_actor(mallory))

    def test_of_a_directory_alone(self, office: IdentityProvider) -> None:
        saml = IdentityProvider.objects.create(slug="saml", name="SAML")
        with pytest.raises(NotFoundError):
            ask_sync(provider_id=saml.pk, actor=SHELL)
        IdentityProvider.objects.filter(pk=office.pk).update(is_enabled=False)
        with pytest.raises(ConflictError, match="switched off"):
            ask_sync(provider_id=office.pk, actor=SHELL)

    def test_one_at_a_time_and_a_lost_one_is_asked_for_again(self, office: IdentityProvider) -> None:
        run = ask_sync(provider_id=office.pk, actor=SHELL)
        with pytest.raises(ConflictError, match="under way"):
            ask_sync(provider_id=office.pk, actor=SHELL)
        assert OutboxMessage.objects.filter(topic="directory.sync.asked").count() == 1
        SyncRun.objects.update(asked_at=F("asked_at") - timedelta(minutes=1))
        assert ask_sync(provider_id=office.pk, actor=SHELL).pk == run.pk
        assert OutboxMessage.objects.filter(topic="directory.sync.asked").count() == 2

    def test_the_schedule_asks_when_it_is_time(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        known("ann")
        make_directory("by-hand", ldap_sync_minutes=0)
        make_directory("off", is_enabled=False)
        assert [run.provider for run in ask_due_syncs()] == [office]
        assert ran(ldap).state == State.DONE
        assert ask_due_syncs() == []
        SyncRun.objects.update(asked_at=F("asked_at") - timedelta(minutes=14, seconds=25))
        assert ask_due_syncs() == []
        SyncRun.objects.update(asked_at=F("asked_at") - timedelta(seconds=10))
        assert len(ask_due_syncs()) == 1

    def test_a_dead_workers_run_is_begun_anew_and_the_dead_one_changes_nothing_more(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann = known("ann")
        ldap.remove("ann")
        ldap.add("ben")
        ask_sync(provider_id=office.pk, actor=SHELL)
        dead = sync_runs.take_run()
        assert dead is not None
        assert sync_runs.take_run() is None
        SyncRun.objects.update(beat_at=F("beat_at") - timedelta(minutes=6))
        living = sync_runs.take_run()
        assert living is not None
        with pytest.raises(sync_runs.OvertakenError):
            dead.beat("ending what is over")
        with pytest.raises(sync_runs.OvertakenError):
            dead.finish(State.DONE)
        living.finish(State.DONE)
        assert active(ann) == [True]

    def test_who_was_overtaken_leaves_the_row_alone(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann = known("ann")
        ldap.remove("ann")
        ldap.add("ben")
        ldap.before["groups"] = lambda: SyncRun.objects.update(started_at=database_now())
        ask_sync(provider_id=office.pk, actor=SHELL)
        assert sync_people.run_sync(ldap=ldap) is None
        assert SyncRun.objects.get().state == State.RUNNING
        assert active(ann) == [True]

    def test_it_tells_how_far_it_is(self, office: IdentityProvider, ldap: FakeLdap, known: Make) -> None:
        known("ann")
        seen: list[tuple[str, int]] = []
        ldap.before["people"] = lambda: seen.extend(SyncRun.objects.values_list("step", "people_seen"))
        ldap.before["groups"] = lambda: seen.extend(SyncRun.objects.values_list("step", "people_seen"))
        sync(office, ldap)
        assert seen == [("reading people", 0), ("reading groups", 1)]
