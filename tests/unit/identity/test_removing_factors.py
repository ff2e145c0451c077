from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session

from portal.access.operations.credentials.credential_tokens import make_credential_token
from portal.audit.models import AuditEvent
from portal.directory.models import AuthenticatorApp, LocalPassword, Passkey, Person, RecoveryCode, SignIn
from portal.directory.operations.api_tokens import create_token
from portal.identity.operations.factor_given import give_factor_to_token
from portal.identity.operations.factors import FactorNeededError, has_factor
from portal.identity.operations.factors_recovery import make_recovery_codes
from portal.identity.operations.factors_removal import remove_factor, reset_factors
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from tests.factors import add_app, add_device, just_in
from tests.sign_ins import browser_of, make_identity
from tests.world import as_actor, make_admin, make_grant

pytestmark = pytest.mark.django_db


def remove(person: Person, factor: Any, actor: Actor | None = None) -> str:
    return remove_factor(person=person, factor_id=factor.pk, actor=actor or just_in(person))


def test_one_goes_and_the_other_stays(ben: Person) -> None:
    app, _ = add_app(ben)
    passkey, _ = add_device(ben)
    make_recovery_codes(person=ben, actor=just_in(ben))
    assert remove(ben, passkey) == "Laptop"
    assert has_factor(ben)
    assert RecoveryCode.objects.count() == 10
    event = AuditEvent.objects.get(type="directory.factor.removed")
    assert (event.details["factor"], event.details["name"], event.details["last"]) == (
        "passkey",
        "Laptop",
        False,
    )
    with pytest.raises(NotFoundError):
        remove(ben, passkey)
    assert remove(ben, app) == "Phone"
    assert not has_factor(ben)
    assert not RecoveryCode.objects.exists()


def test_only_ones_own_and_only_just_proven(ben: Person, mallory: Person) -> None:
    app, _ = add_app(ben)
    passkey, _ = add_device(ben)
    add_app(mallory)
    for bens in (app, passkey):
        with pytest.raises(NotFoundError):
            remove(mallory, bens)
    with pytest.raises(ForbiddenError, match="own person"):
        remove(ben, app, just_in(mallory))
    with pytest.raises(FactorNeededError):
        remove(ben, app, replace(as_actor(ben), signed_in_at=datetime.now(UTC)))
    with pytest.raises(NotFoundError):
        remove_factor(person=ben, factor_id=uuid4(), actor=just_in(ben))
    assert (AuthenticatorApp.objects.count(), Passkey.objects.count()) == (2, 1)
    assert remove(ben, app)
    assert remove(ben, passkey)


def test_the_last_one_of_a_local_account_stays(ben: Person) -> None:
    app, _ = add_app(ben)
    LocalPassword.objects.create(identity=make_identity(ben), encoded="x")
    with pytest.raises(ConflictError, match="Add another"):
        remove(ben, app)
    passkey, _ = add_device(ben)
    assert remove(ben, app)
    with pytest.raises(ConflictError, match="Add another"):
        remove(ben, passkey)
    assert Passkey.objects.count() == 1


def reset(person: Person, actor: Actor, reason: str = "lost the phone") -> Person:
    return reset_factors(person_id=person.pk, reason=reason, actor=actor)


def test_a_superuser_resets_anothers_and_their_sign_ins_end(
    ben: Person, admin: Person, mallory: Person
) -> None:
    add_app(ben)
    add_device(ben)
    make_recovery_codes(person=ben, actor=just_in(ben))
    add_app(mallory)
    browser, other = browser_of(ben), browser_of(mallory)
    token = create_token(name="x", scopes=["grants:read"], days=1, actor=as_actor(ben)).token
    give_factor_to_token(token_id=token.pk, at=datetime.now(UTC), actor=as_actor(ben))
    program, others = (
        make_credential_token(
            grant_id=make_grant(each).pk,
            name="x",
            actor=replace(as_actor(each), factor_at=datetime.now(UTC)),
        ).token
        for each in (ben, mallory)
    )
    key = browser.session.session_key
    reset(ben, as_actor(admin))
    assert not has_factor(ben)
    assert not RecoveryCode.objects.filter(person=ben).exists()
    assert not Session.objects.filter(session_key=key).exists()
    assert not SignIn.objects.filter(person=ben).exists()
    token.refresh_from_db()
    program.refresh_from_db()
    assert (token.factor_at, program.factor_at) == (None, None)
    event = AuditEvent.objects.get(type="directory.factor.removed")
    assert (event.actor_id, event.person_id, event.details["reason"]) == (admin.pk, ben.pk, "lost the phone")
    # Nobody else loses anything.
    others.refresh_from_db()
    assert others.factor_at is not None
    assert has_factor(mallory)
    assert other.get("/").status_code == 200
    with pytest.raises(ConflictError, match="no second factor"):
        reset(ben, as_actor(admin))


def test_who_may_not_reset(ben: Person, admin: Person, mallory: Person) -> None:
    add_app(ben)
    add_app(admin)
    staff = make_admin("change_person")
    for actor in (as_actor(staff), as_actor(mallory), as_actor(ben)):
        with pytest.raises(ForbiddenError, match="Only a superuser"):
            reset(ben, actor)
    with pytest.raises(ForbiddenError, match="their own"):
        reset(admin, as_actor(admin))
    with pytest.raises(InvalidError, match="Say why"):
        reset(ben, as_actor(admin), " ")
    with pytest.raises(NotFoundError):
        reset_factors(person_id=uuid4(), reason="x", actor=as_actor(admin))
    assert has_factor(ben)
    assert has_factor(admin)
    assert reset(ben, Actor.command("tests"))


def test_a_token_is_given_a_factor_by_its_own_person_alone(ben: Person, mallory: Person) -> None:
    token = create_token(name="x", scopes=["grants:read"], days=1, actor=as_actor(ben)).token
    now = datetime.now(UTC)
    with pytest.raises(NotFoundError):
        give_factor_to_token(token_id=token.pk, at=now, actor=as_actor(mallory))
    token.refresh_from_db()
    assert token.factor_at is None
    given = give_factor_to_token(token_id=token.pk, at=now.replace(year=now.year + 1), actor=as_actor(ben))
    assert given.factor_at is not None
    assert given.factor_at <= datetime.now(UTC)
    token.revoked_at = now
    token.save()
    with pytest.raises(NotFoundError):
        give_factor_to_token(token_id=token.pk, at=now, actor=as_actor(ben))
