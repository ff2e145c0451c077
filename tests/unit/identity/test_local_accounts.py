from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.hashers import identify_hasher
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import F

from portal.access.models import Alarm
from portal.access.operations.cutting.alarms import clear_past_alarms
from portal.audit.models import AuditEvent
from portal.directory.models import ExternalIdentity, LocalPassword, Person
from portal.identity.operations import local_accounts
from portal.identity.operations.local_accounts import (
    add_local_account,
    check_local_password,
    note_break_glass,
    set_local_password,
)
from portal.identity.operations.refusing import SignInRefusedError
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError, InvalidError, NotFoundError

pytestmark = pytest.mark.django_db
SHELL = Actor.command("tests")
GOOD = "correct horse battery"


def add(login: str = "warden", password: str = GOOD, actor: Actor = SHELL) -> ExternalIdentity:
    return add_local_account(login=login, name="Grace", password=password, superuser=True, actor=actor)


def refused(login: str, password: str) -> str:
    with pytest.raises(SignInRefusedError) as refusal:
        check_local_password(login=login, password=password)
    return refusal.value.reason


def test_an_account_is_an_admin_with_a_strong_hash() -> None:
    identity = add()
    assert identity.person.is_superuser
    assert LocalPassword.objects.get().encoded.startswith("argon2$argon2id$")
    assert GOOD not in str(AuditEvent.objects.values_list("details", flat=True))
    first = check_local_password(login=" Warden ", password=GOOD)
    assert (first.identity.pk, first.may_enrol) == (identity.pk, True)


@pytest.mark.parametrize("login", ["", "a", "-x", "Ada", "a b", "x" * 41, "ada@x", "ad\u0430"])
def test_logins_that_are_none(login: str) -> None:
    with pytest.raises(InvalidError) as refusal:
        add(login)
    assert refusal.value.field == "login"
    assert not Person.objects.exists()


@pytest.mark.parametrize("password", ["", "short", "passwordpassword", "12345678901234567", "x" * 300])
def test_weak_passwords(password: str) -> None:
    if password == "passwordpassword":
        password = "grace warden grace"
    with pytest.raises(InvalidError) as refusal:
        add_local_account(
            login="warden", name="grace warden grac", password=password, superuser=True, actor=SHELL
        )
    assert refusal.value.field == "password"
    assert not Person.objects.exists(), "nothing half done"


def test_only_who_has_the_shell_makes_one() -> None:
    with pytest.raises(ForbiddenError):
        add(actor=Actor(ActorKind.PERSON, "Ada", Person.objects.admit(name="Ada").pk))
    add()
    with pytest.raises(InvalidError, match="already"):
        add()
    assert add("second").person.is_staff


def test_who_does_not_get_in() -> None:
    identity = add()
    assert refused("nobody", GOOD) == "local.unknown"
    assert refused("warden", GOOD + "!") == "local.wrong_password"
    assert refused("warden", "") == "local.wrong_password"
    assert refused("warden", "x" * 10_000) == "local.wrong_password"
    identity.person.is_active, identity.person.deactivated_at = False, identity.linked_at
    identity.person.save()
    assert refused("warden", GOOD) == "local.deactivated"
    other = add("second")
    assert check_local_password(login="second", password=GOOD).identity.pk == other.pk


def test_who_is_gone_does_not_get_in() -> None:
    identity = add()
    ExternalIdentity.objects.update(gone_at=database_now(), gone_why="removed")
    assert refused("warden", GOOD) == "local.deactivated"
    ExternalIdentity.objects.update(gone_at=None, gone_why="")
    assert check_local_password(login="warden", password=GOOD).identity.pk == identity.pk


def test_an_unknown_login_is_judged_by_a_hash_too_and_an_endless_password_by_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add()
    judged: list[str] = []

    def judge(_: str, encoded: str) -> bool:
        judged.append(encoded)
        return True

    monkeypatch.setattr(local_accounts, "check_password", judge)
    assert refused("nobody", GOOD) == "local.unknown"
    assert [identify_hasher(encoded).algorithm for encoded in judged] == ["argon2"]
    assert refused("warden", "x" * 257) == "local.wrong_password"
    assert len(judged) == 1
    assert check_local_password(login="warden", password="x" * 256).may_enrol


def test_a_factor_is_added_within_a_day_or_the_password_is_set_anew() -> None:
    add()
    LocalPassword.objects.update(changed_at=F("changed_at") - timedelta(hours=25))
    assert not check_local_password(login="warden", password=GOOD).may_enrol
    set_local_password(login="warden", password="another horse battery", actor=SHELL)
    assert refused("warden", GOOD) == "local.wrong_password"
    assert check_local_password(login="warden", password="another horse battery").may_enrol
    with pytest.raises(NotFoundError):
        set_local_password(login="nobody", password=GOOD, actor=SHELL)


def test_each_use_is_loud() -> None:
    note_break_glass(identity=add(), actor=Actor(ActorKind.NOBODY, "nobody", ip="192.0.2.1"))
    assert "Grace" in Alarm.objects.get(kind="break_glass_used", cleared_at=None).text
    assert AuditEvent.objects.filter(type="directory.sign_in.break_glass").exists()


def test_the_alarm_is_out_for_a_day() -> None:
    note_break_glass(identity=add(), actor=Actor(ActorKind.NOBODY, "nobody"))
    now = database_now()
    clear_past_alarms(at=now + timedelta(hours=23))
    assert Alarm.objects.get().cleared_at is None
    clear_past_alarms(at=now + timedelta(hours=25))
    assert Alarm.objects.get().cleared_at is not None


def test_by_command() -> None:
    told = StringIO()
    call_command("local_account", "add", "warden", "--generate", "--name", "Grace", stdout=told)
    password = told.getvalue().partition("Password: ")[2].partition("\n")[0]
    assert check_local_password(login="warden", password=password)
    call_command("local_account", "password", "warden", "--generate", stdout=told)
    assert refused("warden", password) == "local.wrong_password"
    with pytest.raises(CommandError, match="no local account nobody"):
        call_command("local_account", "password", "nobody", "--generate")
    with pytest.raises(CommandError, match="2 to 40"):
        call_command("local_account", "add", "Not A Login", "--generate")
