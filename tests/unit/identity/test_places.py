"""Where a try comes from, as proxies and sockets write it: one guesser is not everybody, and everybody is not one."""

import pytest

from portal.audit.models import AuditEvent
from portal.directory.models import ExternalIdentity, IdentityProvider, Person
from portal.identity.operations.limit_tries import Place, limited_tries
from portal.identity.operations.local_accounts import check_local_password
from portal.identity.operations.refusing import SignInRefusedError
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import TooManyError

NOBODY = Actor(ActorKind.NOBODY, "nobody")


@pytest.mark.parametrize(
    ("told", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("192.0.2.7:51234", "nowhere"),
        ("unknown", "nowhere"),
        ("", "nowhere"),
        (None, "nowhere"),
    ],
)
def test_what_was_written_is_a_network_or_nowhere(told: str | None, network: str) -> None:
    assert Place(told).network == network


def _try(provider: IdentityProvider, place: Place, *, right: bool = False, login: str = "ada") -> str:
    try:
        with limited_tries(provider=provider, login=login, place=place, actor=NOBODY):
            _end(right=right)
    except TooManyError:
        return "too many"
    except SignInRefusedError:
        return "wrong"
    return "in"


def _end(*, right: bool) -> None:
    if not right:
        raise SignInRefusedError("ldap.wrong_password")


@pytest.mark.django_db
def test_nowhere_is_no_place_that_an_account_is_known_from() -> None:
    provider = IdentityProvider.objects.create(slug="own", name="Own", kind="ldap")
    assert _try(provider, Place(None), right=True) == "in"
    assert [_try(provider, Place(None)) for _ in range(5)] == ["wrong"] * 4 + ["too many"], (
        "as a stranger's: a known place has three"
    )
    assert _try(provider, Place("192.0.2.7"), right=True) == "too many"
    assert _try(provider, Place("192.0.2.7", device="laptop"), right=True) == "in"


@pytest.mark.django_db
def test_ipv4_over_a_socket_of_both_protocols_is_told_apart() -> None:
    provider = IdentityProvider.objects.create(slug="own", name="Own", kind="local")
    tried = [_try(provider, Place(f"::ffff:203.0.113.{n}")) for n in range(1, 11)]
    assert tried == ["wrong"] * 10


@pytest.mark.django_db
def test_what_was_typed_as_a_name_is_not_told_on_where_it_is_none(ben: Person) -> None:
    provider = IdentityProvider.objects.create(slug="own", name="Own", kind="ldap")
    ExternalIdentity.objects.create(provider=provider, person=ben, subject="1", login="ada")
    for login in ("Ada", "my secret passphrase"):
        assert "too many" in [_try(provider, Place("192.0.2.7"), login=login) for _ in range(6)]
    limited = AuditEvent.objects.filter(type="directory.sign_in.limited")
    assert sorted(event.details["login"] for event in limited) == ["", "Ada"]


def test_a_name_that_nobody_has_is_not_in_the_refusal(db: None) -> None:
    with pytest.raises(SignInRefusedError) as refusal:
        check_local_password(login="my secret passphrase", password="x")
    assert refusal.value.reason == "local.unknown"
    assert "secret" not in refusal.value.detail
