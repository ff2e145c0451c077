"""OpenLDAP's slapd on free ports of 127.0.0.1: TLS by an authority of its own, memberof, refint and ppolicy.

People of ou=people, each with the password PASSWORD: ada (in oncall, which is in payments, which is in engineering),
ben (in loop-b, which is in loop-a, which is in loop-b), carol (in no group), and accounts in the states that their
names tell: dora-disabled, fred-locked, erin-expired, gina-must-change. As root it runs as `nobody` (65534).
"""

import contextlib
import os
import secrets
import socket
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from brokers.types import LdapNesting, LdapServer
from tests.servers.authority import LOCAL, Authority
from tests.servers.process import need_command, need_path, running

PACKAGE = "slapd"
NOBODY = 65534
SUFFIX = "dc=example,dc=test"
PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"
READER = f"cn=portal,{SUFFIX}"
ROOT = f"cn=root,{SUFFIX}"
PASSWORD = "Correct-Horse-7"
READER_PASSWORD = "Reads-Only-7"
ROOT_PASSWORD = "Writes-Too-7"
GROUP_MEMBERS = {
    "oncall": ["uid=ada,ou=people"],
    "payments": ["cn=oncall,ou=groups"],
    "engineering": ["cn=payments,ou=groups", "uid=dora-disabled,ou=people"],
    "loop-a": ["cn=loop-b,ou=groups"],
    "loop-b": ["cn=loop-a,ou=groups", "uid=ben,ou=people"],
}
STATES = {
    "dora-disabled": ["pwdAccountLockedTime: 000001010000Z"],
    "fred-locked": [f"pwdAccountLockedTime: {datetime.now(UTC) - timedelta(minutes=1):%Y%m%d%H%M%SZ}"],
    "erin-expired": ["objectClass: shadowAccount", "shadowExpire: 11000"],
    "gina-must-change": ["pwdReset: TRUE"],
}


