"""Whoever leaves a group loses what they took through it, live sessions included; and nobody else loses anything."""

from collections.abc import Callable
from typing import Any

import pytest

from portal.access.models import ConsoleLink, Grant, Revocation
from portal.access.operations.credentials.console_links import find_console_link, make_console_link
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.cutting.work_off import work_off
from portal.access.operations.grants.end_with_group import end_what_groups_gave
from portal.access.operations.grants.release_grant import release_grant
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.grants.take_entitlement import take_entitlement
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole, Entitlement
from portal.directory.models import Group, Person
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError, NotFoundError
from tests.entitled import entitle, leave, make_group
from tests.fakes import CONSOLE, FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
SHELL = Actor.command("tests")


@pytest.fixture
def group(ben: Person) -> Group:
    return make_group(ben)


@pytest.fixture
def offer(group: Group, role: AwsRole) -> Entitlement:
    return entitle(group, role)


@pytest.fixture
def take(offer: Entitlement, ben: Person, aws: FakeAws, actor_of: Make) -> Make:
    """Take it and have credentials issued: take(someone, other_offer)."""

    def act(who: Person = ben, what: Entitlement = offer) -> Grant:
        grant = take_entitlement(
            entitlement_id=what.pk, minutes=60, reason="work", aws=aws.ports(), actor=actor_of(who)
        )
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(who))
        return grant

    return act


def state(grant: Grant) -> str:
    grant.refresh_from_db()
    return grant.state


def userids(grant: Grant) -> set[str]:
    return set(grant.aws_sessions.values_list("userid", flat=True))


def test_it_ends_at_once_and_its_live_sessions_are_cut(
    take: Make, group: Group, ben: Person, aws: FakeAws, actor_of: Make
) -> None:
    grant = take()
    leave(ben, group)
    assert state(grant) == "suspended"
    assert (grant.end_reason, grant.ended_by) == ("They are no longer in operators.", None)
    with pytest.raises(ConflictError, match="ended"):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(ben))
    work_off(aws=aws.ports(), holder="worker")
    assert Revocation.objects.get(grant=grant).state == "applied"
    assert aws.denied() == userids(grant)
    [event] = AuditEvent.objects.filter(type="access.grant.suspended")
    assert (event.grant_id, event.details["cuts_sessions"]) == (grant.pk, True)


def test_its_console_links_die_with_it(
    take: Make, group: Group, ben: Person, aws: FakeAws, actor_of: Make
) -> None:
    by = {"aws": aws.ports(), "actor": actor_of(ben)}
    link = make_console_link(grant_id=take().pk, destination=CONSOLE, **by)
    leave(ben, group)
    assert not ConsoleLink.objects.exists()
    with pytest.raises(NotFoundError):
        find_console_link(token=link.token, actor=actor_of(ben))


def test_the_neighbour_in_the_group_works_on(  # noqa: PLR0917  # fixtures
    take: Make, group: Group, ben: Person, mallory: Person, aws: FakeAws, actor_of: Make
) -> None:
    make_group(mallory)
    mine, theirs = take(), take(mallory)
    leave(ben, group)
    work_off(aws=aws.ports(), holder="worker")
    assert (state(mine), state(theirs)) == ("suspended", "active")
    assert aws.denied() == userids(mine)
    issue_credentials(grant_id=theirs.pk, aws=aws.ports(), actor=actor_of(mallory))


def test_what_an_admin_gave_them_and_what_other_groups_gave_stays(  # noqa: PLR0917  # fixtures
    take: Make, group: Group, ben: Person, role: AwsRole, make_grant: Make, aws: FakeAws, actor_of: Make
) -> None:
    direct, mine = make_grant(ben), take()
    other = take(ben, entitle(make_group(ben, name="night"), role))
    leave(ben, group)
    work_off(aws=aws.ports(), holder="worker")
    assert (state(mine), state(direct), state(other)) == ("suspended", "active", "active")
    assert aws.denied() == userids(mine)
    for grant in (direct, other):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(ben))


def test_what_was_let_run_out_is_cut_after_all(take: Make, group: Group, ben: Person, aws: FakeAws) -> None:
    grant = take()
    revoke_grant(grant_id=grant.pk, reason="done", actor=SHELL, cut=False)
    assert not Revocation.objects.exists()
    leave(ben, group)
    work_off(aws=aws.ports(), holder="worker")
    assert aws.denied() == userids(grant)


def test_what_had_ended_before_stays_as_it_ended(
    take: Make, group: Group, ben: Person, actor_of: Make
) -> None:
    grant = take()
    release_grant(grant_id=grant.pk, actor=actor_of(ben))
    assert end_what_groups_gave(person_id=ben.pk, group_ids=[group.pk], actor=SHELL) == 0
    assert state(grant) == "released"
    assert Revocation.objects.count() == 1


def test_all_that_was_taken_through_several_lost_groups_ends_together(
    take: Make, group: Group, ben: Person, role: AwsRole
) -> None:
    night = make_group(ben, name="night")
    grants = [take(), take(ben, entitle(group, role)), take(ben, entitle(night, role))]
    ended = end_what_groups_gave(person_id=ben.pk, group_ids=[group.pk, night.pk], actor=SHELL)
    assert ended == 3
    assert {state(grant) for grant in grants} == {"suspended"}
    assert grants[0].end_reason == "They are no longer in night, operators."


def test_coming_back_gives_nothing_back_but_it_can_be_taken_anew(
    take: Make, group: Group, ben: Person
) -> None:
    grant = take()
    leave(ben, group)
    with pytest.raises(NotFoundError):
        take()
    make_group(ben)
    assert state(grant) == "suspended"
    assert state(take()) == "active"
