"""Cutting off everybody on a role: the victims by name before the button, and nobody else may."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.access.models import DenyDocument, Grant
from portal.access.operations.running.hold import enter_hold
from portal.catalog.models import AwsRole
from portal.directory.models import Person
from tests.unit.access.differences_world import SHELL
from tests.world import add_session, make_admin, make_grant, make_person, make_role, signed_in

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture
def role(db: None) -> AwsRole:
    return make_role("Deployer")


@pytest.fixture
def path(role: AwsRole) -> str:
    return (
        f"/now/roles/{DenyDocument.objects.create(account=role.account, kind='role', name=role.name).pk}/cut/"
    )


@pytest.fixture
def operator(db: None) -> Client:
    return signed_in(make_admin("revoke_grant"))


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_it_names_who_is_in_and_who_could_be(operator: Client, path: str, role: AwsRole) -> None:
    add_session(make_grant(make_person("Ida In"), role), kind="console")
    make_grant(make_person("Otto Out"), role)
    add_session(make_grant(make_person("Else Where"), make_role("Other")))
    page = text(operator, path)
    assert "<strong>1 person is in, and out at once:</strong>" in page
    inside, _, outside = page.partition("1 more may use it")
    assert "Ida In" in inside
    assert "1 console session" in inside
    assert "Otto Out" in outside
    assert "Otto Out" not in inside
    assert "Else Where" not in page


def test_nobody_in_is_said(operator: Client, path: str) -> None:
    assert "Nobody who got in through Sallyport is in just now." in text(operator, path)


def test_it_is_cut_with_a_reason(operator: Client, path: str, role: AwsRole) -> None:
    grant = make_grant(make_person("Ida In"), role)
    assert operator.post(path, {"reason": " "}).status_code == 400
    assert DenyDocument.objects.get().issued_before is None
    answer = operator.post(path, {"reason": "a leak"}, follow=True)
    assert "AWS is being told to refuse every session" in answer.content.decode()
    assert DenyDocument.objects.get().issued_before is not None
    assert Grant.objects.get(pk=grant.pk).state == "active"
    assert "It was done before" in text(operator, path)


def test_in_hold_it_says_that_aws_is_told_later(operator: Client, path: str) -> None:
    enter_hold(reason="restored", actor=SHELL)
    assert "AWS is told once the hold is released" in text(operator, path)


def test_others_find_nothing_there(path: str, ben: Person) -> None:
    for client in (signed_in(ben), signed_in(make_admin("view_grant", name="Only Looks"))):
        assert client.get(path).status_code == client.post(path, {"reason": "r"}).status_code == 404
    assert DenyDocument.objects.get().issued_before is None


def test_the_operators_page_leads_to_it_whoever_may(operator: Client, path: str) -> None:
    DenyDocument.objects.update(entries=1)
    assert f'href="{path}"' in text(operator, "/now/")
    watcher = signed_in(make_admin("view_revocation", name="Only Looks"))
    assert "/cut/" not in text(watcher, "/now/")


def test_a_role_on_which_nothing_was_ever_denied_is_led_to(operator: Client, role: AwsRole) -> None:
    answer = operator.post(f"/now/roles/{role.pk}/cut")
    document = DenyDocument.objects.get()
    assert answer.headers["Location"] == f"/now/roles/{document.pk}/cut/"
    assert document.issued_before is None
    role.is_writable = False
    role.save()
    assert operator.post(f"/now/roles/{role.pk}/cut").status_code == 409
    assert operator.get(f"/now/roles/{document.pk}/cut/").status_code == 409
    assert operator.get(f"/now/roles/{10**30}/cut/").status_code == 404
