"""The operators' page: whose it is, what it shows, in how many queries, and what Retry does."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal.access.models import Alarm, DenyDocument, Grant, Revocation
from portal.audit.models import AuditEvent
from portal.directory.models import Person
from tests.fakes import FakeAws
from tests.integration.web.operating_world import (
    REASON,
    enter_hold,
    make_document,
    make_ended,
    make_revocation,
    now,
    raise_alarm,
    sweep_ran,
    tell_everything,
)
from tests.world import HOUR, Answer, make_admin, make_grant, make_person, make_role, signed_in

POLL = {"HX-Request": "true"}
PARTS = ["now-state", "now-next", "now-cutoffs"]
BUDGET = 21


@pytest.fixture
def ada(db: None) -> Person:
    return make_admin("revoke_grant", "view_grant")


@pytest.fixture(autouse=True)
def _sweep(db: None) -> None:
    sweep_ran()


def page(person: Person) -> str:
    answer = signed_in(person).get("/now/")
    assert answer.status_code == 200
    return answer.content.decode()


def poll(person: Person, name: str, seen: str = "") -> Answer:
    return signed_in(person).get(reverse(f"web:{name}"), {"seen": seen}, headers=POLL)


@pytest.mark.parametrize("name", ["now", *PARTS, "now-retry"])
@pytest.mark.parametrize("rights", [(), ("view_grant", "make_grant"), ("add_revocation",)])
def test_others_are_refused(name: str, rights: tuple[str, ...], ben: Person, aws: FakeAws) -> None:
    failing = make_revocation(make_ended(ben, make_role()))
    for person in (ben, make_admin(*rights)):
        client, path = signed_in(person), reverse(f"web:{name}")
        answer = client.post(path) if name == "now-retry" else client.get(path, headers=POLL)
        assert answer.status_code == 403
        assert "Production read only" not in answer.content.decode()
    failing.refresh_from_db()
    assert failing.next_try_at > now()
    assert not AuditEvent.objects.filter(type="access.revocation.retried").exists()


@pytest.mark.parametrize("right", ["view_revocation", "revoke_grant"])
def test_operators_get_in_and_are_led_there(right: str, ben: Person) -> None:
    operator = make_admin(right)
    assert 'href="/now/"' in page(operator)
    for name in PARTS:
        assert poll(operator, name).status_code == 200
    assert 'href="/now/"' not in signed_in(ben).get("/").content.decode()
    assert 'href="/now/"' not in signed_in(make_admin("view_grant")).get("/").content.decode()


def test_a_right_that_stayed_after_somebody_ceased_to_be_an_admin_counts_nothing(ada: Person) -> None:
    ada.is_staff = False
    ada.save()
    assert signed_in(ada).get("/now/").status_code == 403


def test_strangers_are_sent_to_sign_in(db: None) -> None:
    assert Client().get("/now/").headers["Location"] == "/sign-in/?next=/now/"
    assert Client().post("/now/retry").headers["Location"] == "/sign-in/"
    assert Client().get("/now/state", headers=POLL).headers["HX-Redirect"] == "/sign-in/"


def test_empty_it_teaches(ada: Person) -> None:
    told = page(ada)
    assert "Nothing is late and nothing fails" in told
    assert "Nobody has access at the moment" in told
    assert "Nothing had to be cut off" in told
    assert "stands in any AWS account" in told
    assert "Retry" not in told
    assert "notice-danger" not in told


def test_it_shows_everything(ada: Person, ben: Person) -> None:
    tell_everything(ben)
    told = page(ada)
    assert REASON in told
    assert "7 tries" in told
    assert "Past their end" in told
    assert "Not tried for over a minute" in told
    assert "SallyportRevoked" in told
    assert "9,812 of 10,240 characters" in told
    assert "1,204 of 6,144 characters" in told
    assert "AWSReservedSSO_Billing_0123456789abcdef" in told
    assert "2 cut-offs. AWS showed the deny: half within 0.40 s" in told
    assert "It was seen to refuse the sessions: half within 2.0 s" in told
    assert "A cut-off is late" in told
    assert len(told) < 100_000


@pytest.mark.parametrize("crowd", [1, 12])
def test_its_queries_do_not_grow(ada: Person, ben: Person, crowd: int) -> None:
    tell_everything(ben, crowd=crowd)
    client = signed_in(ada)
    with CaptureQueriesContext(connection) as asked:
        assert client.get("/now/").status_code == 200
    assert len(asked) <= BUDGET, [query["sql"][:150] for query in asked]


def test_hold_and_a_stopped_sweep_come_first_and_once(ada: Person) -> None:
    enter_hold()
    sweep_ran(ago=settings.SWEEP_STOPPED_AFTER + 60)
    for kind, subject in (("held", "hold"), ("sweep_stopped", "sweep"), ("deny_changed", "3")):
        raise_alarm(kind, subject, f"text of {kind}")
    Alarm.objects.create(kind="proof_failed", subject="4", text="over", raised_at=now(), cleared_at=now())
    told = page(ada)
    assert told.count("notice-danger") == 3
    assert "In hold: nothing is issued or revoked" in told
    assert told.count('href="/now/difference/"') == 2, "from the notice, and beside what stands in AWS"
    assert "text of held" not in told
    assert "The sweep has stopped" in told
    assert "text of sweep_stopped" not in told
    assert "text of deny_changed" in told
    assert "over</p>" not in told
    sweep_ran()
    assert "On time" in page(ada)


def test_the_sweep_that_never_ran_has_stopped(ada: Person) -> None:
    sweep_ran()
    from portal.access.models import Sweep  # noqa: PLC0415  # here alone

    Sweep.objects.all().delete()
    assert "The sweep has stopped" in page(ada)


def test_what_is_on_time_is_not_called_late(ada: Person, ben: Person) -> None:
    role = make_role()
    make_revocation(make_ended(ben, role), "pending", ago=20)
    make_revocation(make_ended(ben, role), "cleaned", ago=9000)
    make_grant(ben, role, ends_at=now() - timedelta(seconds=1))
    make_grant(ben, role, state="expired", ends_at=now() - HOUR / 2, ended_at=now())
    assert "Nothing is late and nothing fails" in page(ada)


def test_polling_answers_only_what_changed(ada: Person, ben: Person) -> None:
    make_grant(ben)
    for name in PARTS:
        part = poll(ada, name).context[name.removeprefix("now-")]
        assert poll(ada, name, part.fingerprint).status_code == 204
        assert signed_in(ada).get(reverse(f"web:{name}")).headers["Location"] == "/now/"
    seen = poll(ada, "now-state").context["state"].fingerprint
    make_revocation(make_ended(ben, make_role()))
    changed = poll(ada, "now-state", seen)
    assert changed.status_code == 200
    assert "<html" not in changed.content.decode()
    assert REASON in changed.content.decode()
    assert "Cut-offs that fail: 1" in changed.content.decode(), "those who hear the page are told"


def test_the_strip_counts_each_end_once(ada: Person, ben: Person) -> None:
    role = make_role()
    for minutes in (3, 4, 200, 479, 481):
        make_grant(ben, role, ends_at=now() + timedelta(minutes=minutes))
    strip = poll(ada, "now-next").context["next"]
    assert strip.total == sum(bar.number for bar in strip.bars) == 4
    assert [bar.number for bar in strip.bars] == [2, 1, 1]
    assert len(strip.lines) == 5
    assert strip.more == 0


def test_retry_makes_one_document_due_and_leaves_its_neighbour(ada: Person, ben: Person) -> None:
    one = make_revocation(make_ended(ben, make_role()))
    other = make_revocation(make_ended(ben, make_role()))
    answer = signed_in(ada).post("/now/retry", {"document": str(one.document_id)}, follow=True)
    assert "Being tried now: 1." in answer.content.decode()
    one.refresh_from_db()
    other.refresh_from_db()
    assert one.next_try_at <= now() < other.next_try_at
    event = AuditEvent.objects.get(type="access.revocation.retried")
    assert (event.grant_id, event.actor_id, event.outcome) == (one.grant_id, ada.pk, "done")


def test_retry_all_takes_what_fails_and_nothing_else(ada: Person, ben: Person) -> None:
    failing = make_revocation(make_ended(ben, make_role()))
    standing = make_revocation(make_ended(ben, make_role()), "applied")
    assert signed_in(ada).post("/now/retry").status_code == 303
    failing.refresh_from_db()
    assert failing.next_try_at <= now()
    assert Revocation.objects.get(pk=standing.pk).next_try_at > now()
    nothing = signed_in(ada).post("/now/retry", {"document": "999999"}, follow=True)
    assert "None of these fails any more" in nothing.content.decode()


@pytest.mark.parametrize("document", ["x", "-1", "1 or 1=1", "9" * 30, "\u0661"])
def test_retry_of_nonsense_is_refused(ada: Person, document: str) -> None:
    assert signed_in(ada).post("/now/retry", {"document": document}).status_code == 400


def test_who_only_looks_is_shown_no_button_and_cannot_retry(ben: Person) -> None:
    looker = make_admin("view_revocation")
    enter_hold()
    failing = make_revocation(make_ended(ben, make_role()))
    told = page(looker)
    assert REASON in told
    assert "Retry" not in told
    assert "/now/difference/" not in told
    assert f"/grants/{failing.grant_id}/" not in told, "a grant's page is not theirs to open"
    assert signed_in(looker).post("/now/retry").status_code == 403
    failing.refresh_from_db()
    assert failing.next_try_at > now()


def test_text_from_aws_is_text(ada: Person, ben: Person) -> None:
    make_revocation(make_ended(ben, make_role()), last_error="<script>alert(1)</script>")
    raise_alarm(text="<b>bold</b>")
    told = page(ada)
    assert "<script>alert" not in told
    assert "<b>bold" not in told


def test_a_users_document_is_measured_by_a_users_limit(ada: Person) -> None:
    role = make_role("Handbook", name="hub", method="federation_token", requires_scope=True)
    policies = [{"name": "SallyportRevoked", "characters": 1_024, "entries": 20}]
    DenyDocument.objects.create(
        account=role.account, kind="user", name="hub", entries=20, policies=policies, issued_before=now(),
        issued_before_until=now() + HOUR,
    )  # fmt: skip
    make_document(make_role(), entries=0)
    told = page(ada)
    assert "1,024 of 2,048 characters" in told
    assert "Everybody cut" in told


def test_roles_that_nobody_may_use_need_no_warning(ada: Person, ben: Person) -> None:
    role = make_role("Billing", is_writable=False)
    make_grant(ben, role, state="expired", ends_at=now() - HOUR / 2, ended_at=now())
    assert "No kill switch" not in page(ada)
    make_grant(ben, role, accepted_no_kill_switch=True)
    make_grant(make_person("Chidi"), role, accepted_no_kill_switch=True)
    told = page(ada)
    assert "No kill switch" in told
    assert "2 living grants" in told
    assert Grant.objects.count() == 3
