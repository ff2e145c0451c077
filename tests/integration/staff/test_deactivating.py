"""Deactivate means revoke: sign-ins, tokens and grants end in one transaction, and none comes back by itself."""

import uuid
from datetime import UTC, datetime

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client

from portal.access.models import Grant, Revocation
from portal.access.operations.grants import deactivate_person as operation
from portal.access.operations.grants.deactivate_person import deactivate_person, reactivate_person
from portal.directory.models import ApiToken, Person
from portal.directory.operations.api_tokens import create_token, find_token
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from portal.kernel.models import OutboxMessage
from tests.integration.staff.pages import said, trail
from tests.world import (
    add_session,
    as_actor,
    make_admin,
    make_grant,
    make_person,
    make_scheduled,
    signed_in,
)

pytestmark = pytest.mark.django_db
PEOPLE = "/manage/directory/person/"


@pytest.fixture
def admin(db: None) -> Person:
    return make_admin("view_person", "change_person")


def with_session(grant: Grant) -> Grant:
    add_session(grant, "console")
    return grant


def test_all_that_a_person_holds_ends_and_nobody_elses(admin: Person, ben: Person) -> None:
    active, scheduled = with_session(make_grant(ben)), make_scheduled(ben)
    neighbour = make_grant(make_person("Nia Neighbour"), active.role)
    ended = deactivate_person(person_id=ben.pk, reason="left", actor=as_actor(admin))
    assert (ended.grants, ended.revocations, ended.tokens) == (2, 1, 0)
    states = dict(Grant.objects.values_list("pk", "state"))
    assert states == {active.pk: "suspended", scheduled.pk: "suspended", neighbour.pk: "active"}
    assert Revocation.objects.get().grant_id == active.pk
    ben.refresh_from_db()
    assert not ben.is_active
    assert ben.deactivated_at is not None
    event = trail("directory.person.changed")[0]
    assert (event.person_id, event.actor_id, event.details["is_active"]) == (ben.pk, admin.pk, False)
    assert {row.details["reason"] for row in trail("access.grant.suspended")} == {
        "Ben Lindqvist was deactivated: left"
    }
    assert OutboxMessage.objects.filter(topic="directory.person.deactivated").count() == 1


def test_browsers_and_tokens_end_and_do_not_come_back(admin: Person, ben: Person) -> None:
    token = create_token(name="ci", scopes=["grants:read"], days=1, actor=as_actor(ben)).plain
    browser = signed_in(ben)
    assert browser.get("/").status_code == 200
    assert find_token(plain=token) is not None
    deactivate_person(person_id=ben.pk, reason="left", actor=as_actor(admin))
    assert browser.get("/").status_code == 303
    assert find_token(plain=token) is None
    reactivate_person(person_id=ben.pk, reason="came back", actor=as_actor(admin))
    assert browser.get("/").status_code == 303
    assert find_token(plain=token) is None
    assert ApiToken.objects.get().revoked_at is not None
    ben.refresh_from_db()
    assert signed_in(ben).get("/").status_code == 200


def test_a_browser_that_stays_away_meanwhile_is_signed_out_too(admin: Person, ben: Person) -> None:
    browser = signed_in(ben)
    deactivate_person(person_id=ben.pk, reason="left", actor=as_actor(admin))
    reactivate_person(person_id=ben.pk, reason="came back", actor=as_actor(admin))
    assert browser.get("/").status_code == 303


def test_reactivating_gives_no_grant_back(admin: Person, ben: Person) -> None:
    grant = make_grant(ben)
    deactivate_person(person_id=ben.pk, reason="left", actor=as_actor(admin))
    reactivate_person(person_id=ben.pk, reason="came back", actor=as_actor(admin))
    ben.refresh_from_db()
    assert (ben.is_active, ben.deactivated_at) == (True, None)
    grant.refresh_from_db()
    assert grant.state == "suspended"


