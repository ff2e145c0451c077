"""A grant's whole life by script: made with hours of the week, extended, given back, revoked, cut; partners too."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.access.models import AwsSession, DenyDocument, Grant, Revocation
from portal.catalog.models import AwsRole
from portal.directory.models import Partner, Person
from tests.integration.api.calling import caller, problem, send
from tests.world import HOUR, add_session, make_admin, make_grant, make_person, make_role

pytestmark = pytest.mark.django_db
GRANTS = "/api/v1/grants"
OFFICE = {"days": [1, 2, 3, 4, 5], "opens": "08:00", "closes": "18:00", "zone": "Europe/Berlin"}


def at(grant: Grant, act: str) -> str:
    return reverse(f"api:{act}", args=[grant.pk])


@pytest.fixture
def granter(db: None) -> Client:
    return caller(make_admin("make_grant", name="Grace Warden"))


@pytest.fixture
def revoker(db: None) -> Client:
    return caller(make_admin("revoke_grant"))


def order(person: Person, role: AwsRole, **more: Any) -> dict[str, Any]:
    ends_at = datetime.now(UTC) + timedelta(days=14)
    known = {
        "person": str(person.pk),
        "role": str(role.pk),
        "ends_at": ends_at.isoformat(),
        "reason": "on call",
    }
    return {**known, **more}


def test_a_grant_with_hours_of_the_week(granter: Client, ben: Person, role: AwsRole) -> None:
    answer = send(granter, "post", GRANTS, order(ben, role, window=OFFICE, ticket="OPS-7"))
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert told["window"] == {**OFFICE, "opens": "08:00:00", "closes": "18:00:00"}
    assert (told["person"], told["granted_by"], told["ticket"]) == ("Ben Lindqvist", "Grace Warden", "OPS-7")
    assert (told["open_until"] is not None) == told["is_open"]
    assert told["opens_at"] is not None
    assert Grant.objects.get().window_zone == "Europe/Berlin"
    assert send(caller(ben), "get", GRANTS).json()["results"][0]["window"] == told["window"]
    plain = send(granter, "post", GRANTS, order(ben, role)).json()
    assert (plain["window"], plain["is_open"], plain["open_until"]) == (None, True, plain["ends_at"])


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"person": "nobody"}, "person"),
        ({"person": "00000000-0000-4000-8000-000000000000"}, "person"),
        ({"role": "00000000-0000-4000-8000-000000000000"}, "role"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "ends_at"),
        ({"ends_at": "soon"}, "ends_at"),
        ({"reason": " "}, "reason"),
        ({"window": {**OFFICE, "zone": "Mars/Olympus"}}, "window_zone"),
        ({"window": {**OFFICE, "days": [8]}}, "window.days.0"),
        ({"window": {**OFFICE, "closes": "08:00"}}, "window_closes"),
        ({"window": {"days": [1]}}, "window.opens"),
        ({"scope_parameters": {"bucket": "x"}}, "scope_parameters"),
    ],
)
def test_bad_input_is_named(
    granter: Client, ben: Person, role: AwsRole, changed: dict[str, Any], field: str
) -> None:
    refused = problem(send(granter, "post", GRANTS, {**order(ben, role), **changed}), 400, "invalid")
    assert refused["errors"][0]["field"] == field
    assert not Grant.objects.exists()


def test_no_kill_switch_is_accepted_in_so_many_words(granter: Client, ben: Person) -> None:
    role = make_role(is_writable=False)
    refused = problem(send(granter, "post", GRANTS, order(ben, role)), 400, "invalid")
    assert refused["errors"][0]["field"] == "accepts_no_kill_switch"
    told = send(granter, "post", GRANTS, order(ben, role, accepts_no_kill_switch=True)).json()
    assert (told["accepted_no_kill_switch"], told["role"]["has_kill_switch"]) == (True, False)


def test_nobody_grants_to_themselves(role: AwsRole) -> None:
    admin = make_admin("make_grant")
    problem(send(caller(admin), "post", GRANTS, order(admin, role)), 403, "forbidden")
    assert not Grant.objects.exists()


def test_an_extension_is_later_and_ends_nothing_sooner(granter: Client, ben: Person) -> None:
    grant = make_grant(ben)
    later = {"ends_at": (grant.ends_at + HOUR).isoformat(), "reason": "the fix takes longer"}
    sooner = {**later, "ends_at": (grant.ends_at - timedelta(minutes=5)).isoformat()}
    refused = problem(send(granter, "post", at(grant, "extend"), sooner), 400, "invalid")
    assert refused["errors"][0]["field"] == "ends_at"
    told = send(granter, "post", at(grant, "extend"), later).json()
    assert told["ends_at"] == f"{grant.ends_at + HOUR:%Y-%m-%dT%H:%M:%SZ}"
    over = make_grant(ben, state="revoked", ended_at=datetime.now(UTC))
    problem(send(granter, "post", at(over, "extend"), later), 409, "conflict")


def test_giving_back_is_its_holders_alone(ben: Person, revoker: Client) -> None:
    grant = make_grant(ben)
    add_session(grant)
    problem(send(revoker, "post", at(grant, "release")), 403, "forbidden")
    told = send(caller(ben), "post", at(grant, "release"), {"reason": "done early"}).json()
    assert (told["state"], told["end_reason"], told["revocation"]["state"]) == (
        "released",
        "done early",
        "pending",
    )
    problem(send(caller(ben), "post", at(grant, "release")), 409, "conflict")


def test_cut_is_the_default_and_false_lets_run_out(ben: Person, revoker: Client) -> None:
    cut, left = make_grant(ben), make_grant(ben)
    for grant in (cut, left):
        add_session(grant)
    told = send(revoker, "post", at(cut, "revoke"), {"reason": "left"}).json()
    assert (told["revocation"]["state"], told["sessions_run_out"]) == ("pending", False)
    problem(send(revoker, "post", at(left, "revoke"), {"reason": "left", "cut": "perhaps"}), 400, "invalid")
    told = send(revoker, "post", at(left, "revoke"), {"reason": "left", "cut": False}).json()
    assert (told["revocation"], told["sessions_run_out"]) == (None, True)
    problem(send(revoker, "get", at(left, "revocation")), 404, "not_found")
    told = send(revoker, "post", at(left, "cut-sessions"), {"reason": "it leaked"}).json()
    assert (told["revocation"]["state"], told["sessions_run_out"]) == ("pending", False)
    problem(send(revoker, "post", at(left, "cut-sessions"), {"reason": "again"}), 409, "conflict")
    assert AwsSession.objects.count() == Revocation.objects.count() == 2


def test_how_far_the_end_in_aws_is_in_seconds(ben: Person, revoker: Client) -> None:
    asked = datetime(2026, 1, 1, tzinfo=UTC)
    grant = make_grant(ben, state="revoked", ended_at=asked)
    document = DenyDocument.objects.create(account=grant.role.account, kind="role", name="ReadOnly")
    Revocation.objects.create(
        grant=grant, document=document, userids=["AROAEXAMPLE:x"], state="proven", asked_at=asked,
        covers_until=asked + HOUR, next_try_at=asked, last_error="arn:aws:iam::1:role/hub may not",
        applied_at=asked + timedelta(seconds=1.5), proven_at=asked + timedelta(seconds=2.25),
    )  # fmt: skip
    told = send(revoker, "get", at(grant, "revocation")).json()
    assert (told["state"], told["seconds_to_applied"], told["seconds_to_proven"]) == ("proven", 1.5, 2.25)
    assert told["next_try_at"] is None
    assert "hub" not in str(told)
    assert send(caller(ben), "get", at(grant, "grant")).json()["revocation"] == told


def test_a_partner_is_suspended_and_resumed(partner: Partner, ben: Person) -> None:
    theirs, own = make_grant(make_person("Noa Guest", partner=partner)), make_grant(ben)
    add_session(theirs)
    client, why = caller(make_admin("change_partner")), {"reason": "the contract is in dispute"}
    suspend, resume = (reverse(f"api:{act}", args=[partner.pk]) for act in ("suspend", "resume"))
    problem(send(client, "post", suspend, {}), 400, "invalid")
    told = send(client, "post", suspend, why).json()
    assert (told["name"], told["grants_ended"], told["revocations"]) == ("Acme", 1, 1)
    assert told["suspended_at"] is not None
    assert [Grant.objects.get(pk=g.pk).state for g in (theirs, own)] == ["suspended", "active"]
    problem(send(client, "post", suspend, why), 409, "conflict")
    assert send(client, "post", resume, why).json()["suspended_at"] is None
    assert Grant.objects.get(pk=theirs.pk).state == "suspended"


def test_the_time_of_a_window_is_its_zones_own(ben: Person) -> None:
    now = datetime.now(UTC)
    make_grant(
        ben, window_days=str(now.isoweekday() % 7 + 1), window_opens=time(8), window_closes=time(18),
        window_zone="Pacific/Auckland", ends_at=now + timedelta(days=10),
    )  # fmt: skip
    told = send(caller(ben), "get", GRANTS).json()["results"][0]
    assert told["window"]["zone"] == "Pacific/Auckland"
    assert (told["open_until"] is None) != told["is_open"]
