"""Sign-in by bind: find the one entry with that login, bind as it, and believe what the directory then says.

What whoever tries gets to know is the caller's: here every reason has its own name, for the operator.
"""

import secrets
import unicodedata

from brokers.ldap import account_state, faults, people
from brokers.ldap.connecting import Memory, bind_portal, connected
from brokers.ldap.entries import Entry
from brokers.ldap.link import PASSWORD_POLICY, Answer, Link
from brokers.ldap.reasons import Fault, Reason, rejected, unavailable
from brokers.types import AccountState, LdapPerson, LdapServer

MAX_LOGIN = 256
# Control, format, surrogate, private use, unassigned; line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_OTHER_REFUSALS = {faults.INVALID_CREDENTIALS, faults.INAPPROPRIATE_AUTHENTICATION, faults.NO_SUCH_OBJECT}
# States in which a directory refuses the right password too, in the words that it has for a wrong one.
_KEPT_OUT = {AccountState.DISABLED, AccountState.LOCKED}


def sign_in(server: LdapServer, memory: Memory, username: str, password: str) -> LdapPerson:
    """Return who has proven to be `username`.

    Raises:
        SignInRejected: with one of `brokers.ldap.reasons.Reason`.
        IdentityUnavailable: with one of `brokers.ldap.reasons.Fault`.
    """
    _check_password(password)
    _check_username(username)
    with connected(server, memory) as link:
        entry, login = _one(link, server, username, password)
        person = people.person_of(entry, server, login=login)
        answer = link.bind(entry.dn, password)
        _check_bind(answer, person, link)
        if _must_change(answer):
            raise rejected(Reason.PASSWORD_MUST_CHANGE, entry.dn)
        return person if person.state is AccountState.USABLE else _again(link, server, person)


def _check_password(password: str) -> None:
    if not password:
        raise rejected(Reason.EMPTY_PASSWORD)
    if "\0" in password:
        # crypt(3) and others stop reading there: what comes before it would be enough.
        raise rejected(Reason.WRONG_PASSWORD, "the password has a NUL")
    if any(unicodedata.category(sign) == "Cs" for sign in password):
        raise rejected(Reason.WRONG_PASSWORD, "the password is not text")


def _check_username(username: str) -> None:
    if not 0 < len(username) <= MAX_LOGIN or username != username.strip():
        raise rejected(Reason.BAD_USERNAME, f"{len(username)} characters, or spaces around them")
    unseen = [sign for sign in username if unicodedata.category(sign) in _UNSEEN]
    if unseen:
        raise rejected(Reason.BAD_USERNAME, f"has U+{ord(unseen[0]):04X}")


def _one(link: Link, server: LdapServer, username: str, password: str) -> tuple[Entry, str]:
    """Return the one entry with that login, and the login as the directory writes it.

    Directories find more than what was typed: they fold accents, widths and spaces. Nobody is signed in as somebody
    whose name isn't theirs but for upper and lower case.
    """
    found = people.with_login(link, server, username)
    if len(found) > 1:
        raise rejected(Reason.AMBIGUOUS, f"{found[0].dn}, {found[1].dn}")
    for entry in found:
        for login in entry.all(server.login_attribute):
            if login.casefold() == username.casefold():
                return entry, login
    # Whoever doesn't exist takes as many round trips as whoever does.
    link.bind(f"cn={secrets.token_hex(8)},{server.people_base}", secrets.token_hex(len(password) // 2 + 1))
    # What was typed is not told on: it may have been a password.
    raise rejected(Reason.UNKNOWN, f"nobody under {server.people_base} has that {server.login_attribute}")


def _check_bind(answer: Answer, person: LdapPerson, link: Link) -> None:
    if answer.code == faults.SUCCESS:
        return
    told = account_state.by_diagnostic(answer.message) or account_state.by_policy(_policy(answer))
    if told is None and answer.code == faults.CONSTRAINT_VIOLATION:
        told = Reason.LOCKED  # 389 Directory Server, after too many tries
    if told is None and answer.code in _OTHER_REFUSALS:
        told = Reason(person.state) if person.state in _KEPT_OUT else Reason.WRONG_PASSWORD
    if told is not None:
        raise rejected(told, person.dn)
    fault = Fault.BUSY if answer.code in {faults.BUSY, faults.UNAVAILABLE} else Fault.BIND
    raise unavailable(
        fault, f"{link.url} did not bind {person.dn}: result {answer.code} {answer.message}".strip()
    )


def _again(link: Link, server: LdapServer, before: LdapPerson) -> LdapPerson:
    """Return the person as they are after the bind, which ends a lock whose time is over; refuse what is left."""
    bind_portal(link, server)
    entry = link.read(before.dn, people.wanted(server))
    if entry is None:
        raise rejected(Reason.UNKNOWN, before.dn)
    person = people.person_of(entry, server, login=before.login)
    if person.state is not AccountState.USABLE:
        raise rejected(Reason(person.state), person.dn)
    return person


def _must_change(answer: Answer) -> bool:
    return account_state.by_policy(_policy(answer)) is Reason.PASSWORD_MUST_CHANGE


def _policy(answer: Answer) -> bytes:
    return answer.controls.get(PASSWORD_POLICY, b"")
