"""What the API answers when it says yes, and that it was the operations that did it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F
from django.urls import reverse
from django.utils.html import escape

from portal.access.models import AwsSession, Grant
from portal.audit.models import AuditEvent
from portal.directory.models import Person
from tests.fakes import SECRET, TOKEN, FakeAws
from tests.integration.api.calling import caller, problem, send
from tests.world import HOUR, make_admin, make_grant, make_role, make_scheduled, signed_in

pytestmark = pytest.mark.django_db
GRANTS = "/api/v1/grants"


def test_me_says_who_and_what_the_token_may(ben: Person) -> None:
    told = send(caller(ben, "grants:read"), "get", "/api/v1/me").json()
    assert told["id"] == str(ben.pk)
    assert (told["name"], told["partner"], told["scopes"]) == ("Ben Lindqvist", None, ["grants:read"])
    assert send(signed_in(ben), "get", "/api/v1/me").json()["scopes"] is None


def test_only_my_grants_are_listed(ben: Person, mallory: Person) -> None:
    mine = make_grant(ben)
    make_grant(mallory)
    told = send(caller(ben), "get", GRANTS).json()
    assert [row["id"] for row in told["results"]] == [str(mine.pk)]
    row = told["results"][0]
    assert row["is_open"] is True
    assert row["role"]["arn"] == mine.role.arn
    assert row["role"]["account"]["account_id"] == mine.role.account.account_id


def test_state_filters(ben: Person) -> None:
    active, scheduled = make_grant(ben), make_scheduled(ben)
    client = caller(ben)
    for state, found in (("active", active), ("scheduled", scheduled)):
        told = send(client, "get", f"{GRANTS}?state={state}").json()
        assert [row["id"] for row in told["results"]] == [str(found.pk)]
    assert send(client, "get", f"{GRANTS}?state=revoked").json()["results"] == []
    refused = problem(send(client, "get", f"{GRANTS}?state=open"), 400, "invalid")
    assert refused["errors"][0]["field"] == "state"


def test_pages_are_walked_by_cursor_without_loss_or_double(ben: Person) -> None:
    role, end = make_role(), datetime.now(UTC) + HOUR
    made = {str(make_grant(ben, role, ends_at=end + timedelta(minutes=n // 2)).pk) for n in range(5)}
    client, address, seen = caller(ben), f"{GRANTS}?page_size=2", []
    while address:
        page = send(client, "get", address).json()
        assert len(page["results"]) <= 2
        seen += [row["id"] for row in page["results"]]
        address = page["next"]
    assert sorted(seen) == sorted(made)


@pytest.mark.parametrize("cursor", ["nonsense", "cD1ub3RhZGF0ZQ==", "bz0tMQ=="])
def test_a_made_up_cursor_is_bad_input(ben: Person, cursor: str) -> None:
    refused = problem(send(caller(ben), "get", f"{GRANTS}?cursor={cursor}"), 400, "invalid")
    assert refused["errors"][0]["field"] == "cursor"


def test_the_list_costs_the_same_for_many(
    ben: Person, django_assert_max_num_queries: pytest.FixtureRequest
) -> None:
    for _ in range(6):
        make_grant(ben)
    client = caller(ben)
    with django_assert_max_num_queries(5):  # type: ignore[operator]  # pytest-django's fixture is a callable
        assert len(send(client, "get", GRANTS).json()["results"]) == 6


@pytest.mark.parametrize(
    ("body", "age", "asked"),
    [({"fresh": True}, 5, 2), ({"fresh": True}, 0, 1), ({"fresh": False}, 60, 1), ({}, 60, 1)],
)
def test_new_ones_are_given_on_demand_and_those_of_five_seconds_count_as_new(
    ben: Person, aws: FakeAws, body: dict[str, bool], age: int, asked: int
) -> None:
    where, client = reverse("api:credentials", args=[make_grant(ben).pk]), caller(ben)
    send(client, "post", where)
    AwsSession.objects.update(asked_at=F("asked_at") - timedelta(seconds=age))
    assert send(client, "post", where, body).status_code == 201
    assert (aws.count("assume_role"), AwsSession.objects.count()) == (asked, asked)


def test_a_wish_for_new_ones_that_cant_be_read_is_refused(ben: Person, aws: FakeAws) -> None:
    where = reverse("api:credentials", args=[make_grant(ben).pk])
    told = problem(send(caller(ben), "post", where, {"fresh": "perhaps"}), 400, "invalid")
    assert [each["field"] for each in told["errors"]] == ["fresh"]
    assert aws.calls == []


def test_credentials_have_awss_names_and_leave_a_trail(ben: Person) -> None:
    grant = make_grant(ben)
    answer = send(caller(ben), "post", reverse("api:credentials", args=[grant.pk]))
    told = answer.json()
    assert set(told) == {
        *("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "WorksUntil", "GrantEndsAt"),
    }
    until = datetime.fromisoformat(told["WorksUntil"])
    assert timedelta(0) <= grant.ends_at - until < timedelta(minutes=1)
    assert (told["SecretAccessKey"], told["SessionToken"]) == (SECRET, TOKEN)
    assert told["GrantEndsAt"] == f"{grant.ends_at:%Y-%m-%dT%H:%M:%SZ}"
    assert "no-store" in answer["Cache-Control"]
    event = AuditEvent.objects.get(type="access.session.issued")
    assert (event.actor_kind, event.actor_id, event.grant_id) == ("token", ben.pk, grant.pk)
    assert event.actor_label == "Ben Lindqvist, token deploy script"
    assert event.request_id == answer["X-Request-Id"]
    assert SECRET not in str(list(AuditEvent.objects.values())) + str(list(AwsSession.objects.values()))


def test_a_grant_that_is_not_open_is_a_conflict(ben: Person) -> None:
    client = caller(ben)
    ended = make_grant(ben)
    Grant.objects.filter(pk=ended.pk).update(ends_at=datetime.now(UTC) - timedelta(seconds=1))
    for grant in (ended, make_scheduled(ben)):
        for door in ("credentials", "console-links"):
            problem(send(client, "post", reverse(f"api:{door}", args=[grant.pk])), 409, "conflict")
    assert send(client, "post", reverse("api:credentials", args=[make_grant(ben).pk])).status_code == 201


def test_a_console_link_is_the_portals_own_and_works_once(ben: Person) -> None:
    grant = make_grant(ben)
    told = send(caller(ben), "post", reverse("api:console-links", args=[grant.pk])).json()
    assert set(told) == {"url", "expires_at"}
    assert told["url"].startswith("http://localhost:8000/console/")
    path = told["url"].removeprefix("http://localhost:8000")
    browser = signed_in(ben)
    assert browser.post(path)["Location"].startswith("https://signin.aws.amazon.com/")
    assert browser.post(path).status_code == 404


def test_a_destination_outside_of_the_console_is_refused_at_its_field(ben: Person) -> None:
    address = reverse("api:console-links", args=[make_grant(ben).pk])
    client = caller(ben)
    refused = problem(
        send(client, "post", address, {"destination": "https://console.aws.amazon.com.evil.example/"}),
        400,
        "invalid",
    )
    assert refused["errors"][0]["field"] == "destination"
    good = {"destination": "https://console.aws.amazon.com/s3/home"}
    assert send(client, "post", address, good).status_code == 201


def test_an_admins_token_revokes_and_the_holder_is_told_why(ben: Person) -> None:
    grant = make_grant(ben)
    address = reverse("api:revoke", args=[grant.pk])
    problem(send(caller(ben), "post", address, {"reason": "mine"}), 403, "forbidden")
    admin = caller(make_admin("revoke_grant"))
    told = send(admin, "post", address, {"reason": "left the project"}).json()
    assert (told["state"], told["end_reason"], told["is_open"]) == ("revoked", "left the project", False)
    problem(send(admin, "post", address, {"reason": "again"}), 409, "conflict")


def test_the_schema_describes_every_endpoint_and_its_problems(ben: Person) -> None:
    told = send(caller(ben), "get", "/api/v1/schema").json()
    assert set(told["paths"]) == {
        "/api/v1/me",
        "/api/v1/entitlements",
        "/api/v1/entitlements/{entitlement_id}/take",
        "/api/v1/grants",
        "/api/v1/grants/{grant_id}",
        "/api/v1/grants/{grant_id}/choice",
        "/api/v1/grants/{grant_id}/doctor",
        "/api/v1/grants/{grant_id}/credentials",
        "/api/v1/grants/{grant_id}/tokens",
        "/api/v1/grants/{grant_id}/tokens/{token_id}",
        "/api/v1/grants/{grant_id}/console-links",
        "/api/v1/grants/{grant_id}/extend",
        "/api/v1/grants/{grant_id}/release",
        "/api/v1/grants/{grant_id}/revoke",
        "/api/v1/grants/{grant_id}/cut-sessions",
        "/api/v1/grants/{grant_id}/revocation",
        "/api/v1/exchange/saml",
        "/api/v1/exchange/web-identity",
        "/api/v1/exchange/cognito",
        "/api/v1/partners/{partner_id}/suspend",
        "/api/v1/partners/{partner_id}/resume",
        "/api/v1/partners",
        "/api/v1/partners/{partner_id}",
        "/api/v1/partners/{partner_id}/accounts",
        "/api/v1/partners/{partner_id}/grants",
        "/api/v1/partner-accounts/{partner_account_id}",
        "/api/v1/partner-accounts/{partner_account_id}/close",
        "/api/v1/partner-accounts/{partner_account_id}/rotate",
        "/api/v1/partner-grants",
        "/api/v1/partner-grants/preview",
        "/api/v1/drift",
        "/api/v1/drift/{drift_id}/repair",
        "/api/v1/drift/{drift_id}/accept",
        "/api/v1/doctor",
        "/api/v1/scopes",
        "/api/v1/scopes/lint",
    }
    parts = told["components"]["schemas"]
    assert set(parts["Window"]["required"]) == {"days", "opens", "closes", "zone"}
    assert "seconds_to_proven" in parts["Revocation"]["properties"]
    assert parts["Grant"]["properties"]["revocation"]["nullable"] is True
    assert set(parts["GrantOrder"]["required"]) == {"person", "role", "ends_at", "reason"}
    for path in told["paths"].values():
        for act in path.values():
            assert "application/problem+json" in act["responses"]["default"]["content"]


def test_the_choice_of_the_call_is_told_by_codes_and_in_the_pages_words(ben: Person) -> None:
    grant = make_grant(ben)
    told = send(caller(ben), "get", reverse("api:grant-choice", args=[grant.pk])).json()
    assert (told["call"], told["capped_by"], told["policy"]) == ("assume_role", "grant", "end")
    assert 3500 < told["duration_seconds"] <= 3600
    assert (told["cut"], told["refused"], told["is_closed"]) == ("aws:userid", "", False)
    assert len(told["options"]) == 10
    assert [each["call"] for each in told["options"] if each["is_taken"]] == ["assume_role"]
    page = signed_in(ben).get(reverse("web:grant", args=[grant.pk])).content.decode()
    for words in (told["why"], told["policy_why"], told["cut_why"], told["options"][3]["why"]):
        assert escape(words) in page
    doctor = send(caller(ben), "get", reverse("api:grant-doctor", args=[grant.pk])).json()
    step = next(each for each in doctor["steps"] if each["name"] == "call")
    assert step["detail"].startswith(told["why"])
