"""A provider's keys to SCIM: who makes them, what they are kept as, when they are over."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.audit.models import AuditEvent
from portal.directory.models import IdentityProvider, ScimToken
from portal.identity.operations.scim_tokens import (
    MadeScimToken,
    create_scim_token,
    find_scim_token,
    revoke_scim_token,
)
from portal.kernel.actor import Actor
from portal.kernel.errors import ForbiddenError, InvalidError, NotFoundError
from tests.world import as_actor

pytestmark = pytest.mark.django_db
BY = Actor.command("tests")


@pytest.fixture
def acme() -> IdentityProvider:
    return IdentityProvider.objects.create(slug="acme", name="Acme", kind="saml")


def make(provider: IdentityProvider, **changed: Any) -> MadeScimToken:
    order: dict[str, Any] = {"name": "Entra", "days": 400, "actor": BY}
    return create_scim_token(provider_id=provider.pk, **order | changed)


def test_it_is_shown_once_and_kept_as_a_hash(acme: IdentityProvider) -> None:
    made = make(acme)

    assert made.plain.startswith("scim_")
    assert made.plain not in repr(made)
    assert made.plain not in str(ScimToken.objects.values().get())
    assert made.plain.startswith(made.token.prefix)
    assert made.token.expires_at - made.token.created_at == timedelta(days=400)


def test_making_and_revoking_are_recorded_without_the_secret(acme: IdentityProvider) -> None:
    made = make(acme)
    revoke_scim_token(token_id=made.token.pk, actor=BY)

    created, revoked = AuditEvent.objects.order_by("pk")
    assert created.type == "directory.scim_token.created"
    assert revoked.type == "directory.scim_token.revoked"
    assert created.details["provider"] == "acme"
    assert made.plain not in str(created.details)


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"days": 401}, "days"), ({"days": 0}, "days"), ({"name": " "}, "name"), ({"name": "x" * 81}, "name")],
)
def test_what_makes_no_token(acme: IdentityProvider, changed: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidError) as refusal:
        make(acme, **changed)

    assert refusal.value.field == field
    assert not ScimToken.objects.exists()


def test_a_provider_has_at_most_twenty(acme: IdentityProvider) -> None:
    for _ in range(20):
        last = make(acme)
    with pytest.raises(InvalidError, match="20 SCIM tokens"):
        make(acme)

    revoke_scim_token(token_id=last.token.pk, actor=BY)
    assert make(acme)


def test_local_accounts_have_none() -> None:
    local = IdentityProvider.objects.create(slug="local", name="Local", kind="local")
    with pytest.raises(InvalidError, match="never by SCIM"):
        make(local)


def test_only_who_may_change_providers(acme: IdentityProvider, ben: Any, admin: Any) -> None:
    with pytest.raises(ForbiddenError):
        make(acme, actor=as_actor(ben))
    made = make(acme, actor=as_actor(admin))

    with pytest.raises(ForbiddenError):
        revoke_scim_token(token_id=made.token.pk, actor=as_actor(ben))
    assert revoke_scim_token(token_id=made.token.pk, actor=as_actor(admin)).revoked_at


def test_a_token_is_found_at_its_own_provider_alone(acme: IdentityProvider) -> None:
    other = IdentityProvider.objects.create(slug="other", name="Other", kind="oidc")
    made, theirs = make(acme), make(other)

    assert find_scim_token(plain=made.plain, slug="acme") == made.token
    assert find_scim_token(plain=made.plain, slug="other") is None
    assert find_scim_token(plain=theirs.plain, slug="other") == theirs.token
    assert find_scim_token(plain="sp_" + made.plain, slug="acme") is None


def test_a_revoked_token_is_nobodys(acme: IdentityProvider) -> None:
    made, kept = make(acme), make(acme)
    revoke_scim_token(token_id=made.token.pk, actor=BY)

    assert find_scim_token(plain=made.plain, slug="acme") is None
    assert find_scim_token(plain=kept.plain, slug="acme") == kept.token
    with pytest.raises(NotFoundError):
        revoke_scim_token(token_id=made.token.pk, actor=BY)


def test_an_expired_token_is_nobodys(acme: IdentityProvider) -> None:
    made = make(acme)
    now = timezone.now()
    ScimToken.objects.update(created_at=now - timedelta(days=2), expires_at=now - timedelta(seconds=1))
    assert find_scim_token(plain=made.plain, slug="acme") is None

    ScimToken.objects.update(expires_at=now + timedelta(minutes=1))
    assert find_scim_token(plain=made.plain, slug="acme")


def test_a_provider_that_is_switched_off_has_no_tokens(acme: IdentityProvider) -> None:
    made = make(acme)
    IdentityProvider.objects.update(is_enabled=False)
    assert find_scim_token(plain=made.plain, slug="acme") is None

    IdentityProvider.objects.update(is_enabled=True)
    assert find_scim_token(plain=made.plain, slug="acme")


def test_its_use_is_noted_once_a_minute(acme: IdentityProvider) -> None:
    made = make(acme)
    find_scim_token(plain=made.plain, slug="acme")
    first = ScimToken.objects.get().last_used_at
    find_scim_token(plain=made.plain, slug="acme")
    assert first is not None
    assert ScimToken.objects.get().last_used_at == first

    ScimToken.objects.update(last_used_at=first - timedelta(seconds=61))
    find_scim_token(plain=made.plain, slug="acme")
    assert ScimToken.objects.get().last_used_at > first  # type: ignore[operator]  # noted
