"""Who may do what at every endpoint: the rows are checked against the URLconf, so a missing one fails the build.

A row's key is its endpoint's name; one that answers two methods has a second row, with the method in its key.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from portal.access.models import AwsSession, ConsoleLink, CredentialToken, Grant
from portal.access.operations.credentials.credential_tokens import make_credential_token
from portal.api import urls_exchange, urls_partners
from portal.api.urls import urlpatterns
from portal.catalog.models import Entitlement
from portal.directory.models import ApiToken, Partner, Person
from tests.entitled import entitle, make_group
from tests.integration.api.calling import ALL_SCOPES, caller, make_token, problem, send, with_token
from tests.world import HOUR, as_actor, make_admin, make_grant, make_person, make_role, signed_in

pytestmark = pytest.mark.django_db
LATER = (datetime.now(UTC) + 5 * HOUR).isoformat()
METHODS = ("get", "post", "put", "patch", "delete", "options")
Scope = ApiToken.Scope


@dataclass(frozen=True)
class Row:
    """One method of an endpoint: the scope it needs, what it names, whose it is, what an accepted call sends.

    `names`: "grant", "partner", "entitlement" or nothing. `admin`: the permission of whoever may; none: the grant's
    own person.
    """

    method: str
    scope: Scope | None
    names: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    admin: str = ""

    @property
    def changes(self) -> bool:
        return self.method != "get"


REASON = {"reason": "left the project"}
MATRIX = {
    "me": Row("get", None),
    "schema": Row("get", None),
    "entitlements": Row("get", Scope.READ_GRANTS),
    "take": Row("post", Scope.TAKE_GRANTS, "entitlement", REASON | {"minutes": 30}, 201),
    "grants": Row("get", Scope.READ_GRANTS),
    "grants post": Row("post", Scope.MAKE_GRANTS, status=201, admin="make_grant"),
    "grant": Row("get", Scope.READ_GRANTS, "grant"),
    "grant-choice": Row("get", Scope.READ_GRANTS, "grant"),
    "grant-doctor": Row("get", Scope.READ_GRANTS, "grant"),
    "credentials": Row("post", Scope.ISSUE_CREDENTIALS, "grant", status=201),
    "credential-tokens": Row("get", Scope.CREDENTIAL_TOKENS, "grant"),
    "credential-tokens post": Row("post", Scope.CREDENTIAL_TOKENS, "grant", {"name": "pipeline"}, 201),
    "credential-token": Row("delete", Scope.CREDENTIAL_TOKENS, "grant", status=204),
    "console-links": Row("post", Scope.OPEN_CONSOLE, "grant", status=201),
    "extend": Row("post", Scope.MAKE_GRANTS, "grant", REASON | {"ends_at": LATER}, admin="make_grant"),
    "release": Row("post", Scope.RELEASE_GRANTS, "grant"),
    "revoke": Row("post", Scope.REVOKE_GRANTS, "grant", REASON, admin="revoke_grant"),
    "cut-sessions": Row("post", Scope.REVOKE_GRANTS, "grant", REASON, 409, admin="revoke_grant"),
    "revocation": Row("get", Scope.REVOKE_GRANTS, "grant", status=404, admin="revoke_grant"),
    "suspend": Row("post", Scope.SUSPEND_PARTNERS, "partner", REASON, admin="change_partner"),
    "resume": Row("post", Scope.SUSPEND_PARTNERS, "partner", REASON, 409, admin="change_partner"),
}
# These find nothing to do in a world where one grant is active: who may is told so, and nothing is changed.
IDLE = {"cut-sessions", "resume"}
# Answers 404 to everybody, whatever they ask: there is nothing to protect. test_partners_matrix.py and, of what
# anybody may call, test_exchange.py have the others.
ELSEWHERE = [*urls_partners.urlpatterns, *urls_exchange.urlpatterns]
OUTSIDE = {"nowhere"} | {str(pattern.name) for pattern in ELSEWHERE}
ROWS = [pytest.param(name, row, id=name) for name, row in MATRIX.items()]
SCOPED = [pytest.param(name, row, id=name) for name, row in MATRIX.items() if row.scope]
NAMING = [pytest.param(name, row, id=name) for name, row in MATRIX.items() if row.names]
ADMINS = [pytest.param(name, row, id=name) for name, row in MATRIX.items() if row.admin]
CHANGING = [pytest.param(name, row, id=name) for name, row in MATRIX.items() if row.changes]


@pytest.fixture
def grant(ben: Person) -> Grant:
    return make_grant(ben)


@pytest.fixture(autouse=True)
def program(grant: Grant, ben: Person) -> CredentialToken:
    """A token of Ben's grant."""
    return make_credential_token(grant_id=grant.pk, name="program", actor=as_actor(ben)).token


