"""A grant's page and its revocation."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal.access.models import AwsSession, DenyDocument, Grant, Revocation
from portal.audit.models import AuditEvent
from portal.directory.models import Person
from portal.web.presenters import GrantPage
from tests.fakes import FakeAws
from tests.world import (
    HOUR,
    make_admin,
    make_grant,
    make_person,
    make_scheduled,
    signed_in,
)

BUDGET = 11


def page_for(person: Person, grant: Grant) -> GrantPage:
    page = signed_in(person).get(reverse("web:grant", args=[grant.pk]))
    assert page.status_code == 200
    shown: GrantPage = page.context["grant"]
    return shown


@pytest.mark.parametrize(
    ("permissions", "status"),
    [(["view_grant"], 200), (["revoke_grant"], 200), (["view_person"], 404), ([], 404)],
)
def test_an_admin_sees_it_by_permission(ben: Person, permissions: list[str], status: int) -> None:
    url = reverse("web:grant", args=[make_grant(ben).pk])
    assert signed_in(make_admin(*permissions)).get(url).status_code == status


def test_the_permission_alone_makes_no_admin(ben: Person) -> None:
    former = make_admin("view_grant", "revoke_grant")
    former.is_staff = False
    former.save()
    grant = make_grant(ben)
    client = signed_in(former)
    assert client.get(reverse("web:grant", args=[grant.pk])).status_code == 404
    assert client.post(reverse("web:revoke", args=[grant.pk]), {"reason": "x"}).status_code == 404


def test_its_holder_sees_its_life(ben: Person) -> None:
    grant = make_grant(ben, granted_by=make_person("Ada"))
    client = signed_in(ben)
    for door, body in (
        ("credentials", {}),
        ("open-console", {"destination": "https://console.aws.amazon.com/"}),
    ):
        client.post(reverse(f"web:{door}", args=[grant.pk]), body)
    shown = page_for(ben, grant)
    assert [(step.label, step.state) for step in shown.timeline] == [
        ("Granted", "done"),
        ("Started", "done"),
        ("Credentials fetched", "done"),
        ("Console opened", "done"),
        ("Ends", "now"),
        ("Ended in AWS", "todo"),
    ]
    assert [row.kind for row in shown.sessions] == ["Console", "Credentials"]
    assert {row.badge.word for row in shown.sessions} == {"Active"}
    assert [event.event for event in shown.events] == ["Credentials issued", "Console sign-in issued"]
    assert not shown.revocable
    assert shown.revocation is None


def test_the_page_costs_a_bounded_number_of_queries(ben: Person) -> None:
    grant = make_grant(ben)
    client, url = signed_in(ben), reverse("web:grant", args=[grant.pk])
    for _ in range(4):
        client.post(reverse("web:credentials", args=[grant.pk]))
    with CaptureQueriesContext(connection) as counted:
        client.get(url)
    assert len(counted) <= BUDGET


APPLIED = datetime(2026, 1, 1, tzinfo=UTC)
PROVEN = APPLIED + timedelta(seconds=1)
NOTE = "The role may not call sts:GetAccessKeyInfo."


@pytest.mark.parametrize(
    ("state", "extra", "badge", "last_steps", "words"),
    [
        ("pending", {}, "Ending in AWS", [("Denied in AWS", "now")], "AWS is being told"),
        (
            "failing",
            {"last_error": "AccessDenied", "attempts": 3},
            "Retrying",
            [("Denied in AWS", "failed")],
            "given again until AWS has it",
        ),
        (
            "applied",
            {"applied_at": APPLIED, "probe_at": APPLIED},
            "Applied, being proven",
            [("Denied in AWS", "done"), ("Proven", "now")],
            "Whether it obeys is being tried",
        ),
        (
            "applied",
            {"applied_at": APPLIED, "proof_note": NOTE},
            "Applied, not proven",
            [("Denied in AWS", "done"), ("Not proven", "none")],
            "Applied, not proven, because the role may not call sts:GetAccessKeyInfo.",
        ),
        (
            "applied",
            {"applied_at": APPLIED, "probe_at": APPLIED, "proof_note": "AWS still allows it"},
            "Applied, not proven",
            [("Denied in AWS", "done"), ("Proven", "now")],
            "because AWS still allows it. AWS shows the order to refuse every session of this grant. It is being",
        ),
        (
            "proven",
            {"applied_at": APPLIED, "proven_at": PROVEN},
            "Proven over",
            [("Denied in AWS", "done"), ("Proven", "done")],
            "was seen to refuse",
        ),
        (
            "cleaned",
            {"applied_at": APPLIED, "proven_at": PROVEN, "cleaned_at": PROVEN},
            "Over, and cleaned up",
            [("Denied in AWS", "done"), ("Proven", "done"), ("Cleaned up", "done")],
            "was proven",
        ),
        (
            "cleaned",
            {"cleaned_at": PROVEN},
            "Over, and cleaned up",
            [("Denied in AWS", "none"), ("Cleaned up", "done")],
            "AWS never took the order",
        ),
    ],
)
def test_how_the_end_in_aws_stands(  # noqa: PLR0917  # one column of the table each
    ben: Person,
    state: str,
    extra: dict[str, object],
    badge: str,
    last_steps: list[tuple[str, str]],
    words: str,
) -> None:
    grant = make_grant(ben, state="revoked", ended_at=datetime.now(UTC), end_reason="left")
    document = DenyDocument.objects.create(account=grant.role.account, kind="role", name="ReadOnly")
    asked_at = APPLIED - timedelta(seconds=2.5)
    Revocation.objects.create(
        grant=grant, document=document, userids=["AROAEXAMPLE:x"], state=state, asked_at=asked_at,
        covers_until=asked_at + HOUR, next_try_at=asked_at, **extra,
    )  # fmt: skip
    admin, holder = page_for(make_admin("view_grant"), grant), page_for(ben, grant)
    assert admin.revocation is not None
    assert holder.revocation is not None
    assert admin.revocation.badge.word == holder.revocation.badge.word == badge
    assert words in admin.revocation.words
    steps = admin.timeline
    assert [(step.label, step.state) for step in steps[-len(last_steps) :]] == last_steps
    assert steps[-len(last_steps) - 1].note == "by command: left"
    assert admin.revocation.applied == ("2.5 s" if "applied_at" in extra else "")
    assert admin.revocation.proven == ("3.5 s" if "proven_at" in extra else "")
    assert (admin.revocation.next_try is not None) == (state == "failing")
    assert admin.revocation.last_error == extra.get("last_error", "")
    assert holder.revocation.last_error == ""


def test_where_an_admin_worked_is_not_the_holders_to_know(ben: Person, aws: FakeAws) -> None:
    admin, grant = make_admin("revoke_grant"), make_grant(ben)
    signed_in(ben).post(reverse("web:credentials", args=[grant.pk]))
    signed_in(admin).post(reverse("web:revoke", args=[grant.pk]), {"reason": "the project is over"})
    origins = {event.event: event.origin for event in page_for(ben, grant).events}
    assert origins["Revoked"] == ""
    assert origins["Credentials issued"] == "127.0.0.1"
    assert {e.event: e.origin for e in page_for(admin, grant).events}["Revoked"] == "127.0.0.1"


def test_a_grant_that_starts_later_and_one_never_used(ben: Person) -> None:
    assert [s.label for s in page_for(ben, make_scheduled(ben)).timeline] == [
        "Granted", "Starts", "Ends", "Ended in AWS",
    ]  # fmt: skip
    over = make_grant(ben, state="revoked", ended_at=datetime.now(UTC))
    shown = page_for(ben, over)
    assert shown.revocation is not None
    assert "nothing to end" in shown.revocation.words


def test_a_revoke_says_what_it_ends_then_ends_that(ben: Person, mallory: Person) -> None:
    admin, grant = make_admin("revoke_grant"), make_grant(ben)
    make_grant(mallory, grant.role)
    for _ in range(2):
        signed_in(ben).post(reverse("web:credentials", args=[grant.pk]), {"fresh": "1"})
        AwsSession.objects.filter(grant=grant).update(asked_at=F("asked_at") - timedelta(minutes=1))
    client, url = signed_in(admin), reverse("web:revoke", args=[grant.pk])
    view = client.get(url).context["view"]
    assert (view.person, view.live_credentials, view.live_console, view.others_on_role) == (ben.name, 2, 0, 1)

    done = client.post(url, {"reason": "left the company"}, follow=True)
    assert done.redirect_chain == [(reverse("web:grant", args=[grant.pk]), 303)]
    assert f"Revoked: Production read only for {ben.name}." in done.content.decode()
    grant.refresh_from_db()
    assert (grant.state, grant.end_reason, grant.ended_by) == ("revoked", "left the company", admin)
    assert AuditEvent.objects.filter(type="access.grant.revoked").count() == 1
    assert client.get(url).status_code == 409
    assert client.post(url, {"reason": "again"}).status_code == 409


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_a_revoke_needs_a_reason(ben: Person, reason: str) -> None:
    grant = make_grant(ben)
    url = reverse("web:revoke", args=[grant.pk])
    page = signed_in(make_admin("revoke_grant")).post(url, {"reason": reason})
    assert page.status_code == 400
    assert page.context["form"].errors["reason"]
    grant.refresh_from_db()
    assert grant.state == "active"


def test_an_admin_who_may_only_look(ben: Person) -> None:
    grant = make_grant(ben)
    client, url = signed_in(make_admin("view_grant")), reverse("web:revoke", args=[grant.pk])
    assert client.get(url).status_code == 403
    assert client.post(url, {"reason": "enough"}).status_code == 403
    grant.refresh_from_db()
    assert grant.state == "active"
