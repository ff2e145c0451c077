"""Deactivating: who may, whom, and that it says why."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from portal.access.operations.grants.deactivate_person import deactivate_person, reactivate_person
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
SHELL = Actor.command("tests")


@pytest.mark.parametrize("operation", [deactivate_person, reactivate_person])
def test_who_may(operation: Make, person: Make, admin: Any, actor_of: Make) -> None:
    ada = person()

    def act(actor: Actor, person_id: Any = ada.pk, reason: str = "r") -> None:
        operation(person_id=person_id, reason=reason, actor=actor)

    for reason in (" ", "x" * 301):
        with pytest.raises(InvalidError):
            act(SHELL, reason=reason)
    for actor, whom in ((actor_of(person("Mallory")), ada.pk), (SHELL, uuid4())):
        with pytest.raises(NotFoundError):
            act(actor, whom)
    with pytest.raises(ForbiddenError, match="themselves"):
        act(actor_of(admin), admin.pk)


def test_once_and_back_again(person: Make) -> None:
    ada = person()
    with pytest.raises(ConflictError):
        reactivate_person(person_id=ada.pk, reason="r", actor=SHELL)
    deactivate_person(person_id=ada.pk, reason="r", actor=SHELL)
    with pytest.raises(ConflictError):
        deactivate_person(person_id=ada.pk, reason="r", actor=SHELL)
    reactivate_person(person_id=ada.pk, reason="r", actor=SHELL)
    ada.refresh_from_db()
    assert ada.is_active


def test_an_admin_is_deactivated_by_a_superuser_alone(person: Make, admin: Any, actor_of: Make) -> None:
    from django.contrib.auth.models import Permission  # noqa: PLC0415  # after the settings are chosen

    lesser = person("Lesser", is_staff=True)
    lesser.user_permissions.add(Permission.objects.get(codename="change_person"))
    other = person("Other", is_staff=True)
    with pytest.raises(ForbiddenError, match="superuser"):
        deactivate_person(person_id=other.pk, reason="r", actor=actor_of(lesser))
    other.user_permissions.add(Permission.objects.get(codename="revoke_grant"))
    deactivate_person(person_id=other.pk, reason="r", actor=actor_of(admin))
    reactivate_person(person_id=other.pk, reason="r", actor=actor_of(admin))
    other.refresh_from_db()
    assert (other.is_active, other.is_staff) == (True, False), "being an admin does not come back by itself"
    assert not other.user_permissions.exists(), "nor what an admin might do"


def test_whoever_ceased_to_be_an_admin_deactivates_nobody(person: Make, actor_of: Make) -> None:
    from django.contrib.auth.models import Permission  # noqa: PLC0415  # after the settings are chosen

    former, ben = person("Former", is_staff=True), person("Ben")
    former.user_permissions.add(Permission.objects.get(codename="change_person"))
    type(former).objects.filter(pk=former.pk).update(is_staff=False)
    with pytest.raises(NotFoundError):
        deactivate_person(person_id=ben.pk, reason="r", actor=actor_of(former))
    type(former).objects.filter(pk=former.pk).update(is_staff=True)
    assert not deactivate_person(person_id=ben.pk, reason="r", actor=actor_of(former)).person.is_active