@pytest.fixture(autouse=True)
def offer(ben: Person) -> Entitlement:
    """What Ben's group may take."""
    return entitle(make_group(ben), make_role("Taken"))


@pytest.fixture(autouse=True)
def acme(partner: Partner) -> Partner:
    return partner


def holder(name: str, ben: Person) -> Person:
    """Return who may: the grant's own person, or an admin."""
    return make_admin(MATRIX[name].admin) if MATRIX[name].admin else ben


def address(name: str, named: uuid.UUID) -> str:
    """Return where it is; `named`: the grant's id, or of a partner or an entitlement whatever is no grant's."""
    row = MATRIX[name]
    if row.names == "partner" and Grant.objects.filter(pk=named).exists():
        named = Partner.objects.get().pk
    if row.names == "entitlement" and Grant.objects.filter(pk=named).exists():
        named = Entitlement.objects.get().pk
    arguments = [named] if row.names else []
    if name == "credential-token":
        arguments.append(CredentialToken.objects.get().pk)
    return reverse(f"api:{name.partition(' ')[0]}", args=arguments)


def body(name: str, grant: Grant) -> dict[str, Any]:
    if name != "grants post":
        return MATRIX[name].body
    who = make_person("Cleo Newcomer")
    return {"person": str(who.pk), "role": str(grant.role_id), "ends_at": LATER, "reason": "on call"}


def untouched(grant: Grant) -> bool:
    """Whether there is this one grant as it was, and nothing else that a call makes."""
    before = grant.ends_at
    grant.refresh_from_db()
    as_it_was = (grant.state, grant.ends_at, Grant.objects.count()) == ("active", before, 1)
    made = AwsSession.objects.exists() or ConsoleLink.objects.exists()
    same_tokens = [token.revoked_at for token in CredentialToken.objects.all()] == [None]
    return as_it_was and not made and same_tokens and Partner.objects.get().suspended_at is None


@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: str(pattern.name))
def test_every_endpoint_has_its_row(pattern: URLPattern) -> None:
    name = pattern.name or ""
    if name in OUTSIDE:
        return
    rows = [row for key, row in MATRIX.items() if key.partition(" ")[0] == name]
    assert rows, f"{name} stands in no row of the matrix"
    view: Any = pattern.callback
    for row in rows:
        writes = row.method == "post" and getattr(view.view_class, "write_scope", None)
        assert (writes or view.view_class.scope) == row.scope
        named = ("grant", "partner", "entitlement")
        assert row.names == next((n for n in named if f"{n}_id" in str(pattern.pattern)), "")
    assert [m for m in METHODS if hasattr(view.view_class, m) and m != "options"] == [
        row.method for row in rows
    ]


