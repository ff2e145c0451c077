"""My IAM users: keys are entered, replaced and forgotten by their own person, and a secret is never shown."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from portal.access.models import UserKey
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.directory.models import Person
from portal.kernel.actor import Actor
from portal.kernel.sealing import unseal
from tests.proof_world import user_role
from tests.world import signed_in

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
LIST, ACCOUNT = "/iam-users/", "/account/"
SECRET = "user-secret/that+stands=nowhere/000000000"  # made up
KEY, OTHER = "AKIAABCDEFGHIJKLMNOP", "AKIAZZZZZZZZZZZZZZZZ"
DEVICE = "arn:aws:iam::222222222222:mfa/ben"
WHOLE = {"access_key_id": KEY, "secret_access_key": SECRET, "mfa_serial": DEVICE}


@pytest.fixture
def user(make_role: Make) -> AwsRole:
    return user_role(make_role)


@pytest.fixture
def grant(make_grant: Make, user: AwsRole, ben: Person) -> Any:
    return make_grant(ben, role=user)


def page(user: AwsRole) -> str:
    return reverse("web:iam-user", args=[user.pk])


def forget(user: AwsRole) -> str:
    return reverse("web:iam-user-forget", args=[user.pk])


@pytest.mark.usefixtures("grant")
def test_a_key_is_entered_replaced_and_forgotten(user: AwsRole, ben: Person) -> None:
    browser = signed_in(ben)
    assert "Enter key…" in browser.get(LIST).content.decode()
    kept = browser.post(page(user), WHOLE)
    assert (kept.status_code, kept.headers["Location"]) == (303, LIST)
    assert unseal(bytes(UserKey.objects.get().secret)).decode() == SECRET
    shown = browser.get(LIST).content.decode()
    assert all(words in shown for words in (KEY, DEVICE, user.account.name, "kept here, sealed"))
    assert SECRET not in shown + browser.get(page(user)).content.decode()
    brought = {"access_key_id": OTHER, "mfa_serial": "GAHT12345678"}
    assert browser.post(page(user), brought).status_code == 303
    row = UserKey.objects.get()
    assert (row.access_key_id, row.mfa_serial, bytes(row.secret)) == (OTHER, "GAHT12345678", b"")
    shown = browser.get(LIST).content.decode()
    assert "brought along each time" in shown
    assert KEY not in shown.partition("<table")[2]
    gone = browser.post(forget(user))
    assert (gone.status_code, gone.headers["Location"]) == (303, LIST)
    assert not UserKey.objects.exists()
    assert browser.post(forget(user)).status_code == 404
    told = AuditEvent.objects.filter(type__startswith="access.user_key").order_by("pk")
    assert [each.type.rpartition(".")[2] for each in told] == ["kept", "kept", "removed"]
    assert SECRET not in str(list(told.values()))


@pytest.mark.usefixtures("grant")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"access_key_id": "ASIAABCDEFGHIJKLMNOP"}, "begins with AKIA"),
        ({"access_key_id": SECRET}, "begins with AKIA"),
        ({"mfa_serial": ""}, "Enter the device"),
        ({"mfa_serial": "arn:aws:iam::333333333333:mfa/ben"}, "in another account"),
        ({"mfa_serial": f"{SECRET} "[:20] + " ?"}, "named by its serial number"),
        ({"secret_access_key": SECRET * 4}, "at most 128"),
    ],
)
def test_a_refused_form_shows_no_secret(
    user: AwsRole, ben: Person, changes: dict[str, str], words: str
) -> None:
    browser = signed_in(ben)
    refused = browser.post(page(user), WHOLE | changes)
    assert refused.status_code == 400
    assert words in refused.content.decode()
    assert SECRET[:20] not in refused.content.decode()
    assert not UserKey.objects.exists()
    assert browser.post(page(user), WHOLE).status_code == 303


@pytest.mark.usefixtures("grant")
def test_what_is_no_secret_need_not_be_typed_again(user: AwsRole, ben: Person) -> None:
    refused = signed_in(ben).post(page(user), WHOLE | {"secret_access_key": "short"}).content.decode()
    assert KEY in refused
    assert DEVICE in refused


@pytest.mark.usefixtures("grant")
def test_anothers_is_not_there(user: AwsRole, ben: Person, mallory: Person) -> None:
    signed_in(ben).post(page(user), WHOLE)
    theirs = signed_in(mallory)
    assert theirs.get(page(user)).status_code == 404
    assert theirs.post(page(user), WHOLE | {"access_key_id": OTHER}).status_code == 404
    assert theirs.post(forget(user)).status_code == 404
    assert user.title not in theirs.get(LIST).content.decode()
    assert UserKey.objects.get().access_key_id == KEY
    assert signed_in(ben).post(forget(user)).status_code == 303


@pytest.mark.usefixtures("grant")
def test_who_is_granted_the_same_user_sees_no_key_of_another(
    user: AwsRole, ben: Person, mallory: Person, make_grant: Make
) -> None:
    signed_in(ben).post(page(user), WHOLE)
    make_grant(mallory, role=user)
    theirs = signed_in(mallory)
    shown = theirs.get(LIST).content.decode() + theirs.get(page(user)).content.decode()
    assert "Somebody else has a key" in shown
    assert KEY not in shown
    assert DEVICE not in shown
    assert theirs.post(page(user), WHOLE | {"access_key_id": OTHER}).status_code == 409
    assert theirs.post(forget(user)).status_code == 404
    assert UserKey.objects.get().person == ben


def test_after_the_grant_it_can_be_forgotten_alone(user: AwsRole, ben: Person, grant: Any) -> None:
    browser = signed_in(ben)
    browser.post(page(user), WHOLE)
    revoke_grant(grant_id=grant.pk, reason="stop", actor=Actor.command("tests"))
    shown = browser.get(LIST).content.decode()
    assert forget(user) in shown
    assert f'href="{page(user)}"' not in shown
    assert browser.get(page(user)).status_code == 404
    assert browser.post(page(user), WHOLE).status_code == 404
    assert browser.post(forget(user)).status_code == 303
    assert "No IAM user of yours" in browser.get(LIST).content.decode()


def test_it_is_linked_where_somebody_has_one(user: AwsRole, ben: Person, mallory: Person, grant: Any) -> None:
    link = f'href="{LIST}"'
    assert link in signed_in(ben).get(ACCOUNT).content.decode()
    assert link not in signed_in(mallory).get(ACCOUNT).content.decode()
    asked = signed_in(ben).post(reverse("web:credentials", args=[grant.pk]))
    assert link in asked.content.decode()
