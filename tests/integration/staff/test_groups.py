"""Groups and what they give: own groups are the admins' to fill, and whoever is taken out loses what it gave."""

from typing import Any

import pytest
from django.test import Client

from portal.access.models import Grant
from portal.catalog.models import AwsRole, Entitlement, ScopeTemplate
from portal.directory.models import Group, IdentityProvider, Person
from tests.integration.staff.pages import errors_of, fields_of, said, save, trail
from tests.world import make_admin, make_grant, make_role, signed_in

pytestmark = pytest.mark.django_db
ENTITLEMENTS = "/manage/catalog/entitlement/"
GROUP_RIGHTS = [
    f"{verb}_{model}"
    for verb in ("view", "add", "change", "delete")
    for model in ("group", "groupmembership")
]


@pytest.fixture
def client(root: Person) -> Client:
    return signed_in(root)


@pytest.fixture
def operators(ben: Person, mallory: Person) -> Group:
    group = Group.objects.create(name="Operators")
    group.members.add(ben, mallory)
    return group


def address(group: Group) -> str:
    return f"/manage/directory/group/{group.pk}/change/"


def take(person: Person, group: Group) -> Grant:
    role = make_role()
    entitlement = Entitlement.objects.create(group=group, role=role)
    return make_grant(person, role, entitlement=entitlement)


def take_out(client: Client, group: Group, person: Person) -> Any:
    sent = fields_of(client.get(address(group)))
    [number] = [
        name.split("-")[1]
        for name, value in sent.items()
        if name.endswith("-id") and value == member(group, person)
    ]
    return client.post(address(group), {**sent, f"memberships-{number}-DELETE": "on"}, follow=True)


def member(group: Group, person: Person) -> Any:
    return group.memberships.get(person=person).pk


def state(grant: Grant) -> str:
    grant.refresh_from_db()
    return grant.state


def test_whoever_is_taken_out_loses_what_the_group_gave(
    client: Client, operators: Group, ben: Person, mallory: Person
) -> None:
    theirs, given, neighbours = take(ben, operators), make_grant(ben), take(mallory, operators)
    page = take_out(client, operators, ben)
    assert [person.name for person in operators.members.all()] == [mallory.name]
    assert [state(grant) for grant in (theirs, given, neighbours)] == ["suspended", "active", "active"]
    assert "Grants ended with their leaving: 1" in said(page)
    [row] = trail("directory.person.groups_changed")
    assert (row.person_id, row.details["left"]) == (ben.pk, ["Operators"])
    assert trail("access.grant.suspended")[0].grant_id == theirs.pk