def test_the_matrix_has_no_row_of_an_endpoint_that_is_gone() -> None:
    assert {pattern.name for pattern in urlpatterns} == {key.partition(" ")[0] for key in MATRIX} | OUTSIDE


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_anonymous_is_asked_to_authenticate(name: str, row: Row, grant: Grant) -> None:
    answer = send(Client(), row.method, address(name, grant.pk), body(name, grant))
    problem(answer, 401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="sallyport"'
    assert untouched(grant)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_an_unknown_token_is_refused(name: str, row: Row, grant: Grant) -> None:
    answer = send(with_token("sp_made-up"), row.method, address(name, grant.pk), body(name, grant))
    problem(answer, 401, "invalid_token")
    assert 'error="invalid_token"' in answer["WWW-Authenticate"]
    assert untouched(grant)


@pytest.mark.parametrize(("name", "row"), SCOPED)
def test_the_other_scopes_do_not_do(name: str, row: Row, grant: Grant, ben: Person) -> None:
    others = [scope for scope in ALL_SCOPES if scope != row.scope]
    answer = send(caller(holder(name, ben), *others), row.method, address(name, grant.pk), body(name, grant))
    assert problem(answer, 403, "insufficient_scope")["scope"] == row.scope
    assert f'scope="{row.scope}"' in answer["WWW-Authenticate"]
    assert untouched(grant)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_the_one_scope_does(name: str, row: Row, grant: Grant, ben: Person) -> None:
    scope = row.scope or Scope.READ_GRANTS
    answer = send(caller(holder(name, ben), scope), row.method, address(name, grant.pk), body(name, grant))
    assert answer.status_code == row.status, answer.content
    assert "no-store" in answer["Cache-Control"]
    assert untouched(grant) != (row.changes and name not in IDLE)


@pytest.mark.parametrize(("name", "row"), ADMINS)
def test_an_admins_act_is_no_holders(name: str, row: Row, grant: Grant, ben: Person) -> None:
    answer = send(caller(ben), row.method, address(name, grant.pk), body(name, grant))
    assert answer.status_code in {403, 404}
    problem(answer, answer.status_code, "forbidden" if answer.status_code == 403 else "not_found")
    assert untouched(grant)


@pytest.mark.parametrize(("name", "row"), NAMING)
def test_anothers_is_as_none_at_all(name: str, row: Row, grant: Grant, mallory: Person) -> None:
    client = caller(mallory)
    anothers = problem(send(client, row.method, address(name, grant.pk), body(name, grant)), 404, "not_found")
    nones = problem(send(client, row.method, address(name, uuid.uuid4()), row.body), 404, "not_found")
    assert {**anothers, "request_id": ""} == {**nones, "request_id": ""}
    assert untouched(grant)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_other_methods_are_refused(name: str, row: Row, grant: Grant, ben: Person) -> None:
    client = caller(holder(name, ben))
    endpoint = name.partition(" ")[0]
    allowed = {other.method for key, other in MATRIX.items() if key.partition(" ")[0] == endpoint}
    for method in METHODS:
        if method not in allowed:
            answer = send(client, method, address(name, grant.pk), body(name, grant))
            problem(answer, 405, "method_not_allowed")
            assert row.method.upper() in answer["Allow"]
    assert untouched(grant)


@pytest.mark.parametrize(("name", "row"), CHANGING)
def test_a_browser_needs_its_csrf_token(name: str, row: Row, grant: Grant, ben: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(holder(name, ben))
    problem(send(client, row.method, address(name, grant.pk), body(name, grant)), 403, "csrf_failed")
    assert untouched(grant)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_a_signed_in_browser_does(name: str, row: Row, grant: Grant, ben: Person) -> None:
    answer = send(signed_in(holder(name, ben)), row.method, address(name, grant.pk), body(name, grant))
    assert answer.status_code == row.status, answer.content


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_a_token_dies_with_its_persons_activity(name: str, row: Row, grant: Grant, ben: Person) -> None:
    person = holder(name, ben)
    token = make_token(person)
    Person.objects.filter(pk=person.pk).update(is_active=False, deactivated_at=grant.made_at)
    answer = send(with_token(token), row.method, address(name, grant.pk), body(name, grant))
    problem(answer, 401, "invalid_token")
    assert untouched(grant)
