"""Who may do what at every endpoint: the rows are checked against the URLconf, so a missing one fails the build."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from portal.access.models import AwsSession, ConsoleLink, Grant
from portal.api.urls import urlpatterns
from portal.directory.models import ApiToken, Person
from tests.integration.api.calling import ALL_SCOPES, caller, make_token, problem, send, with_token
from tests.world import make_admin, make_grant, signed_in

pytestmark = pytest.mark.django_db
METHODS = ("get", "post", "put", "patch", "delete", "options")
Scope = ApiToken.Scope


@dataclass(frozen=True)
class Row:
    """One endpoint: its only method, the scope it needs, whether it names a grant, what an accepted call sends."""

    method: str
    scope: Scope | None
    of_grant: bool = False
    body: dict[str, Any] = field(default_factory=dict)
    status: int = 200

    @property
    def changes(self) -> bool:
        return self.method != "get"


MATRIX = {
    "me": Row("get", None),
    "schema": Row("get", None),
    "grants": Row("get", Scope.READ_GRANTS),
    "grant": Row("get", Scope.READ_GRANTS, of_grant=True),
    "credentials": Row("post", Scope.ISSUE_CREDENTIALS, of_grant=True, status=201),
    "console-links": Row("post", Scope.OPEN_CONSOLE, of_grant=True, status=201),
    "revoke": Row("post", Scope.REVOKE_GRANTS, of_grant=True, body={"reason": "left the project"}),
}
# Answers 404 to everybody, whatever they ask: there is nothing to protect.
OUTSIDE = {"nowhere"}
ROWS = [pytest.param(name, row, id=name) for name, row in MATRIX.items()]
SCOPED = [pytest.param(name, row, id=name) for name, row in MATRIX.items() if row.scope]
OF_GRANT = [pytest.param(name, row, id=name) for name, row in MATRIX.items() if row.of_grant]
CHANGING = [pytest.param(name, row, id=name) for name, row in MATRIX.items() if row.changes]


@pytest.fixture
def grant(ben: Person) -> Grant:
    return make_grant(ben)


def holder(name: str, ben: Person) -> Person:
    """Return who may: the grant's own person, but for revoking, which is an admin's."""
    return make_admin("revoke_grant") if name == "revoke" else ben


def address(name: str, grant_id: uuid.UUID) -> str:
    return reverse(f"api:{name}", args=[grant_id] if MATRIX[name].of_grant else [])


def untouched(grant: Grant) -> bool:
    grant.refresh_from_db()
    return grant.state == "active" and not AwsSession.objects.exists() and not ConsoleLink.objects.exists()


@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: str(pattern.name))
def test_every_endpoint_has_its_row(pattern: URLPattern) -> None:
    name = pattern.name or ""
    if name in OUTSIDE:
        return
    assert name in MATRIX, f"{name} stands in no row of the matrix"
    view: Any = pattern.callback
    assert view.view_class.scope == MATRIX[name].scope
    assert [m for m in METHODS if hasattr(view.view_class, m) and m != "options"] == [MATRIX[name].method]
    assert MATRIX[name].of_grant == ("grant_id" in str(pattern.pattern))


def test_the_matrix_has_no_row_of_an_endpoint_that_is_gone() -> None:
    assert {pattern.name for pattern in urlpatterns} == set(MATRIX) | OUTSIDE


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_anonymous_is_asked_to_authenticate(name: str, row: Row, grant: Grant) -> None:
    answer = send(Client(), row.method, address(name, grant.pk), row.body)
    problem(answer, 401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="sallyport"'
    assert untouched(grant)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_an_unknown_token_is_refused(name: str, row: Row, grant: Grant) -> None:
    answer = send(with_token("sp_made-up"), row.method, address(name, grant.pk), row.body)
    problem(answer, 401, "invalid_token")
    assert 'error="invalid_token"' in answer["WWW-Authenticate"]
    assert untouched(grant)


@pytest.mark.parametrize(("name", "row"), SCOPED)
def test_the_other_scopes_do_not_do(name: str, row: Row, grant: Grant, ben: Person) -> None:
    others = [scope for scope in ALL_SCOPES if scope != row.scope]
    answer = send(caller(holder(name, ben), *others), row.method, address(name, grant.pk), row.body)
    assert problem(answer, 403, "insufficient_scope")["scope"] == row.scope
    assert f'scope="{row.scope}"' in answer["WWW-Authenticate"]
    assert untouched(grant)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_the_one_scope_does(name: str, row: Row, grant: Grant, ben: Person) -> None:
    scope = row.scope or Scope.READ_GRANTS
    answer = send(caller(holder(name, ben), scope), row.method, address(name, grant.pk), row.body)
    assert answer.status_code == row.status, answer.content
    assert "no-store" in answer["Cache-Control"]
    assert untouched(grant) != row.changes


@pytest.mark.parametrize(("name", "row"), OF_GRANT)
def test_anothers_grant_is_as_none_at_all(name: str, row: Row, grant: Grant, mallory: Person) -> None:
    client = caller(mallory)
    anothers = problem(send(client, row.method, address(name, grant.pk), row.body), 404, "not_found")
    nones = problem(send(client, row.method, address(name, uuid.uuid4()), row.body), 404, "not_found")
    assert {**anothers, "request_id": ""} == {**nones, "request_id": ""}
    assert untouched(grant)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_other_methods_are_refused(name: str, row: Row, grant: Grant, ben: Person) -> None:
    client = caller(holder(name, ben))
    for method in METHODS:
        if method != row.method:
            answer = send(client, method, address(name, grant.pk), row.body)
            problem(answer, 405, "method_not_allowed")
            assert row.method.upper() in answer["Allow"]
    assert untouched(grant)


@pytest.mark.parametrize(("name", "row"), CHANGING)
def test_a_browser_needs_its_csrf_token(name: str, row: Row, grant: Grant, ben: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(holder(name, ben))
    problem(send(client, row.method, address(name, grant.pk), row.body), 403, "csrf_failed")
    assert untouched(grant)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_a_signed_in_browser_does(name: str, row: Row, grant: Grant, ben: Person) -> None:
    answer = send(signed_in(holder(name, ben)), row.method, address(name, grant.pk), row.body)
    assert answer.status_code == row.status, answer.content


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_a_token_dies_with_its_persons_activity(name: str, row: Row, grant: Grant, ben: Person) -> None:
    person = holder(name, ben)
    token = make_token(person)
    Person.objects.filter(pk=person.pk).update(is_active=False, deactivated_at=grant.made_at)
    answer = send(with_token(token), row.method, address(name, grant.pk), row.body)
    problem(answer, 401, "invalid_token")
    assert untouched(grant)
