"""Who may do what at every endpoint about partners: checked against the URLconf, so a missing row fails the build.

A company's own admin reads what is their company's and changes nothing; another company's hears that it isn't there.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from portal.access.models import ExternalId, Grant, PartnerRole, RoleDrift
from portal.api.urls_partners import urlpatterns
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsAccount, ScopeTemplate
from portal.directory.models import ApiToken, Partner, PartnerAccount, Person
from tests.fakes import FakeAws
from tests.integration.api.calling import ALL_SCOPES, caller, make_token, problem, send, with_token
from tests.partners import account_grant, make_partner, make_partner_admin, partner_account
from tests.world import HOUR, make_admin, make_person, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.thorough]
METHODS = ("get", "post", "put", "patch", "delete", "options")
PROVISIONER = "arn:aws:iam::222222222222:role/provisioner"
Scope = ApiToken.Scope


@dataclass(frozen=True)
class Row:
    """One method of an endpoint. `names`: whose id stands in it. `rights`: an admin's who may.

    `company`: what a company's own admin is answered; `none`: what somebody with no right is.
    """

    method: str
    scope: Scope
    rights: tuple[str, ...]
    names: str = ""
    status: int = 200
    company: int = 403
    none: int = 403

    @property
    def changes(self) -> bool:
        return self.method == "post" and self.status in {200, 201}


READ, WRITE, MAKE = Scope.READ_PARTNERS, Scope.WRITE_PARTNERS, Scope.MAKE_GRANTS
SEE, CHANGE = ("view_partner",), ("change_partner",)
MATRIX = {
    "partners": Row("get", READ, SEE, company=200),
    "partners post": Row("post", WRITE, ("add_partner", "change_partner"), status=201),
    "partner": Row("get", READ, SEE, "partner", company=200, none=404),
    "partner-accounts": Row("get", READ, SEE, "partner", company=200, none=404),
    "partner-accounts post": Row("post", WRITE, CHANGE, "partner", status=201, company=404, none=404),
    "partner-grants": Row("get", READ, SEE, "partner", company=200, none=404),
    "partner-account": Row("get", READ, SEE, "partner_account", company=200, none=404),
    "close-partner-account": Row("post", WRITE, CHANGE, "partner_account", company=404, none=404),
    "rotate-external-id": Row("post", WRITE, CHANGE, "partner_account", company=404, none=404),
    "make-partner-grant": Row("post", MAKE, ("make_grant",), status=201),
    "preview-partner-grant": Row("post", MAKE, ("make_grant",)),
    "drifts": Row("get", READ, SEE),
    "repair-drift": Row("post", WRITE, ("view_partner", "revoke_grant"), "drift"),
    "accept-drift": Row("post", WRITE, ("view_partner", "change_partner"), "drift"),
    "doctor": Row("post", READ, ("view_grant",), company=200),
    "scopes": Row("get", READ, SEE),
    "lint-scope": Row("post", READ, SEE),
}
# These look, and write an audit row at most.
LOOKING = {"preview-partner-grant", "doctor", "lint-scope"}
ROWS = [pytest.param(name, row, id=name) for name, row in MATRIX.items()]
NAMING = [pytest.param(name, row, id=name) for name, row in MATRIX.items() if row.names]
POSTS = [pytest.param(name, row, id=name) for name, row in MATRIX.items() if row.method == "post"]


@dataclass(frozen=True)
class World:
    acme: Partner
    account: PartnerAccount
    grant: Grant
    drift: RoleDrift
    sponsor: Person

    @property
    def ours(self) -> AwsAccount:
        return self.grant.role.account


@pytest.fixture
def world(aws: FakeAws) -> World:
    del aws
    acme = make_partner("Acme")
    account = partner_account(acme)
    grant = account_grant(account)
    AwsAccount.objects.update(provisioner_role_arn=PROVISIONER)
    ScopeTemplate.objects.update(for_partners=True)
    now = datetime.now(UTC)
    drift = RoleDrift.objects.create(
        account=grant.role.account,
        partner_role=PartnerRole.objects.get(grant=grant),
        role_name=grant.role.name,
        part="trust",
        kind="changed",
        why="Somebody changed it.",
        digest="0" * 64,
        state="open",
        found_at=now,
        seen_at=now,
    )
    return World(acme, account, Grant.objects.get(pk=grant.pk), drift, make_person("Sam Sponsor"))


def address(name: str, world: World, *, named: uuid.UUID | None = None) -> str:
    known = {"partner": world.acme.pk, "partner_account": world.account.pk, "drift": world.drift.pk}
    row = MATRIX[name]
    return reverse(f"api:{name.partition(' ')[0]}", args=[named or known[row.names]] if row.names else [])


def body(name: str, world: World) -> dict[str, Any]:
    later = (datetime.now(UTC) + 5 * HOUR).isoformat()
    grant = {
        "partner_account": str(world.account.pk),
        "account": str(world.ours.pk),
        "scope_template": str(world.grant.scope_template_id),
        "ends_at": later,
        "reason": "A joint project",
    }
    bodies: dict[str, dict[str, Any]] = {
        "partners post": {
            "name": "Beta",
            "sponsor": str(world.sponsor.pk),
            "contract_starts_at": datetime.now(UTC).isoformat(),
            "contract_ends_at": later,
            "account": {"name": "Production", "account_id": "444444444444"},
        },
        "partner-accounts post": {"name": "Test", "account_id": "5555-5555-5555"},
        "make-partner-grant": grant,
        "preview-partner-grant": grant,
        "doctor": {"role_arn": world.grant.role.arn, "partner_account_number": "777777777777"},
        "lint-scope": {"account": str(world.ours.pk), "policy": world.grant.scope_policy},
        "rotate-external-id": {"reason": "as each year", "overlap_seconds": 3600},
    }
    return bodies.get(name, {"reason": "it was agreed"})


def call(client: Client, name: str, world: World, *, named: uuid.UUID | None = None) -> Any:
    row = MATRIX[name]
    sent = body(name, world) if row.method == "post" else None
    return send(client, row.method, address(name, world, named=named), sent)


def state() -> list[object]:
    """What a refused call must leave as it was."""
    return [
        *Partner.objects.order_by("pk").values_list("pk", "suspended_at"),
        *PartnerAccount.objects.order_by("pk").values_list("pk", "closed_at"),
        *ExternalId.objects.order_by("pk").values_list("pk", "accepted_until"),
        *Grant.objects.order_by("pk").values_list("pk", "state"),
        *PartnerRole.objects.order_by("pk").values_list("pk", "wanted"),
        *RoleDrift.objects.order_by("pk").values_list("pk", "state"),
    ]


def holder(name: str) -> Person:
    return make_admin(*MATRIX[name].rights)


@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: str(pattern.name))
def test_every_endpoint_has_its_row(pattern: URLPattern) -> None:
    rows = [row for key, row in MATRIX.items() if key.partition(" ")[0] == pattern.name]
    assert rows, f"{pattern.name} stands in no row of the matrix"
    view: Any = pattern.callback
    for row in rows:
        writes = row.method == "post" and getattr(view.view_class, "write_scope", None)
        assert (writes or view.view_class.scope) == row.scope
        named = ("partner_account", "partner", "drift")
        assert row.names == next((n for n in named if f"{n}_id" in str(pattern.pattern)), "")
    assert [m for m in METHODS if hasattr(view.view_class, m) and m != "options"] == [
        row.method for row in rows
    ]


def test_the_matrix_has_no_row_of_an_endpoint_that_is_gone() -> None:
    assert {pattern.name for pattern in urlpatterns} == {key.partition(" ")[0] for key in MATRIX}


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_anonymous_is_asked_to_authenticate(name: str, row: Row, world: World) -> None:
    del row
    before = state()
    problem(call(Client(), name, world), 401, "not_authenticated")
    assert state() == before


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_the_one_scope_does_and_the_others_do_not(name: str, row: Row, world: World) -> None:
    before, admin = state(), holder(name)
    others = [scope for scope in ALL_SCOPES if scope != row.scope]
    refused = problem(call(caller(admin, *others), name, world), 403, "insufficient_scope")
    assert refused["scope"] == row.scope
    assert state() == before
    answer = call(caller(admin, row.scope), name, world)
    assert answer.status_code == row.status, answer.content
    assert "no-store" in answer["Cache-Control"]
    assert (state() != before) == (row.changes and name not in LOOKING)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_each_right_is_needed(name: str, row: Row, world: World) -> None:
    before = state()
    for missing in row.rights:
        rest = [right for right in row.rights if right != missing]
        answer = call(caller(make_admin(*rest)), name, world)
        assert answer.status_code in {403, 404}, (missing, answer.content)
    assert state() == before


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_somebody_without_a_right_is_refused(name: str, row: Row, world: World) -> None:
    before = state()
    colleague = make_person("Cleo Colleague", partner=world.acme)
    for person in (make_person("Nobody Much"), colleague):
        code = "not_found" if row.none == 404 else "forbidden"
        problem(call(caller(person), name, world), row.none, code)
    assert state() == before


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_a_companys_own_admin_reads_and_changes_nothing(name: str, row: Row, world: World) -> None:
    before = state()
    answer = call(caller(make_partner_admin(world.acme)), name, world)
    assert answer.status_code == row.company, answer.content
    assert state() == before


@pytest.mark.parametrize(("name", "row"), NAMING)
def test_anothers_is_as_none_at_all(name: str, row: Row, world: World) -> None:
    other = caller(make_partner_admin(make_partner("Beta"), "Bo Beta"))
    before = state()
    theirs, nobodys = call(other, name, world), call(other, name, world, named=uuid.uuid4())
    assert theirs.status_code == nobodys.status_code == row.none
    assert {**theirs.json(), "request_id": ""} == {**nobodys.json(), "request_id": ""}
    assert state() == before


@pytest.mark.parametrize(("name", "row"), NAMING)
def test_what_is_not_there_is_not_found(name: str, row: Row, world: World) -> None:
    del row
    problem(call(caller(holder(name)), name, world, named=uuid.uuid4()), 404, "not_found")


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_other_methods_are_refused(name: str, row: Row, world: World) -> None:
    client, endpoint = caller(holder(name)), name.partition(" ")[0]
    allowed = {other.method for key, other in MATRIX.items() if key.partition(" ")[0] == endpoint}
    before = state()
    for method in METHODS:
        if method not in allowed:
            answer = send(client, method, address(name, world), body(name, world))
            problem(answer, 405, "method_not_allowed")
            assert row.method.upper() in answer["Allow"]
    assert state() == before


@pytest.mark.parametrize(("name", "row"), POSTS)
def test_a_browser_needs_its_csrf_token(name: str, row: Row, world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(holder(name))
    before = state()
    problem(call(client, name, world), 403, "csrf_failed")
    assert state() == before
    assert call(signed_in(holder(name)), name, world).status_code == row.status


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_a_token_dies_with_its_persons_activity(name: str, row: Row, world: World) -> None:
    del row
    person = holder(name)
    token = make_token(person)
    Person.objects.filter(pk=person.pk).update(is_active=False, deactivated_at=datetime.now(UTC))
    before = state()
    problem(call(with_token(token), name, world), 401, "invalid_token")
    assert state() == before


@pytest.mark.parametrize(("name", "row"), POSTS)
def test_rubbish_is_refused_as_input(name: str, row: Row, world: World) -> None:
    if name in {"doctor", "lint-scope"}:
        return
    before, rows = state(), AuditEvent.objects.count()
    client = caller(holder(name))
    rows = AuditEvent.objects.count()
    answer = send(client, row.method, address(name, world), {"reason": "", "ends_at": "soon", "name": ""})
    problem(answer, 400, "invalid")
    assert (state(), AuditEvent.objects.count()) == (before, rows)
