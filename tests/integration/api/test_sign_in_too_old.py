"""A program whose person's sign-in is too old is told where the person signs in, and then it works at once."""

from datetime import UTC, datetime

import pytest
from django.conf import LazySettings
from django.urls import reverse

from portal.directory.models import ExternalIdentity, Person
from tests.integration.api.calling import caller, problem, send
from tests.world import make_grant

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("door", ["credentials", "console-links"])
def test_the_problem_names_the_address_to_sign_in_at(ben: Person, door: str, settings: LazySettings) -> None:
    settings.PORTAL_URL = "https://sallyport.example.test"
    address, client = reverse(f"api:{door}", args=[make_grant(ben).pk]), caller(ben)
    assert send(client, "post", address).status_code == 201
    ExternalIdentity.objects.filter(person=ben).update(confirmed_at=datetime(2025, 1, 1, tzinfo=UTC))
    told = problem(send(client, "post", address), 403, "sign_in_too_old")
    assert told["sign_in_url"] == "https://sallyport.example.test/sign-in/?again=1"
    assert "older than 90 days: sign in again at The tests" in told["detail"]
    assert send(client, "get", reverse("api:grants")).status_code == 200, "reading goes on"
    ExternalIdentity.objects.filter(person=ben).update(confirmed_at=datetime.now(UTC))
    assert send(client, "post", address).status_code == 201
