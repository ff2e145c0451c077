"""Extend, give back, revoke with a choice, cut off after all; and the pages of grants with hours of the week."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from portal.access.models import AwsSession, Grant, Revocation
from portal.audit.models import AuditEvent
from portal.directory.models import Partner, Person
from portal.web.presenters import GrantPage, MyAccess
from tests.world import (
    HOUR,
    add_session,
    make_admin,
    make_grant,
    make_person,
    make_role,
    make_scheduled,
    signed_in,
)

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY_NOON = datetime(2026, 11, 16, 11, 0, tzinfo=UTC)  # 12:00 in Berlin
OFFICE: dict[str, Any] = {
    "window_days": "12345",
    "window_opens": time(8),
    "window_closes": time(18),
    "window_zone": "Europe/Berlin",
}


def url(door: str, grant: Grant) -> str:
    return reverse(f"web:{door}", args=[grant.pk])


def page_of(person: Person, grant: Grant) -> GrantPage:
    shown: GrantPage = signed_in(person).get(url("grant", grant)).context["grant"]
    return shown


def typed(at: datetime, zone: ZoneInfo = BERLIN) -> str:
    return f"{at.astimezone(zone):%Y-%m-%dT%H:%M}"


@pytest.fixture
def granter(db: None) -> Person:
    admin = make_admin("make_grant", name="Grace Warden")
    admin.time_zone = "Europe/Berlin"
    admin.save()
    return admin


@pytest.fixture
def revoker(db: None) -> Person:
    return make_admin("revoke_grant")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[datetime]]:
    """What the pages take for now: `clock[0]`. No operation uses it."""
    now = [MONDAY_NOON]
    for module in ("portal.web.my_access", "portal.web.grants"):
        monkeypatch.setattr(f"{module}.database_now", lambda: now[0])
    return iter([now])


# Extending.


def test_an_admin_extends_by_their_own_clock(ben: Person, granter: Person) -> None:
    grant = make_grant(ben)
    add_session(grant)
    AwsSession.objects.update(ends_at=grant.ends_at)
    until = (grant.ends_at + 3 * HOUR).replace(second=0, microsecond=0)
    page = signed_in(granter).get(url("extend", grant))
    assert f'value="{typed(grant.ends_at)}"' in page.content.decode()
    assert "1 set of credentials keep the end" in page.content.decode()
    done = signed_in(granter).post(
        url("extend", grant), {"ends_at": typed(until), "reason": "the fix takes longer"}, follow=True
    )
    assert done.redirect_chain == [(url("grant", grant), 303)]
    old_end = grant.ends_at
    grant.refresh_from_db()
    assert grant.ends_at == until
    shown: GrantPage = done.context["grant"]
    assert next(step.note for step in shown.timeline if step.label == "Extended").startswith(
        "by Grace Warden, until "
    )
    # What was issued before still ends where it said.
    assert shown.sessions[0].expires.iso == old_end.astimezone(UTC).isoformat(timespec="seconds")
    assert AuditEvent.objects.get(type="access.grant.extended").details["reason"] == "the fix takes longer"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"ends_at": ""}, "ends_at"),
        ({"ends_at": "soon"}, "ends_at"),
        ({"ends_at": "2020-01-01T10:00"}, "ends_at"),
        ({"ends_at": "2999-01-01T10:00"}, "ends_at"),
        ({"ends_at": "2027-03-28T02:30"}, "ends_at"),  # which the clocks of Berlin leave out
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
    ],
)
def test_a_refused_extension_keeps_what_was_typed(
    ben: Person, granter: Person, changed: dict[str, str], field: str
) -> None:
    grant = make_grant(ben)
    sent = {"ends_at": typed(grant.ends_at + HOUR), "reason": "typed by hand", **changed}
    page = signed_in(granter).post(url("extend", grant), sent)
    assert page.status_code == 400
    assert set(page.context["form"].errors) == {field}
    assert sent["ends_at"] in page.content.decode()
    end = grant.ends_at
    grant.refresh_from_db()
    assert grant.ends_at == end


def test_who_may_not_extend(ben: Person, granter: Person, revoker: Person, mallory: Person) -> None:
    grant, own = make_grant(ben), make_grant(granter)
    sent = {"ends_at": typed(grant.ends_at + HOUR), "reason": "longer"}
    for person, target, status in (
        (ben, grant, 403),
        (revoker, grant, 403),
        (mallory, grant, 404),
        (granter, own, 403),
    ):
        assert signed_in(person).get(url("extend", target)).status_code == status
        assert signed_in(person).post(url("extend", target), sent).status_code == status
        assert not page_or_none(person, target, "extendable")
    assert page_of(granter, grant).extendable
    assert not AuditEvent.objects.filter(type="access.grant.extended").exists()


def page_or_none(person: Person, grant: Grant, act: str) -> bool:
    """Whether the grant's page offers the act; no page, no act."""
    answer = signed_in(person).get(url("grant", grant))
    return answer.status_code == 200 and bool(getattr(answer.context["grant"], act))