def test_both_or_neither(
    operators: Group, ben: Person, root: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = take(ben, operators)

    def fails(**_: object) -> int:
        raise RuntimeError("the grants can't be ended")

    monkeypatch.setattr("portal.identity.operations.own_groups.end_what_groups_gave", fails)
    client = Client(raise_request_exception=False)
    client.force_login(root)
    assert take_out(client, operators, ben).status_code == 500
    assert operators.members.filter(pk=ben.pk).exists()
    assert state(grant) == "active"


def test_nobody_is_put_in_anothers_place(client: Client, operators: Group, ben: Person, root: Person) -> None:
    sent = fields_of(client.get(address(operators)))
    forged = {f"memberships-{number}-person": str(root.pk) for number in (0, 1)}
    assert client.post(address(operators), {**sent, **forged}).status_code == 302
    assert not operators.members.filter(pk=root.pk).exists()
    assert operators.members.filter(pk=ben.pk).exists()


@pytest.mark.parametrize("superuser", [True, False])
def test_nobody_puts_themselves_in(operators: Group, person: Any, superuser: bool) -> None:
    admin = make_admin(*GROUP_RIGHTS, name="Carl Clerk")
    Person.objects.filter(pk=admin.pk).update(is_superuser=superuser)
    client, other = signed_in(admin), person("Dora Neu")

    def put_in(who: Person) -> dict[str, list[str]]:
        total = {"memberships-TOTAL_FORMS": str(operators.members.count() + 1)}
        number = operators.members.count()
        return errors_of(
            save(client, address(operators), **total, **{f"memberships-{number}-person": str(who.pk)})
        )

    assert put_in(admin) == {"memberships": ["Nobody puts themselves into a group: ask another admin."]}
    assert put_in(other) == {}
    assert set(operators.members.values_list("name", flat=True)) >= {other.name}
    assert not operators.members.filter(pk=admin.pk).exists()
    assert trail("directory.person.groups_changed")[-1].details["joined"] == ["Operators"]


def test_a_providers_groups_are_as_it_says(client: Client, ben: Person, mallory: Person) -> None:
    provider = IdentityProvider.objects.create(slug="own", name="Own")
    group = Group.objects.create(name="Theirs", provider=provider)
    group.members.add(ben)
    grant = take(ben, group)
    page = client.get(address(group))
    assert page.status_code == 200
    assert "Ben Lindqvist" in page.content.decode()
    sent = {
        "name": "Ours",
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": str(member(group, ben)),
        "memberships-0-DELETE": "on",
    }
    assert client.post(address(group), sent).status_code == 403
    assert client.post(f"/manage/directory/group/{group.pk}/delete/", {"post": "yes"}).status_code == 403
    group.refresh_from_db()
    assert (group.name, list(group.members.all()), state(grant)) == ("Theirs", [ben], "active")


def test_a_group_that_gives_something_is_not_deleted(client: Client, operators: Group, ben: Person) -> None:
    take(ben, operators)
    delete = f"/manage/directory/group/{operators.pk}/delete/"
    assert "Cannot delete group" in client.post(delete, {"post": "yes"}).content.decode()
    Grant.objects.all().delete()
    Entitlement.objects.all().delete()
    assert client.post(delete, {"post": "yes"}).status_code == 302
    assert not Group.objects.exists()
    assert len(trail("directory.person.groups_changed")) == 2


@pytest.fixture
def entitle(client: Client, operators: Group, role: AwsRole) -> Any:
    def add(as_: Client = client, **changes: str) -> Any:
        sent = {
            "group": str(operators.pk),
            "role": str(role.pk),
            "longest_minutes": "480",
            "is_enabled": "on",
            **changes,
        }
        return as_.post(f"{ENTITLEMENTS}add/", sent, follow=True)

    return add


def errors(page: Any) -> dict[str, list[str]]:
    return {} if page.redirect_chain else errors_of(page)


def test_an_entitlement_is_checked_as_taking_will_be(
    entitle: Any, template: ScopeTemplate, client: Client
) -> None:
    other = ScopeTemplate.objects.create(
        name="Other", summary="x", policy=template.policy, parameters=template.parameters
    )
    scope = {"scope_template": str(template.pk)}
    refused = [
        {"longest_minutes": "14"},
        {"longest_minutes": "43201"},
        {"scope_parameters": "bucket = acme-reports"},
        {"scope_template": str(other.pk), "scope_parameters": "bucket = acme-reports"},
        scope,
        {**scope, "scope_parameters": "bucket = *"},
        {**scope, "scope_parameters": "bucket = acme-reports\nregion = x"},
        {**scope, "scope_parameters": "bucket"},
    ]
    fields = [
        *("longest_minutes", "longest_minutes", "scope_parameters", "scope_template"),
        *["scope_parameters"] * 4,
    ]
    assert [next(iter(errors(entitle(**changed)))) for changed in refused] == fields
    assert not Entitlement.objects.exists()
    assert errors(entitle(**scope, scope_parameters="bucket = acme-reports")) == {}
    made = Entitlement.objects.get()
    assert made.scope_parameters == {"bucket": "acme-reports"}
    assert trail("staff.record.added")[-1].details["record"] == "entitlement"
    assert (
        fields_of(client.get(f"{ENTITLEMENTS}{made.pk}/change/"))["scope_parameters"]
        == "bucket = acme-reports"
    )


def test_a_role_that_needs_a_scope_is_not_given_without(
    entitle: Any, make_role: Any, template: ScopeTemplate
) -> None:
    narrow = make_role("Narrow", requires_scope=True)
    template.roles.add(narrow)
    assert set(errors(entitle(role=str(narrow.pk)))) == {"scope_template"}
    scope = {"scope_template": str(template.pk), "scope_parameters": "bucket = acme-reports"}
    assert errors(entitle(role=str(narrow.pk), **scope)) == {}


def test_no_kill_switch_is_accepted_and_warned_of(entitle: Any, make_role: Any) -> None:
    uncut = str(make_role("Uncut", is_writable=False).pk)
    assert "no kill switch" in errors(entitle(role=uncut))["accepts_no_kill_switch"][0]
    assert "nothing to accept" in errors(entitle(accepts_no_kill_switch="on"))["accepts_no_kill_switch"][0]
    assert "nothing cuts its sessions short" in said(entitle(role=uncut, accepts_no_kill_switch="on"))
    page = entitle()
    assert errors(page) == {}
    assert "nothing cuts" not in said(page)


@pytest.mark.parametrize("superuser", [True, False])
def test_nobody_entitles_a_group_that_they_are_in(entitle: Any, operators: Group, superuser: bool) -> None:
    rights = [f"{verb}_entitlement" for verb in ("view", "add", "change")]
    admin = make_admin(*rights, name="Carl Clerk")
    Person.objects.filter(pk=admin.pk).update(is_superuser=superuser)
    operators.members.add(admin)
    client = signed_in(admin)
    assert "You are in this group" in errors(entitle(client))["__all__"][0]
    assert not Entitlement.objects.exists()
    assert errors(entitle()) == {}
    page = f"{ENTITLEMENTS}{Entitlement.objects.get().pk}/change/"
    assert "__all__" in errors_of(save(client, page, longest_minutes="900"))
    assert errors_of(save(client, page, is_enabled=None)) == {}
    assert "__all__" in errors_of(save(client, page, is_enabled="on"))
    operators.members.remove(admin)
    assert errors_of(save(client, page, is_enabled="on")) == {}


def test_what_was_taken_stays_its_groups(client: Client, operators: Group, ben: Person) -> None:
    """Else whoever leaves the group would keep it."""
    entitlement = take(ben, operators).entitlement
    assert entitlement
    other = Group.objects.create(name="Other")
    page = f"{ENTITLEMENTS}{entitlement.pk}/change/"
    assert (
        errors_of(save(client, page, group=str(other.pk), role=str(make_role().pk), longest_minutes="60"))
        == {}
    )
    before = entitlement.role_id
    entitlement.refresh_from_db()
    assert (entitlement.group, entitlement.role_id, entitlement.longest_minutes) == (operators, before, 60)
    Grant.objects.all().delete()
    assert errors_of(save(client, page, group=str(other.pk))) == {}
    entitlement.refresh_from_db()
    assert entitlement.group == other
