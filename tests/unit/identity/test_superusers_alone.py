"""Whatever could make anybody anyone is a superuser's own act: the operations say so, whichever page or API asks."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from portal.directory.models import Person, SyncRun
from portal.identity.operations.ask_sync import approve_sync, ask_sync
from portal.identity.operations.check_provider import check_ldap_provider, check_oidc_provider
from portal.identity.operations.check_saml_provider import check_saml_provider
from portal.identity.operations.refresh_metadata import (
    accept_offered_metadata,
    refresh_metadata,
    reject_offered_metadata,
)
from portal.identity.operations.scim_tokens import create_scim_token, revoke_scim_token
from portal.identity.operations.try_mapping import try_mapping
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, NotFoundError
from tests.fake_ldap import FakeLdap, make_directory
from tests.world import as_actor, make_admin, make_person

pytestmark = pytest.mark.django_db
ANY: Any = None
Act = Callable[[Actor], object]


def _ask(actor: Actor) -> object:
    return ask_sync(provider_id=make_directory().pk, actor=actor)


def _approve(actor: Actor) -> object:
    run = SyncRun.objects.create(
        provider=make_directory(), state=SyncRun.State.DONE, asked_at=database_now(), asked_by=None
    )
    return approve_sync(run_id=run.pk, actor=actor)


ACTS: dict[str, Act] = {
    "make a SCIM token": lambda by: create_scim_token(provider_id=uuid4(), name="Entra", days=9, actor=by),
    "revoke a SCIM token": lambda by: revoke_scim_token(token_id=uuid4(), actor=by),
    "refresh metadata": lambda by: refresh_metadata(provider_id=uuid4(), fetch=ANY, read=ANY, actor=by),
    "take metadata": lambda by: accept_offered_metadata(provider_id=uuid4(), actor=by),
    "keep metadata": lambda by: reject_offered_metadata(provider_id=uuid4(), actor=by),
    "try a mapping out": lambda by: try_mapping(
        provider_id=uuid4(), response="x", saml=ANY, read=ANY, at=database_now(), actor=by
    ),
    "try SAML out": lambda by: check_saml_provider(
        provider_id=uuid4(), saml=ANY, read=ANY, fetch=ANY, actor=by
    ),
    "try a directory out": lambda by: check_ldap_provider(provider_id=uuid4(), ldap=FakeLdap(), actor=by),
    "try OpenID out": lambda by: check_oidc_provider(provider_id=uuid4(), oidc=ANY, actor=by),
    "have a directory read": _ask,
    "say yes to a sync": _approve,
}


@pytest.fixture(params=ACTS)
def act(request: pytest.FixtureRequest) -> Act:
    return ACTS[request.param]


@pytest.fixture
def root(db: None) -> Person:
    return make_person("Root Okafor", is_staff=True, is_superuser=True)


def passes(act: Act, actor: Actor) -> bool:
    """Whether the actor may: what is missing, or not asked for, is said only to whoever may."""
    try:
        act(actor)
    except (NotFoundError, ConflictError):
        return True
    except ForbiddenError:
        return False
    return True


def test_an_admin_who_may_change_providers_is_no_superuser(act: Act) -> None:
    admin = make_admin("change_identityprovider", "view_identityprovider")
    assert admin.may("directory.change_identityprovider")
    assert not passes(act, as_actor(admin))


def test_a_superuser_at_a_browser_may(act: Act, root: Person) -> None:
    assert passes(act, as_actor(root))


def test_a_superusers_token_may_not(act: Act, root: Person) -> None:
    assert not passes(act, replace(as_actor(root), kind=ActorKind.TOKEN))


def test_the_portals_own_work_may(act: Act) -> None:
    assert passes(act, Actor.system("schedule"))
