"""Open console: where it leads, what is kept of it (nothing), and what a refused address leaves behind."""

import logging
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from brokers.errors import AwsAccessDenied, AwsUnavailable
from portal.access.models import AwsSession, Grant
from portal.access.operations.credentials.console_links import make_console_link
from portal.audit.models import AuditEvent
from portal.directory.models import Person
from tests.fakes import ORIGINS, SECRET, SIGN_IN_URL, TOKEN, FakeAws
from tests.world import as_actor, make_grant, make_role, make_scheduled, signed_in

S3 = "https://console.aws.amazon.com/s3/home?region=us-east-1"


def url_of(grant: Grant) -> str:
    return reverse("web:open-console", args=[grant.pk])


def opened_at(aws: FakeAws) -> list[tuple[str, str]]:
    return [(asked["destination"], asked["issuer"]) for asked in aws.asked("sign_in_url")]


def test_it_leads_to_the_sign_in_url_and_keeps_nothing(
    ben: Person, aws: FakeAws, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = signed_in(ben)
    opened = client.post(url_of(make_grant(ben)), {"destination": S3})
    assert (opened.status_code, opened.headers["Location"]) == (303, SIGN_IN_URL)
    assert "no-store" in opened.headers["Cache-Control"]
    assert opened.headers["Referrer-Policy"] == "no-referrer"
    assert opened.content == b""
    assert opened_at(aws) == [(S3, settings.PORTAL_URL)]
    session = Session.objects.get()
    kept = f"{session.get_decoded()} {list(AwsSession.objects.values())} {list(AuditEvent.objects.values())}"
    for secret in (SIGN_IN_URL, SECRET, TOKEN):
        assert secret not in f"{kept} {caplog.text} {client.cookies}"


def test_each_place_on_the_card_is_one_that_aws_takes(ben: Person) -> None:
    make_grant(ben)
    client = signed_in(ben)
    [card] = client.get("/").context["access"].active
    assert [place.label for place in card.destinations][:2] == ["Console home", "S3"]
    for place in card.destinations:
        assert client.post(url_of(Grant.objects.get()), {"destination": place.value}).status_code == 303


def test_an_address_that_was_typed_wins(ben: Person, aws: FakeAws) -> None:
    typed = "https://eu-central-1.console.aws.amazon.com/lambda/home"
    body = {"destination": S3, "other_destination": f" {typed} "}
    assert signed_in(ben).post(url_of(make_grant(ben)), body).status_code == 303
    assert opened_at(aws) == [(typed, settings.PORTAL_URL)]


@pytest.mark.parametrize(
    "typed",
    [
        "https://evil.example.test/", "http://console.aws.amazon.com/", "//console.aws.amazon.com/",
        "https://console.aws.amazon.com.evil.example.test/", "https://console.aws.amazon.com@evil.example.test/",
        "https://console.amazonaws.cn/", "javascript:alert(1)", "https://a.b.console.aws.amazon.com/",
    ],
)  # fmt: skip
def test_a_refused_address_stays_where_it_was_typed(ben: Person, aws: FakeAws, typed: str) -> None:
    grant, other = make_grant(ben), make_grant(ben)
    page = signed_in(ben).post(url_of(grant), {"destination": S3, "other_destination": typed})
    assert page.status_code == 400
    cards = {card.id: card for card in page.context["access"].active}
    assert cards[str(grant.pk)].typed_destination == typed
    assert "console.aws.amazon.com" in cards[str(grant.pk)].destination_error
    assert cards[str(other.pk)].typed_destination == ""
    assert aws.calls == []
    assert ORIGINS[0] in page.headers["Content-Security-Policy"]


def test_no_destination_at_all(ben: Person) -> None:
    assert signed_in(ben).post(url_of(make_grant(ben))).status_code == 400


def test_outside_of_its_time(ben: Person, aws: FakeAws) -> None:
    now = datetime.now(UTC)
    for grant in (
        make_scheduled(ben),
        make_grant(ben, ends_at=now),
        make_grant(ben, state="revoked", ended_at=now),
    ):
        answer = signed_in(ben).post(url_of(grant), {"destination": S3})
        assert answer.status_code == 409
        assert b"This grant" in answer.content
    assert aws.calls == []


def test_a_role_without_a_console(ben: Person, aws: FakeAws) -> None:
    grant = make_grant(ben, make_role(allows_console=False))
    client = signed_in(ben)
    assert url_of(grant).encode() not in client.get("/").content
    assert client.post(url_of(grant), {"destination": S3}).status_code == 403
    assert aws.calls == []


@pytest.mark.parametrize(
    "problem",
    [AwsAccessDenied("AssumeRole", "AccessDenied", "not you"), AwsUnavailable("AssumeRole", "timed out")],
)
def test_aws_says_no(ben: Person, aws: FakeAws, problem: AwsUnavailable | AwsAccessDenied) -> None:
    aws.fail["assume_role"] = problem
    answer = signed_in(ben).post(url_of(make_grant(ben)), {"destination": S3})
    assert answer.status_code == 503
    assert b"AssumeRole" in answer.content


@pytest.fixture
def link(ben: Person, aws: FakeAws) -> str:
    made = make_console_link(
        grant_id=make_grant(ben).pk, destination=S3, aws=aws.ports(), actor=as_actor(ben)
    )
    return reverse("web:console-link", args=[made.token])


def test_a_link_is_used_up_by_its_button_alone(ben: Person, link: str, aws: FakeAws) -> None:
    client = signed_in(ben)
    for _ in range(3):
        page = client.get(link)
        assert page.status_code == 200
        assert S3.encode() in page.content
        assert ORIGINS[0] in page.headers["Content-Security-Policy"]
    assert aws.calls == []
    assert client.post(link).headers["Location"] == SIGN_IN_URL
    assert client.post(link).status_code == 404
    assert client.get(link).status_code == 404


def test_a_link_survives_the_way_through_sign_in(client: Client, ben: Person, link: str) -> None:
    assert client.get(link).headers["Location"] == f"/sign-in/?next={link}"
