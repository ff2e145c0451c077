"""A fake directory at the port: entries in memory, and faults that a test sets. Nothing of LDAP is in it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from brokers.errors import IdentityUnavailable, SignInRejected
from brokers.types import AccountState, CheckStep, LdapGroup, LdapPerson, LdapServer
from portal.directory.models import IdentityProvider, LdapSettings

BASE = "dc=example,dc=test"
PEOPLE, GROUPS = f"ou=people,{BASE}", f"ou=groups,{BASE}"
PASSWORD = "right horse"
DOWN = IdentityUnavailable("ldap", "unreachable", "nobody listens at 127.0.0.1:389")


@dataclass
class FakeLdap:
    """`fail[operation]` is raised by it; `breaks_after`: people and groups break off after so many entries.

    `before[operation]` runs before it. Operations: sign_in, find_person, groups_of, people, groups.
    """

    entries: dict[str, LdapPerson] = field(default_factory=dict)
    all_groups: dict[str, LdapGroup] = field(default_factory=dict)
    fail: dict[str, Exception] = field(default_factory=dict)
    before: dict[str, Callable[[], object]] = field(default_factory=dict)
    breaks_after: int | None = None
    calls: list[str] = field(default_factory=list)

    def add(self, login: str, state: AccountState = AccountState.USABLE, **told: str) -> LdapPerson:
        stable_id = told.pop("stable_id", f"id-{login}")
        known = {"displayName": login.capitalize(), "mail": f"{login}@example.test", **told}
        person = LdapPerson(
            stable_id,
            f"uid={login},{PEOPLE}",
            login,
            state,
            {name: (value,) for name, value in known.items()},
        )
        self.entries[stable_id] = person
        return person

    def change(self, login: str, state: AccountState) -> None:
        stable_id = f"id-{login}"
        self.entries[stable_id] = replace(self.entries[stable_id], state=state)

    def remove(self, login: str) -> None:
        del self.entries[f"id-{login}"]

    def group(self, name: str, *members: str, ou: str = GROUPS, stable_id: str = "") -> LdapGroup:
        """Make a group, or make it anew. `members`: logins, or DNs."""
        dns = tuple(member if "=" in member else f"uid={member},{PEOPLE}" for member in members)
        made = LdapGroup(stable_id or f"gid-{name}-{ou}", f"cn={name},{ou}", name, dns)
        self.all_groups[made.stable_id] = made
        return made

    def sign_in(self, server: LdapServer, username: str, password: str) -> LdapPerson:  # noqa: ARG002  # the port\'s
        self._call("sign_in")
        found = [one for one in self.entries.values() if one.login.lower() == username.strip().lower()]
        if not found:
            raise SignInRejected("ldap", "unknown", username)
        if password != PASSWORD:
            raise SignInRejected("ldap", "wrong_password", username)
        if found[0].state != AccountState.USABLE:
            raise SignInRejected("ldap", found[0].state.value, username)
        return found[0]

    def find_person(self, server: LdapServer, stable_id: str) -> LdapPerson | None:  # noqa: ARG002  # the port\'s
        self._call("find_person")
        return self.entries.get(stable_id)

    def groups_of(self, server: LdapServer, person: LdapPerson) -> tuple[LdapGroup, ...]:
        self._call("groups_of")
        found: dict[str, LdapGroup] = {}
        wanted = {person.dn}
        for _ in range(server.max_depth):
            level = [group for group in self.all_groups.values() if wanted & set(group.member_dns)]
            found |= {group.stable_id: group for group in level}
            wanted = {group.dn for group in level}
        return tuple(found.values())

    def people(self, server: LdapServer) -> Iterator[LdapPerson]:  # noqa: ARG002  # the port\'s
        self._call("people")
        yield from self._broken_off(list(self.entries.values()))

    def groups(self, server: LdapServer) -> Iterator[LdapGroup]:  # noqa: ARG002  # the port\'s
        self._call("groups")
        yield from list(self.all_groups.values())

    def check(self, server: LdapServer) -> Sequence[CheckStep]:
        return [CheckStep("address", is_ok=True, detail=", ".join(server.urls))]

    def _broken_off(self, entries: Sequence[LdapPerson]) -> Iterator[LdapPerson]:
        for number, entry in enumerate(entries):
            if number == self.breaks_after:
                raise DOWN
            yield entry

    def _call(self, operation: str) -> None:
        self.calls.append(operation)
        if operation in self.before:
            self.before[operation]()
        if operation in self.fail:
            raise self.fail[operation]


def make_directory(slug: str = "office", **fields: object) -> IdentityProvider:
    """Make a provider of kind LDAP; `fields` with `ldap_` in front are its settings'."""
    settings = {
        name.removeprefix("ldap_"): value for name, value in fields.items() if name.startswith("ldap_")
    }
    known = {name: value for name, value in fields.items() if not name.startswith("ldap_")}
    provider = IdentityProvider.objects.create(
        slug=slug, kind="ldap", email_attribute="mail", **{"name": "Office directory", **known}
    )
    LdapSettings.objects.create(
        provider=provider,
        **{
            "urls": ["ldaps://ldap.example.test"],
            "bind_dn": f"cn=portal,{BASE}",
            "people_base": PEOPLE,
            "groups_base": GROUPS,
            **settings,
        },
    )
    return provider
