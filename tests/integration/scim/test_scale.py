"""A larger company: made, listed and filtered one request after the other, with a fixed number of statements."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.directory.models import ScimUser
from tests.integration.scim.calling import Scim

pytestmark = [pytest.mark.django_db, pytest.mark.soak, pytest.mark.timeout(600)]
MANY = 2_000


def test_two_thousand_users(scim: Scim) -> None:
    for number in range(MANY):
        given = {"familyName": f"Family {number}", "givenName": "Given"}
        scim.user(f"user{number}@example.com", externalId=f"e{number}", name=given, emails=[
            {"value": f"user{number}@example.com", "type": "work", "primary": True}
        ])  # fmt: skip
    statements = set()
    seen: set[str] = set()
    for start in range(1, MANY, 200):
        with CaptureQueriesContext(connection) as captured:
            page = scim.get("Users", startIndex=start, count=200, sortBy="userName").json()
        # That the token was used is noted once a minute.
        statements.add(sum(query["sql"].startswith("SELECT") for query in captured))
        seen.update(user["id"] for user in page["Resources"])
    assert len(seen) == MANY
    assert len(statements) == 1
    for number in range(0, MANY, 100):
        assert len(scim.names(filter=f'userName eq "USER{number}@example.com"')) == 1
    for number in range(0, MANY, 500):
        text = f'emails[type eq "work"].value eq "user{number}@example.com"'
        assert len(scim.names(filter=text)) == 1
    ids = list(ScimUser.objects.values_list("pk", flat=True))
    group = scim.group("everybody")
    for start in range(0, MANY, 1000):
        members = [{"value": str(one)} for one in ids[start : start + 1000]]
        add = {"op": "add", "path": "members", "value": members}
        assert scim.patch(f"Groups/{group['id']}", add).status_code == 204
    assert len(scim.get(f"Groups/{group['id']}").json()["members"]) == MANY
    scim.patch(f"Groups/{group['id']}", {"op": "replace", "path": "members", "value": []})
    assert "members" not in scim.get(f"Groups/{group['id']}").json()
