"""A company of 10,000: made, listed and filtered one request after the other, with a fixed number of statements."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.directory.models import ScimUser
from tests.integration.scim.calling import Scim

pytestmark = [pytest.mark.django_db, pytest.mark.thorough, pytest.mark.timeout(1200)]
MANY = 10_000


@contextmanager
def timed(what: str, *, at_most: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    print(f"{what}: {took:.1f} s")  # noqa: T201  # figures of a measurement
    assert took < at_most, f"{what} took {took:.1f} s"


def test_ten_thousand_users(scim: Scim) -> None:
    with timed("10,000 users made", at_most=900):
        for number in range(MANY):
            given = {"familyName": f"Family {number}", "givenName": "Given"}
            scim.user(f"user{number}@example.com", externalId=f"e{number}", name=given, emails=[
                {"value": f"user{number}@example.com", "type": "work", "primary": True}
            ])  # fmt: skip
    statements = set()
    seen: set[str] = set()
    with timed("10,000 users listed, 200 a page", at_most=60):
        for start in range(1, MANY, 200):
            with CaptureQueriesContext(connection) as captured:
                page = scim.get("Users", startIndex=start, count=200, sortBy="userName").json()
            statements.add(len(captured))
            seen.update(user["id"] for user in page["Resources"])
    assert len(seen) == MANY
    assert len(statements) == 1
    with timed("100 users found by userName", at_most=15):
        for number in range(0, MANY, 100):
            assert len(scim.names(filter=f'userName eq "USER{number}@example.com"')) == 1
    with timed("20 users found by e-mail", at_most=15):
        for number in range(0, MANY, 500):
            text = f'emails[type eq "work"].value eq "user{number}@example.com"'
            assert len(scim.names(filter=text)) == 1
    ids = list(ScimUser.objects.values_list("pk", flat=True))
    group = scim.group("everybody")
    with timed("10,000 members joined, 1,000 a request", at_most=60):
        for start in range(0, MANY, 1000):
            members = [{"value": str(one)} for one in ids[start : start + 1000]]
            add = {"op": "add", "path": "members", "value": members}
            assert scim.patch(f"Groups/{group['id']}", add).status_code == 204
    with timed("a group of 10,000 read", at_most=10):
        assert len(scim.get(f"Groups/{group['id']}").json()["members"]) == MANY
    with timed("10,000 members replaced by none", at_most=60):
        scim.patch(f"Groups/{group['id']}", {"op": "replace", "path": "members", "value": []})
