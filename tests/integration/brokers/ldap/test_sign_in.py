"""Sign-in at a real OpenLDAP: who comes in, and everybody beside them who doesn't."""

import pytest

from brokers.errors import IdentityUnavailable, SignInRejected
from brokers.ldap import Directory, Fault, Reason
from brokers.types import AccountState
from tests.servers.slapd import PASSWORD, PEOPLE, Slapd, person

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("slapd")]


def refused(
    directory: Directory, server: Slapd, login: str, password: str = PASSWORD, **changes: object
) -> str:
    with pytest.raises(SignInRejected) as caught:
        directory.sign_in(server.ldap_server(**changes), login, password)
    assert caught.value.code == f"ldap.{caught.value.reason}"
    assert password == "" or password not in str(caught.value)
    return caught.value.reason


def test_the_right_password_signs_in(directory: Directory, server: Slapd) -> None:
    ada = directory.sign_in(server.ldap_server(), "ada", PASSWORD)
    assert (ada.dn, ada.login, ada.state) == (f"uid=ada,{PEOPLE}", "ada", AccountState.USABLE)
    assert ada.attributes == {"mail": ("ada@example.test",), "displayName": ("Ada",)}
    assert directory.sign_in(server.ldap_server(), "ADA", PASSWORD) == ada
    assert PASSWORD not in repr(server.ldap_server())


def test_a_wrong_password(directory: Directory, server: Slapd) -> None:
    assert refused(directory, server, "ada", "Wrong-Horse-7") == Reason.WRONG_PASSWORD
    assert refused(directory, server, "ada", PASSWORD + " ") == Reason.WRONG_PASSWORD
    assert directory.sign_in(server.ldap_server(), "ada", PASSWORD)


def test_no_password_is_no_bind(directory: Directory, server: Slapd) -> None:
    """This server takes a name without a password for an anonymous bind, which is a success (RFC 4513, 5.1.2)."""
    assert refused(directory, server, "ada", "") == Reason.EMPTY_PASSWORD


@pytest.mark.parametrize("nothing", ["\u00ad", "\u200b", "\u00ad\u2060"])
def test_a_password_that_saslprep_makes_nothing_of(directory: Directory, server: Slapd, nothing: str) -> None:
    """RFC 4013, 2.1: mapped to nothing. What is left would be no password at all."""
    assert refused(directory, server, "ada", nothing) == Reason.WRONG_PASSWORD


def test_a_password_ends_where_it_ends(directory: Directory, server: Slapd) -> None:
    assert directory.sign_in(server.ldap_server(), "olga", PASSWORD).login == "olga"
    assert refused(directory, server, "olga", f"{PASSWORD}\0 and more") == Reason.WRONG_PASSWORD
    assert refused(directory, server, "olga", "\ud800") == Reason.WRONG_PASSWORD


@pytest.mark.parametrize(
    "login",
    [
        "",
        "ada\0",
        "\0",
        "ada\n",
        "a\x1bda",
        "a\u200bda",  # zero width space
        "\u202eada",  # right-to-left override
        "a\u00adda",
        "ada\ud800",
        " ada",
        "ada ",
        "a" * 257,
    ],
)
def test_logins_that_are_none(directory: Directory, server: Slapd, login: str) -> None:
    assert refused(directory, server, login) == Reason.BAD_USERNAME


@pytest.mark.parametrize(
    "login",
    ["*", "a*", "ad*a", "ada)(uid=*", "*)(uid=ada", "ada)(|(uid=*", "\\61da", "ada)(objectClass=*))(&(a=b",
     "(ada)", "ada|", "&", "uid=ada", f"uid=ada,{PEOPLE}", "aa", "\uff41\uff44\uff41", "a d a", "nobody"],
)  # fmt: skip
def test_logins_that_nobody_has(directory: Directory, server: Slapd, login: str) -> None:
    assert refused(directory, server, login) == Reason.UNKNOWN


def test_a_login_and_a_dn_of_odd_characters_are_just_that(directory: Directory, server: Slapd) -> None:
    odd = directory.sign_in(server.ldap_server(), "a(b)*c\\d", PASSWORD)
    assert odd.login == "a(b)*c\\d"
    assert directory.find_person(server.ldap_server(), odd.stable_id) == odd
    assert directory.groups_of(server.ldap_server(), odd) == ()
    assert directory.sign_in(server.ldap_server(), "ZOË", PASSWORD).login == "zoë"


def test_an_accent_is_another_name(directory: Directory, server: Slapd) -> None:
    assert refused(directory, server, "zoe") == Reason.UNKNOWN


def test_two_entries_with_one_login(directory: Directory, server: Slapd) -> None:
    assert refused(directory, server, "twin") == Reason.AMBIGUOUS
    assert directory.sign_in(server.ldap_server(), "twin-not", PASSWORD)


def test_somebody_whom_the_filter_leaves_out(directory: Directory, server: Slapd) -> None:
    only_ben = "(&(objectClass=inetOrgPerson)(uid=ben))"
    assert refused(directory, server, "ada", people_filter=only_ben) == Reason.UNKNOWN
    ben = directory.sign_in(server.ldap_server(people_filter=only_ben), "ben", PASSWORD)
    # Nor is somebody known who was let in before the filter left them out: whoever asks about them hears that.
    ada = directory.sign_in(server.ldap_server(), "ada", PASSWORD)
    assert directory.find_person(server.ldap_server(people_filter=only_ben), ada.stable_id) is None
    assert directory.find_person(server.ldap_server(people_filter=only_ben), ben.stable_id) == ben