def test_what_has_ended_is_not_extended(ben: Person, granter: Person) -> None:
    grant = make_grant(ben, state="revoked", ended_at=datetime.now(UTC))
    sent = {"ends_at": typed(grant.ends_at + HOUR), "reason": "longer"}
    assert signed_in(granter).get(url("extend", grant)).status_code == 409
    assert signed_in(granter).post(url("extend", grant), sent).status_code == 409
    assert not page_of(granter, grant).extendable


# Giving back.


def test_its_holder_gives_it_back(ben: Person, mallory: Person) -> None:
    grant = make_grant(ben)
    neighbours = make_grant(mallory, grant.role)
    add_session(grant)
    client = signed_in(ben)
    view = client.get(url("release", grant)).context["view"]
    assert (view.live_credentials, view.live_console, view.others_on_role) == (1, 0, 1)
    assert reverse("web:release", args=[grant.pk]) in client.get("/").content.decode()
    page = client.post(url("release", grant), {"reason": "done early"}, follow=True)
    assert f"Given back: {grant.role.title}" in page.content.decode()
    grant.refresh_from_db()
    assert (grant.state, grant.end_reason, grant.ended_by) == ("released", "done early", ben)
    assert Revocation.objects.get().grant == grant
    assert [step.label for step in page.context["grant"].timeline][-2:] == ["Given back", "Denied in AWS"]
    neighbours.refresh_from_db()
    assert neighbours.state == "active"
    assert client.get(url("release", grant)).status_code == 409
    assert client.post(url("release", grant)).status_code == 409
    assert not page_of(ben, grant).releasable


def test_no_reason_is_needed_and_what_is_to_come_can_be_given_back(ben: Person) -> None:
    grant = make_scheduled(ben)
    assert signed_in(ben).post(url("release", grant)).status_code == 303
    grant.refresh_from_db()
    assert grant.state == "released"
    too_long = signed_in(ben).post(url("release", make_grant(ben)), {"reason": "x" * 501})
    assert too_long.context["form"].errors["reason"]


def test_nobody_gives_anothers_grant_back(ben: Person, revoker: Person, mallory: Person) -> None:
    grant = make_grant(ben)
    for person, status in ((revoker, 403), (mallory, 404)):
        assert signed_in(person).get(url("release", grant)).status_code == status
        assert signed_in(person).post(url("release", grant)).status_code == status
    grant.refresh_from_db()
    assert grant.state == "active"


# Revoking, with its choice.


def test_the_default_is_to_cut(ben: Person, revoker: Person) -> None:
    grant = make_grant(ben)
    add_session(grant)
    page = signed_in(revoker).get(url("revoke", grant)).content.decode()
    assert "Let the sessions run out: 0 console sessions and 1 set of credentials may live on" in page
    assert re.search(r'value="cut"[^>]* checked', page)
    signed_in(revoker).post(url("revoke", grant), {"reason": "left"})
    assert Revocation.objects.get().grant == grant


def test_let_run_out_then_cut_after_all(ben: Person, revoker: Person) -> None:
    grant = make_grant(ben)
    session = add_session(grant)
    client = signed_in(revoker)
    page = client.post(url("revoke", grant), {"reason": "left", "sessions": "run_out"}, follow=True)
    assert "What is open runs out by itself" in page.content.decode()
    assert not Revocation.objects.exists()
    shown: GrantPage = page.context["grant"]
    assert shown.revocation is not None
    assert shown.revocation.badge.word == "Runs out by itself"
    assert "0 console sessions and 1 set of credentials may live on" in shown.revocation.words
    assert shown.sessions[0].badge.word == "Runs out by itself"
    assert shown.timeline[-1].label == "Sessions run out"
    assert shown.cuttable
    assert not page_of(ben, grant).cuttable

    assert "1 set of credentials" in " ".join(client.get(url("cut-sessions", grant)).content.decode().split())
    assert client.post(url("cut-sessions", grant), {"reason": ""}).status_code == 400
    assert not Revocation.objects.exists()
    done = client.post(url("cut-sessions", grant), {"reason": "it leaked"}, follow=True)
    assert Revocation.objects.get().userids == [session.userid]
    assert done.context["grant"].revocation.badge.word == "Ending in AWS"
    assert not done.context["grant"].cuttable
    assert client.get(url("cut-sessions", grant)).status_code == 409
    assert client.post(url("cut-sessions", grant), {"reason": "again"}).status_code == 409


def test_who_may_not_cut(ben: Person, granter: Person, mallory: Person) -> None:
    grant = make_grant(ben, state="revoked", ended_at=datetime.now(UTC), sessions_run_out=True)
    add_session(grant)
    for person, status in ((ben, 403), (granter, 403), (mallory, 404)):
        assert signed_in(person).get(url("cut-sessions", grant)).status_code == status
        assert signed_in(person).post(url("cut-sessions", grant), {"reason": "x"}).status_code == status
    assert not Revocation.objects.exists()


