import logging
import tomllib
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings
from django.contrib.sessions.models import Session
from django.urls import reverse

from brokers.errors import AwsUnavailable
from portal.access.models import AwsSession, Grant, StsBudget
from portal.audit.models import AuditEvent
from portal.directory.models import Person
from tests.fakes import SECRET, TOKEN, FakeAws
from tests.world import make_grant, make_role, signed_in


def url_of(grant: Grant) -> str:
    return reverse("web:credentials", args=[grant.pk])


def test_they_are_shown_once_in_four_formats_and_kept_nowhere(
    ben: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = signed_in(ben)
    page = client.post(url_of(make_grant(ben)))
    assert page.status_code == 200
    assert "no-store" in page.headers["Cache-Control"]
    view = page.context["view"]
    assert [snippet.key for snippet in view.snippets] == ["bash", "powershell", "profile", "json"]
    assert all(SECRET in snippet.text and TOKEN in snippet.text for snippet in view.snippets)
    assert SECRET not in repr(view)
    kept = (
        Session.objects.get().get_decoded(),
        list(AwsSession.objects.values()),
        list(AuditEvent.objects.values()),
        caplog.text,
        client.cookies,
    )
    assert SECRET not in str(kept)
    assert TOKEN not in str(kept)
    assert SECRET.encode() not in client.get("/").content


def test_a_stand_in_names_its_address(ben: Person, settings: LazySettings) -> None:
    grant = make_grant(ben)
    plain = signed_in(ben).post(url_of(grant)).context["view"].snippets[0].text
    assert "AWS_ENDPOINT_URL" not in plain
    assert "AWS_REGION" not in plain
    settings.AWS_ENDPOINT_URL = "http://127.0.0.1:4566"
    settings.AWS_REGION = "eu-central-1"
    shown = signed_in(ben).post(url_of(grant)).context["view"].snippets[0].text
    assert "export AWS_ENDPOINT_URL='http://127.0.0.1:4566'" in shown
    assert "export AWS_REGION='eu-central-1'" in shown


@pytest.mark.parametrize(
    "title", ["Production read only", "[evil]\naws_access_key_id = x", "Прод", "a" * 120]
)
def test_a_profile_has_a_name_that_its_file_can_hold(ben: Person, title: str) -> None:
    grant = make_grant(ben, make_role(title=title))
    snippets = signed_in(ben).post(url_of(grant)).context["view"].snippets
    profile = next(snippet.text for snippet in snippets if snippet.key == "profile")
    heading = profile.splitlines()[0]
    assert heading.startswith("[production-")
    assert len(profile.splitlines()) == 4
    assert tomllib.loads(heading) != {}


def test_they_say_why_they_last_as_long_as_they_do(ben: Person) -> None:
    shown = signed_in(ben).post(url_of(make_grant(ben)))
    assert "AssumeRole" in shown.context["choice"].why
    assert "Until the grant" in shown.content.decode()


def test_a_grant_that_ends_while_aws_is_asked(ben: Person, aws: FakeAws) -> None:
    grant = make_grant(ben)

    def revoke() -> None:
        Grant.objects.filter(pk=grant.pk).update(state="revoked", ended_at=datetime.now(UTC))

    aws.before["assume_role"] = revoke
    answer = signed_in(ben).post(url_of(grant))
    assert answer.status_code == 409
    assert SECRET.encode() not in answer.content
    assert AwsSession.objects.get().state == "discarded"


def test_a_role_that_gives_none(ben: Person, aws: FakeAws) -> None:
    assert (
        signed_in(ben).post(url_of(make_grant(ben, make_role(allows_credentials=False)))).status_code == 403
    )
    assert aws.calls == []


def test_the_same_are_shown_while_they_are_good_and_new_ones_on_demand(ben: Person, aws: FakeAws) -> None:
    grant, client = make_grant(ben), signed_in(ben)
    first = client.post(url_of(grant))
    assert first.context["view"].issued is None
    assert b"Get new ones" not in first.content
    second = client.post(url_of(grant))
    assert second.context["view"].issued is not None
    assert b"Get new ones" in second.content
    assert aws.count("assume_role") == 1
    AwsSession.objects.update(asked_at=datetime.now(UTC) - timedelta(minutes=1))
    third = client.post(url_of(grant), {"fresh": "1"})
    assert third.context["view"].issued is None
    assert aws.count("assume_role") == 2
    client.post(url_of(grant), {"fresh": "1"})
    assert aws.count("assume_role") == 2, "those are new"


def test_who_comes_too_often_is_told_when_to_come_again(ben: Person, aws: FakeAws) -> None:
    role = make_role()
    first, second = make_grant(ben, role), make_grant(ben, role)
    aws.fail["assume_role"] = AwsUnavailable("sts:AssumeRole", "Throttling", throttled=True)
    client = signed_in(ben)
    assert client.post(url_of(first)).status_code == 503
    del aws.fail["assume_role"]
    StsBudget.objects.update(blocked_until=datetime.now(UTC) + timedelta(seconds=40))
    answer = client.post(url_of(second))
    assert answer.status_code == 503
    assert 30 < int(answer.headers["Retry-After"]) <= 40
    assert aws.count("assume_role") == 1
    StsBudget.objects.update(blocked_until=None, tokens=1, filled_at=datetime.now(UTC))
    assert client.post(url_of(second)).status_code == 200