@dataclass
class Slapd:
    """A server that is running, or was stopped. Its addresses stay; what was written to it is kept."""

    directory: Path
    ldap_port: int
    ldaps_port: int
    authority: Authority
    tls: bool = True
    _running: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)
    pid: int = 0

    @property
    def ldap_url(self) -> str:
        return f"ldap://127.0.0.1:{self.ldap_port}"

    @property
    def ldaps_url(self) -> str:
        return f"ldaps://127.0.0.1:{self.ldaps_port}"

    @property
    def ca_certificates(self) -> str:
        return self.authority.certificate

    def ldap_server(self, **changes: Any) -> LdapServer:
        """Return how the portal would be told of this server: ldaps://, nested groups walked."""
        told = LdapServer(
            urls=(self.ldaps_url,),
            start_tls=False,
            ca_certificates=self.ca_certificates,
            bind_dn=READER,
            bind_password=READER_PASSWORD,
            is_active_directory=False,
            people_base=PEOPLE,
            people_filter="(objectClass=inetOrgPerson)",
            login_attribute="uid",
            id_attribute="entryUUID",
            groups_base=GROUPS,
            groups_filter="(objectClass=groupOfNames)",
            group_name_attribute="cn",
            nesting=LdapNesting.WALK,
            extra_attributes=("mail", "displayName"),
        )
        return replace(told, **changes)

    def start(self) -> None:
        urls = f"{self.ldap_url}/ {self.ldaps_url}/" if self.tls else f"{self.ldap_url}/"
        command = [need_command("slapd", package=PACKAGE), "-f", str(self.directory / "slapd.conf")]
        command = [*_as_nobody(), *command, "-h", urls, "-d", "0"]
        log = self.directory / "slapd.log"
        self.pid = self._running.enter_context(running(command, log=log, port=self.ldap_port)).pid

    def stop(self) -> None:
        self._running.close()

    def change(self, ldif: str) -> None:
        """Do what `ldif` says (with `changetype:` lines), as the directory's own root."""
        command = ["ldapmodify", "-x", "-H", self.ldap_url, "-D", ROOT, "-w", ROOT_PASSWORD, "-e", "relax"]
        done = subprocess.run(command, input=ldif.encode(), capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr.decode()

    def add(self, *entries: str) -> None:
        """Add entries that `person` and `group` made."""
        self.change("\n".join(entry.replace("\n", "\nchangetype: add\n", 1) for entry in entries))


def person(name: str, *more: str, password: str = PASSWORD) -> str:
    """Return the LDIF of somebody. `more`: further lines."""
    lines = [
        f"dn: uid={name},{PEOPLE}",
        "objectClass: inetOrgPerson",
        *(line for line in more if line.startswith("objectClass:")),  # slapadd wants them side by side
        f"uid: {name}",
        f"cn: {name}",
        f"sn: {name}",
        f"displayName: {name.title()}",
        f"mail: {name}@example.test",
        f"userPassword: {password}",
    ]
    lines += [line for line in more if not line.startswith("objectClass:")]
    return "\n".join([*lines, ""])


def group(name: str, members: Iterable[str]) -> str:
    """Return the LDIF of a group. `members`: DNs without the suffix."""
    return "\n".join(
        [
            f"dn: cn={name},{GROUPS}",
            "objectClass: groupOfNames",
            f"cn: {name}",
            *(f"member: {member},{SUFFIX}" for member in members),
            "",
        ]
    )


@contextlib.contextmanager
def slapd(  # one server, and what may be wrong with it
    directory: Path,
    *,
    people: Iterable[str] = (),
    names: Sequence[str] = LOCAL,
    lasts: timedelta = timedelta(days=20),
    authority: Authority | None = None,
    tls: bool = True,
    settings: Sequence[str] = (),
    unlimited: bool = True,
) -> Iterator[Slapd]:
    """Run it until the block ends; 0.2 s to seed and start, and 10,000 `people` (by `person`) half a second more.

    `names`, `lasts`: of its certificate. `settings`: lines of slapd.conf for the database. `unlimited`: the reader
    may see as many entries as there are.
    """
    server = Slapd(directory, _lasting_port(), _lasting_port(), authority or Authority(), tls=tls)
    modules = need_path("/usr/lib/ldap/back_mdb.so", package=PACKAGE).parent
    (directory / "data").mkdir(parents=True)
    owner = NOBODY if os.geteuid() == 0 else None
    server.authority.issue(directory, names, lasts=lasts, owner=owner)
    limits = [f'limits dn.exact="{READER}" size=unlimited time=unlimited'] if unlimited else []
    (directory / "slapd.conf").write_text(_configuration(server, modules, [*limits, *settings]))
    _seed(server, people)
    if owner is not None:
        _give_to(owner, directory)
    try:
        server.start()
        server.add(*(group(name, members) for name, members in GROUP_MEMBERS.items()))
        yield server
    finally:
        server.stop()


def _lasting_port() -> int:
    """Return a free port that no outgoing connection is given while the server is stopped (Linux: from 32768)."""
    while True:
        port = secrets.randbelow(12_000) + 20_000
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _seed(server: Slapd, people: Iterable[str]) -> None:
    known = [person(name) for name in ("ada", "ben", "carol")]
    known += [person(name, *lines) for name, lines in STATES.items()]
    text = "\n".join([*_TREE, *known, *people])
    command = [need_command("slapadd", package=PACKAGE), "-q", "-f", str(server.directory / "slapd.conf")]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()


def _give_to(owner: int, directory: Path) -> None:
    """Let `nobody` at the files, and through the folders above that are this test run's own."""
    for path in (directory, *directory.rglob("*")):
        os.chown(path, owner, owner)
    for parent in directory.parents:
        if "pytest-of" not in str(parent):
            break
        parent.chmod(parent.stat().st_mode | 0o011)


def _as_nobody() -> Sequence[str]:
    if os.geteuid() != 0:
        return ()
    return ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


def _configuration(server: Slapd, modules: Path, settings: Sequence[str]) -> str:
    folder = server.directory
    schemas = ("core", "cosine", "inetorgperson", "nis")
    lines = [
        *(f"include /etc/ldap/schema/{name}.schema" for name in schemas),
        f"modulepath {modules}",
        *(f"moduleload {name}" for name in ("back_mdb", "memberof", "refint", "ppolicy")),
        f"pidfile {folder}/slapd.pid",
        # What directories that were set up long ago still allow: a name without a password counts as anonymous.
        "allow bind_anon_cred",
    ]
    if server.tls:
        lines += [
            f"TLSCACertificateFile {folder}/ca.pem",
            f"TLSCertificateFile {folder}/server.pem",
            f"TLSCertificateKeyFile {folder}/server.key",
        ]
    lines += [
        "database mdb",
        "maxsize 1073741824",
        f"suffix {SUFFIX}",
        f"rootdn {ROOT}",
        f"rootpw {ROOT_PASSWORD}",
        f"directory {folder}/data",
        "index objectClass,uid,cn,member,memberOf,entryUUID eq",
        "dbnosync",
        "access to attrs=userPassword by anonymous auth by * none",
        f'access to * by dn.exact="{READER}" read by * none',
        *settings,
        "overlay memberof",
        "overlay refint",
        "refint_attributes member memberOf",
        "overlay ppolicy",
        f"ppolicy_default cn=default,{SUFFIX}",
    ]
    return "\n".join([*lines, ""])


_TREE = (
    f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n",
    f"dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people\n",
    f"dn: {GROUPS}\nobjectClass: organizationalUnit\nou: groups\n",
    (
        # Locks are kept, but nobody is locked for tries: tests would lock each other's people.
        f"dn: cn=default,{SUFFIX}\nobjectClass: pwdPolicy\nobjectClass: device\ncn: default\n"
        "pwdAttribute: userPassword\npwdLockout: TRUE\npwdMaxFailure: 0\npwdMustChange: TRUE\n"
    ),
    (
        f"dn: {READER}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: portal\n"
        f"userPassword: {READER_PASSWORD}\n"
    ),
)
