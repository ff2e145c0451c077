"""Groups: who is in which, and what ends with them."""

from dataclasses import replace

import pytest

from portal.access.models import Grant
from portal.audit.models import AuditEvent
from portal.directory.models import (
    Group,
    IdentityProvider,
)
from portal.identity.operations.ask_sync import approve_sync
from portal.kernel.clock import database_now
from tests.fake_ldap import FakeLdap, make_directory
from tests.unit.identity.ldap_sync.syncing import (
    SHELL,
    Make,
    State,
    crowd,
    events,
    is_in,
    ran,
    sync,
    taken,
)

pytestmark = pytest.mark.django_db


class TestGroups:
    def test_they_are_known_with_their_members_by_way_of_groups(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann, ben = known("ann"), known("ben")
        inner = ldap.group("inner", "ann")
        middle = ldap.group("middle", inner.dn)
        ldap.group("outer", middle.dn, "ben")
        run = sync(office, ldap)
        assert (run.groups_seen, run.joined, run.left) == (3, 4, 0)
        assert is_in(ann) == {"inner", "middle", "outer"}
        assert is_in(ben) == {"outer"}
        told = AuditEvent.objects.get(type="directory.person.groups_changed", person_id=ann.pk)
        assert told.details["joined"] == ["inner", "middle", "outer"]
        again = sync(office, ldap)
        assert (again.joined, again.left, again.changes) == (0, 0, [])
        assert events("directory.person.groups_changed") == 2

    def test_what_was_held_through_a_group_ends_with_it_and_nothing_else(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make, make_grant: Make
    ) -> None:
        ann, ben = known("ann"), known("ben")
        ldap.group("dev", "ann", "ben")
        sync(office, ldap)
        through, other = taken(office, make_grant, ann)
        bens, _ = taken(office, make_grant, ben)
        ldap.group("dev", "ben")
        run = sync(office, ldap)
        assert (run.state, run.left) == (State.DONE, 1)
        states = [Grant.objects.get(pk=grant.pk).state for grant in (through, other, bens)]
        assert states == ["suspended", "active", "active"]
        assert (is_in(ann), is_in(ben)) == (set(), {"dev"})

    def test_a_group_that_is_removed_is_everybodys_end_of_it(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann = known("ann")
        ldap.group("dev", "ann")
        sync(office, ldap)
        ldap.all_groups.clear()
        ldap.group("dev", "ann", stable_id="another")
        sync(office, ldap)
        # One of the same name that was made anew is another group: what was given to the first's members is not its.
        assert is_in(ann) == {"dev (cn=dev,ou=groups,dc=example,dc=test)"}
        assert Group.objects.get(name="dev").memberships.count() == 0

    def test_groups_that_all_lose_their_members_stop_it_where_they_give_something(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make, make_grant: Make
    ) -> None:
        people = crowd(known, 5)
        ldap.group("dev", *(f"p{one}" for one in range(5)))
        ldap.group("club", *(f"p{one}" for one in range(5)))
        sync(office, ldap)
        ldap.group("club")
        assert sync(office, ldap).state == State.DONE
        through, _ = taken(office, make_grant, people[0])
        ldap.group("dev")
        run = sync(office, ldap)
        assert (run.state, run.left, run.gone) == (State.STOPPED, 5, 0)
        assert Grant.objects.get(pk=through.pk).state == "active"
        approve_sync(run_id=run.pk, actor=SHELL)
        assert ran(ldap).left == 5
        assert Grant.objects.get(pk=through.pk).state == "suspended"

    def test_two_of_one_name_never_stand_for_each_other(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann, eve = known("ann"), known("eve")
        ldap.group("admins", "ann")
        sync(office, ldap)
        ldap.group("admins", "eve", ou="ou=eves,dc=example,dc=test")
        sync(office, ldap)
        assert is_in(ann) == {"admins"}
        assert is_in(eve) == {"admins (cn=admins,ou=eves,dc=example,dc=test)"}

    def test_two_new_ones_of_one_name_are_both_called_by_their_place(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        known("ann")
        Group.objects.create(provider=office, name="admins")
        ldap.group("admins")
        ldap.group("admins", "ann", ou="ou=eves,dc=example,dc=test")
        sync(office, ldap)
        assert Group.objects.filter(provider=office).count() == 3
        assert Group.objects.get(name="admins").external_id == ""

    def test_one_that_was_made_here_by_name_is_the_only_one_of_that_name(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann = known("ann")
        made = Group.objects.create(provider=office, name="dev")
        ldap.group("dev", "ann", stable_id="42")
        sync(office, ldap)
        made.refresh_from_db()
        assert made.external_id == "42"
        assert is_in(ann) == {"dev"}

    def test_a_new_name_is_taken_over(self, office: IdentityProvider, ldap: FakeLdap, known: Make) -> None:
        ann = known("ann")
        made = ldap.group("dev", "ann")
        sync(office, ldap)
        ldap.all_groups[made.stable_id] = replace(made, name="developers")
        sync(office, ldap)
        assert is_in(ann) == {"developers"}
        assert events("directory.person.groups_changed") == 1

    def test_they_may_be_called_otherwise_here(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann = known("ann")
        IdentityProvider.objects.update(group_names={"dev": "developers", "developers": "nobody"})
        ldap.group("dev", "ann")
        sync(office, ldap)
        assert is_in(ann) == {"developers"}

    def test_others_groups_are_left_alone(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann = known("ann")
        Group.objects.create(name="our own").memberships.create(person=ann)
        make = Group.objects.create(name="theirs", provider=make_directory("other"))
        make.memberships.create(person=ann)
        sync(office, ldap)
        assert is_in(ann) == {"our own", "theirs"}

    def test_none_are_read_without_a_base(
        self, ldap: FakeLdap, office: IdentityProvider, known: Make
    ) -> None:
        ann = known("ann")
        office.ldap.groups_base = ""
        office.ldap.save()
        Group.objects.create(provider=office, name="dev").memberships.create(person=ann)
        ldap.group("ops", "ann")
        assert sync(office, ldap).state == State.DONE
        assert is_in(ann) == {"dev"}
        assert "groups" not in ldap.calls

    def test_who_signed_in_since_it_began_has_newer_groups(
        self, office: IdentityProvider, ldap: FakeLdap, known: Make
    ) -> None:
        ann, ben = known("ann"), known("ben")
        ops = Group.objects.create(provider=office, name="ops", external_id="gid-ops")
        ldap.before["groups"] = lambda: (
            ops.memberships.create(person=ann),
            ops.memberships.create(person=ben),
            ann.identities.update(last_seen_at=database_now()),
        )
        sync(office, ldap)
        assert (is_in(ann), is_in(ben)) == ({"ops"}, set())
