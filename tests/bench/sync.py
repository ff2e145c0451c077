"""A directory read: 10,000 people of slapd, beside ldap3's own paging and bulk SQL; sign-ins; memory at 100,000."""

import ssl
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import ldap3

from brokers.types import AccountState, LdapGroup, LdapPerson, LdapServer
from tests.bench.planting import sql
from tests.bench.registry import Section
from tests.servers.slapd import GROUPS, PASSWORD, PEOPLE, Slapd, group, person, slapd

COUNT, TEAMS, ROUNDS, SIGN_INS = 10_000, 20, 5, 40
NAMES = [f"user{number:05d}" for number in range(COUNT)]
PERSON_ATTRIBUTES = [
    "entryUUID", "uid", "mail", "displayName", "pwdAccountLockedTime", "pwdEndTime", "pwdReset", "shadowExpire",
    "nsAccountLock",
]  # fmt: skip
# What a sync writes where nothing changed, by the page: who is there is confirmed.
CONFIRM = """UPDATE directory_externalidentity SET confirmed_at = clock_timestamp()
    WHERE provider_id = %s AND subject = ANY(%s) AND gone_at IS NULL"""
KNOWN = """SELECT i.subject, p.id, p.name, p.email FROM directory_externalidentity i
    JOIN directory_person p ON p.id = i.person_id WHERE i.provider_id = %s AND i.subject = ANY(%s)"""
HELD = """SELECT m.person_id, g.name FROM directory_groupmembership m JOIN directory_group g ON g.id = m.group_id
    WHERE g.provider_id = %s"""


def run() -> list[Section]:
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as folder:
        Path(folder).chmod(0o755)
        with slapd(Path(folder) / "slapd", people=[person(name) for name in NAMES]) as server:
            server.add(
                *(group(f"team{team}", [f"uid={name},ou=people" for name in NAMES[team::TEAMS]])
                  for team in range(TEAMS)),
                group("division", [f"cn=team{team},ou=groups" for team in range(TEAMS)]),
            )  # fmt: skip
            office = _office(server)
            return [_syncs(server, office), _sign_ins(server, office), _memory()]


def _office(server: Slapd) -> Any:
    from portal import wiring  # noqa: PLC0415  # after the settings are chosen
    from tests.real_directories import admit_all, connect_directory  # noqa: PLC0415

    told = server.ldap_server(page_size=1000)
    office = connect_directory(told)
    admit_all(office, {one.stable_id: one.login for one in wiring.ldap_ports().people(told)})
    return office


def _syncs(server: Slapd, office: Any) -> Section:
    from portal import wiring  # noqa: PLC0415

    first = _timed(lambda: _sync(office, wiring.ldap_ports()))
    sql("ANALYZE")
    ours, raw = [], []
    for _ in range(ROUNDS):
        raw.append(_timed(lambda: _plain(server, office)))
        ours.append(_timed(lambda: _sync(office, wiring.ldap_ports())))
    memberships = sql("SELECT count(*) FROM directory_groupmembership")[0][0]
    floor = median(raw)
    rows = [
        ["ldap3's paging and bulk SQL", f"{floor:.2f}", "1.00"],
        ["the sync, nothing changed", f"{median(ours):.2f}", f"{median(ours) / floor:.2f}"],
        [
            f"the first sync: {memberships:,} memberships with their trail",
            f"{first:.2f}",
            f"{first / floor:.2f}",
        ],
    ]
    text = (
        f"{COUNT:,} people, all known to the portal, and {TEAMS + 6} groups, {TEAMS} of them with {COUNT // TEAMS} "
        "members and all in one more, read from slapd over TLS by pages of 1,000; medians of "
        f"{ROUNDS} rounds taken in turns. The plain way pages with ldap3, confirms who is there with one statement a "
        "page, and compares names and memberships in memory. The sync also judges account states, keeps its progress, "
        "and looks for whoever was not seen."
    )
    return Section("A directory of 10,000 synced", text, ["", "seconds", "times the plain way's"], rows)


