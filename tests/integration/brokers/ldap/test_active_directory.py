"""A real Active Directory domain (Samba's): account states, nested groups, ids, and more members than come at once."""

from collections.abc import Iterator

import pytest

from brokers.errors import IdentityUnavailable, SignInRejected
from brokers.ldap import Directory, Fault, Reason
from brokers.ldap import groups as grouping
from brokers.types import AccountState, LdapNesting
from tests.servers.samba import DISABLED, GROUPS, NORMAL, PASSWORD, PEOPLE, READER, Samba, samba

pytestmark = [pytest.mark.services, pytest.mark.thorough, pytest.mark.xdist_group("samba")]

MANY = [f"user-{number:04}" for number in range(1700)]
BIG = {"big": [f"CN={name},OU=People" for name in MANY]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    with samba(tmp_path_factory.mktemp("samba"), people=MANY, groups=BIG) as running:
        yield running


def refused(
    directory: Directory, server: Samba, login: str, password: str = PASSWORD, **changes: object
) -> str:
    with pytest.raises(SignInRejected) as caught:
        directory.sign_in(server.ldap_server(**changes), login, password)
    return caught.value.reason


def test_the_right_password_signs_in_by_whatever_name_is_asked_for(
    directory: Directory, server: Samba
) -> None:
    ada = directory.sign_in(server.ldap_server(), "ada", PASSWORD)
    assert (ada.dn, ada.login, ada.state) == (f"CN=ada,{PEOPLE}", "ada", AccountState.USABLE)
    assert ada.attributes["mail"] == ("ada@example.test",)
    for attribute, login in (("userPrincipalName", "ada@example.test"), ("mail", "ada@example.test")):
        by_other = directory.sign_in(server.ldap_server(login_attribute=attribute), login.upper(), PASSWORD)
        assert (by_other.stable_id, by_other.login) == (ada.stable_id, login)


def test_by_start_tls(directory: Directory, server: Samba) -> None:
    settings = server.ldap_server(urls=(server.ldap_url,), start_tls=True)
    assert directory.sign_in(settings, "ada", PASSWORD).login == "ada"


@pytest.mark.parametrize(
    ("login", "right", "wrong"),
    [
        ("carol", None, Reason.WRONG_PASSWORD),
        ("dora-disabled", Reason.DISABLED, Reason.WRONG_PASSWORD),
        ("erin-expired", Reason.EXPIRED, Reason.WRONG_PASSWORD),
        ("fred-locked", Reason.LOCKED, Reason.LOCKED),
        ("gina-must-change", Reason.PASSWORD_MUST_CHANGE, Reason.WRONG_PASSWORD),
        ("helen-overdue", Reason.PASSWORD_EXPIRED, Reason.WRONG_PASSWORD),
    ],
)
def test_states_are_told_apart(
    directory: Directory, server: Samba, login: str, right: Reason | None, wrong: Reason
) -> None:
    assert refused(directory, server, login, "Wrong-Horse-7") == wrong
    if right is None:
        assert directory.sign_in(server.ldap_server(), login, PASSWORD).state is AccountState.USABLE
    else:
        assert refused(directory, server, login) == right


@pytest.mark.parametrize(
    "login", ["*", "a*", "ada)(cn=*", f"CN=ada,{PEOPLE}", "EXAMPLE\\ada", "nobody", "àda"]
)
def test_nobody_has_such_a_login(directory: Directory, server: Samba, login: str) -> None:
    assert refused(directory, server, login) == Reason.UNKNOWN


def test_an_empty_password(directory: Directory, server: Samba) -> None:
    assert refused(directory, server, "ada", "") == Reason.EMPTY_PASSWORD


def test_two_entries_with_one_login(directory: Directory, server: Samba) -> None:
    for name in ("tess", "tom"):
        server.change(
            f"dn: CN={name},{PEOPLE}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}\n"
            "mail: both@example.test\n"
        )
    assert refused(directory, server, "both@example.test", login_attribute="mail") == Reason.AMBIGUOUS


def test_too_many_tries_lock_the_account(directory: Directory, server: Samba) -> None:
    server.add_user("lena")
    assert directory.sign_in(server.ldap_server(), "lena", PASSWORD).state is AccountState.USABLE
    tries = [refused(directory, server, "lena", "Wrong-Horse-7") for _ in range(5)]
    assert tries[0] == Reason.WRONG_PASSWORD
    assert tries[-1] == Reason.LOCKED
    assert refused(directory, server, "lena") == Reason.LOCKED


def test_whoever_is_disabled_in_the_domain_is_seen_as_such_at_once(
    directory: Directory, server: Samba
) -> None:
    ben = directory.sign_in(server.ldap_server(), "ben", PASSWORD)
    server.set_on_people(["ben"], userAccountControl=DISABLED)
    seen = directory.find_person(server.ldap_server(), ben.stable_id)
    assert seen is not None
    assert seen.state is AccountState.DISABLED
    assert refused(directory, server, "ben") == Reason.DISABLED
    server.set_on_people(["ben"], userAccountControl=NORMAL)
    assert directory.find_person(server.ldap_server(), ben.stable_id) == ben


def test_an_object_guid_is_found_again_and_outlives_a_new_name(directory: Directory, server: Samba) -> None:
    server.add_user("mona")
    mona = directory.sign_in(server.ldap_server(), "mona", PASSWORD)
    assert len(mona.stable_id) == 36
    server.change(f"dn: CN=mona,{PEOPLE}\nchangetype: modrdn\nnewrdn: CN=Mona (Lisa)*\ndeleteoldrdn: 1\n")
    found = directory.find_person(server.ldap_server(), mona.stable_id)
    assert found is not None
    assert found.dn == f"CN=Mona (Lisa)*,{PEOPLE}"
    assert directory.groups_of(server.ldap_server(), found) == ()
    assert directory.find_person(server.ldap_server(), "00000000-0000-0000-0000-000000000000") is None
    assert directory.find_person(server.ldap_server(), "mona") is None


@pytest.mark.parametrize(
    ("nesting", "found"),
    [
        (LdapNesting.DIRECT, ["oncall"]),
        (LdapNesting.WALK, ["engineering", "oncall", "payments"]),
        (LdapNesting.IN_CHAIN, ["engineering", "oncall", "payments"]),
    ],
)
def test_groups(directory: Directory, server: Samba, nesting: LdapNesting, found: list[str]) -> None:
    ada = directory.sign_in(server.ldap_server(), "ada", PASSWORD)
    groups = directory.groups_of(server.ldap_server(nesting=nesting), ada)
    assert sorted(group.name for group in groups) == found


@pytest.mark.parametrize("nesting", [LdapNesting.WALK, LdapNesting.IN_CHAIN])
def test_a_loop_ends(directory: Directory, server: Samba, nesting: LdapNesting) -> None:
    ben = directory.sign_in(server.ldap_server(), "ben", PASSWORD)
    groups = directory.groups_of(server.ldap_server(nesting=nesting), ben)
    assert sorted(group.name for group in groups) == ["loop-a", "loop-b"]


def test_a_whole_domain_with_its_references_to_other_servers(directory: Directory, server: Samba) -> None:
    """From the domain's root a search ends with three references (ldaps://example.test/…): nobody goes there."""
    whole = server.ldap_server(people_base="DC=example,DC=test")
    assert directory.sign_in(whole, "ada", PASSWORD).login == "ada"
    assert sum(person.login.startswith("user-") for person in directory.people(whole)) == len(MANY)


def test_everybody_with_their_states_page_by_page(directory: Directory, server: Samba) -> None:
    states = {person.login: person.state for person in directory.people(server.ldap_server())}
    assert sum(login.startswith("user-") for login in states) == len(MANY)
    assert states["dora-disabled"] is AccountState.DISABLED
    assert states["erin-expired"] is AccountState.EXPIRED
    assert states["gina-must-change"] is AccountState.PASSWORD_MUST_CHANGE
    assert states["carol"] is AccountState.USABLE


def test_more_members_than_come_at_once(
    directory: Directory, server: Samba, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size in (1500, 500):
        monkeypatch.setattr(grouping, "RANGE", size)
        found = {group.name: group for group in directory.groups(server.ldap_server())}
        assert set(found["big"].member_dns) == {f"CN={name},{PEOPLE}" for name in MANY}
        assert len(found["big"].member_dns) == len(MANY)
        assert found["payments"].member_dns == (f"CN=oncall,{GROUPS}",)


def test_our_own_account_is_refused(directory: Directory, server: Samba) -> None:
    for changes in (
        {"bind_dn": f"CN=gina-must-change,{PEOPLE}"},
        {"bind_dn": READER.replace("portal", "none")},
    ):
        with pytest.raises(IdentityUnavailable) as caught:
            directory.sign_in(server.ldap_server(**changes), "ada", PASSWORD)
        assert caught.value.reason == Fault.BIND


def test_nobody_in_particular_may_ask_nothing(directory: Directory, server: Samba) -> None:
    with pytest.raises(IdentityUnavailable):
        directory.find_person(
            server.ldap_server(bind_dn="", bind_password=""), "00000000-0000-0000-0000-000000000000"
        )


def test_the_walk_through_the_steps(directory: Directory, server: Samba) -> None:
    steps = directory.check(server.ldap_server())
    assert [(step.name, step.is_ok) for step in steps] == [
        (name, True) for name in ("address", "reachable", "TLS", "bind", "people", "groups")
    ]