@pytest.mark.parametrize(
    ("login", "right", "wrong"),
    [
        # A password policy answers the right password as it does a wrong one: what the entry says decides.
        ("dora-disabled", Reason.DISABLED, Reason.DISABLED),
        ("fred-locked", Reason.LOCKED, Reason.LOCKED),
        ("erin-expired", Reason.EXPIRED, Reason.WRONG_PASSWORD),
        ("gina-must-change", Reason.PASSWORD_MUST_CHANGE, Reason.WRONG_PASSWORD),
    ],
)
def test_accounts_that_may_not_sign_in(
    directory: Directory, server: Slapd, login: str, right: Reason, wrong: Reason
) -> None:
    assert refused(directory, server, login) == right
    assert refused(directory, server, login, "Wrong-Horse-7") == wrong


def test_a_password_that_is_too_old(directory: Directory, server: Slapd) -> None:
    policy = "cn=short,dc=example,dc=test"
    server.add(
        f"dn: {policy}\nobjectClass: pwdPolicy\nobjectClass: device\ncn: short\npwdAttribute: userPassword\n"
        "pwdMaxAge: 60\n",
        person("hugo", f"pwdPolicySubentry: {policy}", "pwdChangedTime: 20200101000000Z"),
        person("hana", f"pwdPolicySubentry: {policy}"),
    )
    assert refused(directory, server, "hugo") == Reason.PASSWORD_EXPIRED
    assert directory.sign_in(server.ldap_server(), "hana", PASSWORD)


def test_too_many_tries_lock_and_the_lock_ends(directory: Directory, server: Slapd) -> None:
    policy = "cn=strict,dc=example,dc=test"
    server.add(
        f"dn: {policy}\nobjectClass: pwdPolicy\nobjectClass: device\ncn: strict\npwdAttribute: userPassword\n"
        "pwdLockout: TRUE\npwdMaxFailure: 2\npwdLockoutDuration: 2\n",
        person("lena", f"pwdPolicySubentry: {policy}"),
    )
    assert [refused(directory, server, "lena", "Wrong-Horse-7") for _ in range(3)][-1] == Reason.LOCKED
    assert refused(directory, server, "lena") == Reason.LOCKED
    server.change(
        f"dn: uid=lena,{PEOPLE}\nchangetype: modify\n"
        "replace: pwdAccountLockedTime\npwdAccountLockedTime: 20200101000000Z\n"
    )
    # The lock's time is over, which only the server knows: it lets her in, and then takes the lock off the entry.
    assert directory.sign_in(server.ldap_server(), "lena", PASSWORD).state is AccountState.USABLE


def test_somebody_is_found_by_id_whatever_their_state(directory: Directory, server: Slapd) -> None:
    settings = server.ldap_server()
    states = {person.login: person for person in directory.people(settings)}
    for login, state in (
        ("ada", AccountState.USABLE),
        ("dora-disabled", AccountState.DISABLED),
        ("fred-locked", AccountState.LOCKED),
        ("erin-expired", AccountState.EXPIRED),
        ("gina-must-change", AccountState.PASSWORD_MUST_CHANGE),
    ):
        found = directory.find_person(settings, states[login].stable_id)
        assert found == states[login]
        assert found.state is state
    for nobody in ("", "*", "00000000-0000-0000-0000-000000000000", "no uuid"):
        assert directory.find_person(settings, nobody) is None


def test_somebody_who_moved_is_still_the_same(directory: Directory, server: Slapd) -> None:
    server.add(person("mona"))
    before = directory.sign_in(server.ldap_server(), "mona", PASSWORD)
    server.change(f"dn: uid=mona,{PEOPLE}\nchangetype: modrdn\nnewrdn: uid=mona-lisa\ndeleteoldrdn: 1\n")
    after = directory.find_person(server.ldap_server(), before.stable_id)
    assert after is not None
    assert (after.login, after.dn) == ("mona-lisa", f"uid=mona-lisa,{PEOPLE}")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"bind_password": "wrong"}, Fault.BIND),
        ({"bind_password": ""}, Fault.SETTINGS),
        ({"bind_dn": "cn=nobody,dc=example,dc=test"}, Fault.BIND),
        ({"people_base": "ou=nowhere,dc=example,dc=test"}, Fault.SEARCH),
        ({"people_base": "no dn"}, Fault.SEARCH),
        ({"people_filter": "(objectClass=person"}, Fault.SETTINGS),
        # Nobody may read anything unbound here: not an empty directory, but no answer.
        ({"bind_dn": "", "bind_password": ""}, Fault.SEARCH),
        ({"id_attribute": "employeeNumber"}, Fault.MALFORMED),
    ],
)
def test_settings_that_do_not_fit_say_nothing_of_anybody(
    directory: Directory, server: Slapd, changes: dict[str, str], fault: Fault
) -> None:
    with pytest.raises(IdentityUnavailable) as caught:
        directory.sign_in(server.ldap_server(**changes), "ada", PASSWORD)
    assert caught.value.reason == fault
    if fault != Fault.MALFORMED:
        with pytest.raises(IdentityUnavailable):
            directory.find_person(server.ldap_server(**changes), "00000000-0000-0000-0000-000000000000")