def _sync(office: Any, ldap: Any) -> None:
    from portal.identity.operations.ask_sync import ask_sync  # noqa: PLC0415
    from portal.identity.operations.sync_people import run_sync  # noqa: PLC0415
    from portal.kernel.actor import Actor  # noqa: PLC0415

    ask_sync(provider_id=office.pk, actor=Actor.command("bench"))
    run = run_sync(ldap=ldap)
    if run is None or run.state != "done" or run.gone > 2:  # two of the server's own are over
        raise AssertionError(f"the sync is {run and run.state}: {run and run.problem}")


def _connection(server: Slapd) -> ldap3.Connection:
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_data=server.ca_certificates)
    told = ldap3.Server("127.0.0.1", server.ldaps_port, use_ssl=True, tls=tls, get_info=ldap3.NONE)
    ours = server.ldap_server()
    return ldap3.Connection(told, ours.bind_dn, ours.bind_password, auto_bind=True)


def _plain(server: Slapd, office: Any) -> None:
    link = _connection(server)
    by_dn: dict[str, Any] = {}
    for page in _pages(link, PEOPLE, "(objectClass=inetOrgPerson)", PERSON_ATTRIBUTES):
        ids = [entry["attributes"]["entryUUID"][0] for entry in page]
        known = {row[0]: row[1:] for row in sql(KNOWN, office.pk, ids)}
        sql(CONFIRM, office.pk, ids)
        for entry in page:
            told = entry["attributes"]
            person_id, *_ = known.get(told["entryUUID"][0], (None,))
            by_dn[entry["dn"].lower()] = person_id
    members: dict[str, tuple[str, list[str]]] = {}
    for page in _pages(link, GROUPS, "(objectClass=groupOfNames)", ["entryUUID", "cn", "member"]):
        for entry in page:
            told = entry["attributes"]
            members[entry["dn"].lower()] = (told["cn"][0], [dn.lower() for dn in told["member"]])
    link.unbind()
    wanted = {(by_dn[dn], name) for name, dns in members.values() for dn in dns if dn in by_dn}
    held = set(sql(HELD, office.pk))
    wanted -= held


def _pages(link: Any, base: str, asked: str, attributes: list[str]) -> Iterator[list[Any]]:
    cookie: Any = None
    while cookie is None or cookie:
        link.search(base, asked, attributes=attributes, paged_size=1000, paged_cookie=cookie)
        yield [entry for entry in link.response if entry["type"] == "searchResEntry"]
        cookie = link.result["controls"]["1.2.840.113556.1.4.319"]["value"]["cookie"]


def _sign_ins(server: Slapd, office: Any) -> Section:
    raw, asked, whole = [], [], []
    for number in range(SIGN_INS):
        name = NAMES[number]
        raw.append(_timed(lambda name=name: _plain_sign_in(server, name)))  # type: ignore[misc]
        asked.append(_timed(lambda name=name: _prove(office, name)))  # type: ignore[misc]
        whole.append(_timed(lambda name=name: _sign_in(office, name)))  # type: ignore[misc]
    floor = median(raw)
    ways = {
        "ldap3's calls": raw,
        "what the portal asks of the directory": asked,
        "the whole sign-in, with its records": whole,
    }
    rows = [
        [name, f"{median(took) * 1000:.1f}", f"{median(took) / floor:.2f}"] for name, took in ways.items()
    ]
    text = (
        f"{SIGN_INS} people of those sign in with their password, in turns; medians. The raw calls are those that any "
        "portal must make, on two new connections with their certificate verified: bind, search, bind as the person; "
        "and the groups level by level until none is above. The whole sign-in also counts the try, keeps name, address "
        "and groups, and writes the trail, in some thirty statements on PostgreSQL."
    )
    return Section("Sign-in at a directory", text, ["", "milliseconds", "times the raw calls'"], rows)