def test_who_may(admin: Person, ben: Person, root: Person) -> None:
    stranger = make_admin("view_person", name="Lou Looker")
    for person_id in (ben.pk, uuid.uuid4()):
        with pytest.raises(NotFoundError):
            deactivate_person(person_id=person_id, reason="x", actor=as_actor(stranger))
    with pytest.raises(NotFoundError):
        deactivate_person(person_id=uuid.uuid4(), reason="x", actor=as_actor(admin))
    with pytest.raises(ForbiddenError, match="themselves"):
        deactivate_person(person_id=admin.pk, reason="x", actor=as_actor(admin))
    with pytest.raises(ForbiddenError, match="themselves"):
        deactivate_person(person_id=root.pk, reason="x", actor=as_actor(root))
    with pytest.raises(ForbiddenError, match="superuser"):
        deactivate_person(person_id=root.pk, reason="x", actor=as_actor(admin))
    assert Person.objects.filter(is_active=False).count() == 0
    deactivate_person(person_id=admin.pk, reason="x", actor=as_actor(root))
    deactivate_person(person_id=ben.pk, reason="x", actor=Actor.command("manage.py"))
    assert Person.objects.filter(is_active=False).count() == 2


def test_twice_is_a_conflict(admin: Person, ben: Person) -> None:
    with pytest.raises(ConflictError):
        reactivate_person(person_id=ben.pk, reason="x", actor=as_actor(admin))
    deactivate_person(person_id=ben.pk, reason="x", actor=as_actor(admin))
    with pytest.raises(ConflictError):
        deactivate_person(person_id=ben.pk, reason="x", actor=as_actor(admin))


@pytest.mark.parametrize("reason", ["", "  ", "x" * 301])
def test_it_needs_a_reason(admin: Person, ben: Person, reason: str) -> None:
    with pytest.raises(InvalidError):
        deactivate_person(person_id=ben.pk, reason=reason, actor=as_actor(admin))
    assert deactivate_person(person_id=ben.pk, reason="x" * 300, actor=as_actor(admin)).person == ben


def test_all_of_it_or_nothing(admin: Person, ben: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    grant = make_grant(ben)

    def fails(*_: object) -> None:
        raise RuntimeError("the trail can't be written")

    monkeypatch.setattr(operation, "record", fails)
    with pytest.raises(RuntimeError):
        deactivate_person(person_id=ben.pk, reason="left", actor=as_actor(admin))
    ben.refresh_from_db()
    grant.refresh_from_db()
    assert (ben.is_active, grant.state) == (True, "active")


def switch(client: Client, action: str, *people: Person, **more: str) -> object:
    chosen = {ACTION_CHECKBOX_NAME: [str(person.pk) for person in people]}
    return client.post(PEOPLE, {"action": action, **chosen, **more}, follow=True)


def test_the_admin_asks_first_and_then_says_what_ended(admin: Person, ben: Person) -> None:
    make_grant(ben)
    client = signed_in(admin)
    page = switch(client, "deactivate", ben)
    assert page.context["question"].rows == [("Ben Lindqvist", "", "own company", "1")]  # type: ignore[attr-defined]  # the test client's response
    assert Person.objects.get(pk=ben.pk).is_active
    page = switch(client, "deactivate", ben, admin, confirmed="yes", reason="left")
    assert "Ben Lindqvist is deactivated; grants ended: 1" in said(page)
    assert "Nobody deactivates or reactivates themselves" in said(page)
    assert not Person.objects.get(pk=ben.pk).is_active
    page = switch(client, "reactivate", ben, confirmed="yes", reason="came back")
    assert "may sign in again" in said(page)


def test_lookers_can_not(ben: Person) -> None:
    looker = signed_in(make_admin("view_person", name="Lou Looker"))
    switch(looker, "deactivate", ben, confirmed="yes", reason="left")
    assert Person.objects.get(pk=ben.pk).is_active


def test_whom_a_sweep_has_not_ended_yet_is_ended_here(admin: Person, ben: Person) -> None:
    grant = make_grant(ben)
    Grant.objects.filter(pk=grant.pk).update(ends_at=datetime.now(UTC))
    assert deactivate_person(person_id=ben.pk, reason="left", actor=as_actor(admin)).grants == 1
