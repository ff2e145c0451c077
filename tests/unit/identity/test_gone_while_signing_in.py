"""A right password, and gone a moment later: whichever was asked last is what counts."""

import pytest

from brokers.types import AccountState
from portal.directory.models import ExternalIdentity, IdentityProvider
from portal.identity.operations.complete_sign_in import SignedIn, open_sign_in
from portal.identity.operations.gone import person_gone
from portal.identity.operations.ldap_sign_in import sign_in_by_ldap
from portal.identity.operations.limit_tries import Place
from portal.identity.operations.refusing import SignInRefusedError
from portal.kernel.actor import Actor, ActorKind
from tests.fake_ldap import PASSWORD, FakeLdap, make_directory

pytestmark = pytest.mark.django_db
NOBODY = Actor(ActorKind.NOBODY, "nobody")


@pytest.fixture(autouse=True)
def _no_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.identity.operations.ldap_sign_in.time.sleep", lambda _: None)


@pytest.fixture
def office(db: None) -> IdentityProvider:
    return make_directory()


def enter(provider: IdentityProvider, ldap: FakeLdap) -> SignedIn:
    return sign_in_by_ldap(
        provider=provider,
        username="ann",
        password=PASSWORD,
        next_path="/",
        ldap=ldap,
        place=Place("192.0.2.7", "laptop"),
        actor=NOBODY,
    )


def gone(identity: ExternalIdentity) -> None:
    person_gone(identity_id=identity.pk, why="disabled", actor=Actor.system("sync"))


def test_who_was_found_gone_after_the_bind_is_not_brought_back_by_it(office: IdentityProvider) -> None:
    ldap = FakeLdap()
    ldap.add("ann")
    identity = enter(office, ldap).identity
    # The bind was right; while its groups are read, a sync learns that the account was switched off.
    ldap.before["groups_of"] = lambda: gone(identity)
    with pytest.raises(SignInRefusedError) as refusal:
        enter(office, ldap)
    assert refusal.value.reason == "directory.forbidden"
    identity.refresh_from_db()
    identity.person.refresh_from_db()
    assert (identity.gone_why, identity.person.is_active) == ("disabled", False)


def test_who_was_switched_on_again_since_is_let_in(office: IdentityProvider) -> None:
    ldap = FakeLdap()
    ldap.add("ann")
    identity = enter(office, ldap).identity
    gone(identity)
    ldap.change("ann", AccountState.USABLE)
    assert enter(office, ldap).person == identity.person
    identity.refresh_from_db()
    assert identity.gone_at is None


def test_no_session_is_noted_of_a_provider_that_was_switched_off_meanwhile(office: IdentityProvider) -> None:
    ldap = FakeLdap()
    ldap.add("ann")
    signed_in = enter(office, ldap)
    assert open_sign_in(signed_in=signed_in, session_key="first", actor=NOBODY)
    IdentityProvider.objects.filter(pk=office.pk).update(is_enabled=False)
    with pytest.raises(SignInRefusedError) as refusal:
        open_sign_in(signed_in=signed_in, session_key="second", actor=NOBODY)
    assert refusal.value.reason == "directory.gone"