def _prove(office: Any, name: str) -> None:
    from portal import wiring  # noqa: PLC0415
    from portal.identity.operations.ldap_sign_in import prove_by_ldap  # noqa: PLC0415

    prove_by_ldap(provider=office, username=name, password=PASSWORD, ldap=wiring.ldap_ports())


def _plain_sign_in(server: Slapd, name: str) -> None:
    link = _connection(server)
    link.search(PEOPLE, f"(&(objectClass=inetOrgPerson)(uid={name}))", attributes=PERSON_ATTRIBUTES)
    [entry] = link.response or []
    if not link.rebind(entry["dn"], PASSWORD):
        raise AssertionError("the password is wrong")
    link.unbind()
    link = _connection(server)
    level, seen = [entry["dn"]], {entry["dn"]}
    while level:
        wanted = "".join(f"(member={dn})" for dn in level)
        asked = f"(&(objectClass=groupOfNames)(|{wanted}))"
        link.search(GROUPS, asked, attributes=["entryUUID", "cn"])
        level = [one["dn"] for one in link.response or [] if one["dn"] not in seen]
        seen.update(level)
    link.unbind()


def _sign_in(office: Any, name: str) -> None:
    from portal import wiring  # noqa: PLC0415
    from portal.identity.operations.ldap_sign_in import sign_in_by_ldap  # noqa: PLC0415
    from portal.identity.operations.limit_tries import Place  # noqa: PLC0415
    from portal.kernel.actor import Actor, ActorKind  # noqa: PLC0415

    sign_in_by_ldap(
        provider=office,
        username=name,
        password=PASSWORD,
        next_path="/",
        ldap=wiring.ldap_ports(),
        place=Place("192.0.2.1"),
        actor=Actor(ActorKind.NOBODY, "nobody"),
    )


class Source:
    """So many people and a group for each hundred of them, made as they are read."""

    def __init__(self, count: int) -> None:
        self.count = count

    def people(self, _: LdapServer) -> Iterator[LdapPerson]:
        for number in range(self.count):
            name = f"p{number}"
            told = {"displayName": (name.title(),), "mail": (f"{name}@example.test",)}
            yield LdapPerson(f"id-{number}", f"uid={name},{PEOPLE}", name, AccountState.USABLE, told)

    def groups(self, _: LdapServer) -> Iterator[LdapGroup]:
        for first in range(0, self.count, 100):
            members = tuple(f"uid=p{number},{PEOPLE}" for number in range(first, first + 100))
            yield LdapGroup(f"gid-{first}", f"cn=g{first},{GROUPS}", f"g{first}", members)


def _memory() -> Section:
    from tests.fake_ldap import make_directory  # noqa: PLC0415
    from tests.real_directories import admit_all  # noqa: PLC0415

    rows = []
    for count in (COUNT, 10 * COUNT):
        for known in (count // 10, count):
            office = make_directory(f"d{count}-{known}")
            admit_all(office, {f"id-{number}": f"p{number}" for number in range(known)})
            source: Any = Source(count)
            _sync(office, source)
            sql("ANALYZE")
            seconds = _timed(lambda: _sync(office, source))  # noqa: B023  # called at once
            tracemalloc.start()
            _sync(office, source)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            each = peak / count
            rows.append([f"{count:,}", f"{known:,}", f"{peak / 1e6:.0f}", f"{each:,.0f}", f"{seconds:.1f}"])
    text = (
        "People are made up as they are read, each in one group of a hundred; nothing has changed since the sync "
        "before. Memory is the peak of what Python allocates meanwhile. An entry is never kept: what is kept are the "
        "known people's ids by a hash of their names, and the groups' members by number."
    )
    columns = ["people", "known to the portal", "peak MB", "bytes a person", "seconds"]
    return Section("Memory of a sync", text, columns, rows)


def _timed(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    took = time.monotonic() - began
    sys.stderr.write(f"{took:.3f} s\n")
    return took