def test_without_a_kill_switch_there_is_nothing_to_choose(ben: Person, revoker: Person) -> None:
    grant = make_grant(ben, make_role(is_writable=False), accepted_no_kill_switch=True)
    add_session(grant)
    client = signed_in(revoker)
    page = client.get(url("revoke", grant))
    assert "sessions" not in page.context["form"].fields
    assert "This role has no kill switch" in page.content.decode()
    shown: GrantPage = client.post(url("revoke", grant), {"reason": "left"}, follow=True).context["grant"]
    assert shown.revocation is not None
    assert "can write no order to AWS" in shown.revocation.words
    assert shown.sessions[0].badge.word == shown.revocation.badge.word == "Can't be cut off"
    assert not shown.cuttable


# Hours of the week.


def test_a_window_says_when_it_is_open_and_when_again(ben: Person, clock: Iterator[list[datetime]]) -> None:
    [now] = clock
    ben.time_zone = "Europe/London"
    ben.save()
    begin = MONDAY_NOON - timedelta(days=7)
    make_grant(ben, starts_at=begin, ends_at=MONDAY_NOON + timedelta(days=30), **OFFICE)

    def shown(at: datetime) -> MyAccess:
        now[0] = at
        access: MyAccess = signed_in(ben).get("/").context["access"]
        return access

    inside = shown(MONDAY_NOON)
    card = inside.active[0]
    assert card.window == "Mon-Fri 08:00-18:00 Europe/Berlin"
    assert card.window_now == "Open now until 17:00 GMT. The grant ends Wed 16 Dec 11:00 GMT."
    assert card.countdown.words == "closes in 6 h"
    assert card.badge.word == "Active"

    after = shown(MONDAY_NOON + 6 * HOUR)
    assert after.active == ()
    card = after.later[0]
    assert card.window_now == "Opens again tomorrow 07:00 GMT."
    assert (card.countdown.kind, card.badge.word) == ("opens", "Closed now")
    assert inside.fingerprint != after.fingerprint

    last = shown(MONDAY_NOON + timedelta(days=30) - HOUR)
    assert (last.active[0].countdown.kind, last.active[0].countdown.words) == ("ends", "ends in 1 h")


def test_a_window_that_never_opens_again_is_neither_open_nor_ended(
    ben: Person, clock: Iterator[list[datetime]]
) -> None:
    [now] = clock
    friday_night = MONDAY_NOON + timedelta(days=4, hours=9)
    grant = make_grant(ben, starts_at=MONDAY_NOON, ends_at=MONDAY_NOON + timedelta(days=6), **OFFICE)
    now[0] = friday_night
    access: MyAccess = signed_in(ben).get("/").context["access"]
    assert (access.active, access.ended) == ((), ())
    assert access.later[0].window_now == "It does not open again before the grant ends."
    assert page_of(ben, grant).card.badge.word == "Closed now"


def test_credentials_show_the_windows_end(ben: Person) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    opens, closes = (now - HOUR).astimezone(BERLIN), (now + HOUR).astimezone(BERLIN)
    grant = make_grant(
        ben,
        ends_at=now + timedelta(days=30),
        window_days="1234567",
        window_opens=opens.time(),
        window_closes=closes.time(),
        window_zone="Europe/Berlin",
    )
    view = signed_in(ben).post(url("credentials", grant)).context["view"]
    shown = datetime.fromisoformat(view.expires.iso)
    assert timedelta(0) <= now + HOUR - shown < timedelta(minutes=1)
    assert view.countdown.kind == "closes"


# Switched off.


def test_a_suspended_partners_card_says_so_and_has_no_doors(partner: Partner, ben: Person) -> None:
    guest = make_person("Noa Guest", partner=partner)
    own, theirs = make_grant(ben), make_grant(guest)
    Partner.objects.update(suspended_at=datetime.now(UTC))
    page = signed_in(guest).get("/").content.decode()
    assert f"{partner.name} is suspended" in page
    assert url("credentials", theirs) not in page
    assert url("credentials", own) in signed_in(ben).get("/").content.decode()


def test_a_suspended_partners_people_are_told_why_they_have_nothing(partner: Partner, ben: Person) -> None:
    guest = make_person("Noa Guest", partner=partner)
    assert not signed_in(guest).get("/").context["access"].notice
    Partner.objects.update(suspended_at=datetime.now(UTC))
    page = signed_in(guest).get("/")
    assert page.context["access"].notice.startswith(f"{partner.name} is suspended")
    assert "Ask the person who runs Sallyport" not in page.content.decode()
    assert not signed_in(ben).get("/").context["access"].notice
