"""A Samba Active Directory domain controller, on an address of its own in 127.0.0.0/8.

Its ports are fixed (389 and 636), so it takes root, and two of them take two addresses. The domain is provisioned once
per test run and copied for each server. People of OU=People, each with the password PASSWORD: ada (in oncall, which
is in payments, which is in engineering), ben (in loop-b, which is in loop-a, which is in loop-b), carol (in no group of
ours), and accounts in the states that their names tell.
"""

import base64
import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from brokers.types import LdapNesting, LdapServer
from tests.servers.authority import Authority
from tests.servers.process import missing, need_command, need_path, running

PACKAGE = "samba samba-ad-provision samba-vfs-modules"
SEED = Path(__file__).with_name("samba_seed.py")
BASE = "DC=example,DC=test"
PEOPLE = f"OU=People,{BASE}"
GROUPS = f"OU=Groups,{BASE}"
HOST = "dc1.example.test"
CONTROLLER = f"CN=DC1,OU=Domain Controllers,{BASE}"
KRB5_CONF = """
[libdefaults]
  default_realm = EXAMPLE.TEST
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
[realms]
  EXAMPLE.TEST = {{
    kdc = {address}:88
  }}
"""
PASSWORD = "Correct-Horse-7"
READER = f"CN=portal,CN=Users,{BASE}"
READER_PASSWORD = "Reads-Only-7!"
ADMINISTRATOR = f"CN=Administrator,CN=Users,{BASE}"
ADMINISTRATOR_PASSWORD = "Writes-Too-7!"
WITH_PASSWORD = (
    "ada",
    "ben",
    "carol",
    "dora-disabled",
    "erin-expired",
    "fred-locked",
    "gina-must-change",
    "helen-overdue",
)
GROUP_MEMBERS = {
    "oncall": ["CN=ada,OU=People"],
    "payments": ["CN=oncall,OU=Groups"],
    "engineering": ["CN=payments,OU=Groups", "CN=dora-disabled,OU=People"],
    "loop-a": [],
    "loop-b": ["CN=loop-a,OU=Groups", "CN=ben,OU=People"],
}
# userAccountControl.
NORMAL = "512"
DISABLED = "514"
CLOSED_LOOP = {"loop-a": ["CN=loop-b,OU=Groups"]}


@dataclass
class Samba:
    """A server that is running, or was stopped. Its address stays; what was written to it is kept."""

    directory: Path
    address: str
    authority: Authority
    _running: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)
    pid: int = 0

    @property
    def ldap_url(self) -> str:
        return f"ldap://{self.address}"

    @property
    def ldaps_url(self) -> str:
        return f"ldaps://{self.address}"

    @property
    def ca_certificates(self) -> str:
        return self.authority.certificate

    def ldap_server(self, **changes: Any) -> LdapServer:
        """Return how the portal would be told of this server: ldaps://, nested groups by the rule in chain."""
        told = LdapServer(
            urls=(self.ldaps_url,),
            start_tls=False,
            ca_certificates=self.ca_certificates,
            bind_dn=READER,
            bind_password=READER_PASSWORD,
            is_active_directory=True,
            people_base=PEOPLE,
            people_filter="(&(objectCategory=person)(objectClass=user))",
            login_attribute="sAMAccountName",
            id_attribute="objectGUID",
            groups_base=GROUPS,
            groups_filter="(objectClass=group)",
            group_name_attribute="cn",
            nesting=LdapNesting.IN_CHAIN,
            extra_attributes=("mail", "displayName"),
        )
        return replace(told, **changes)

    def start(self) -> None:
        command = [need_command("samba", package=PACKAGE), "-F", "--no-process-group", "-M", "single"]
        command += ["-s", str(self.directory / "smb.conf")]
        log = self.directory / "samba.log"
        self.pid = self._running.enter_context(running(command, log=log, ready=self._answers)).pid

    def stop(self) -> None:
        self._running.close()

    def keytab(self, name: str, principal: str) -> Path:
        """Write a keytab with the account's keys."""
        file = self.directory / name
        command = [need_command("samba-tool", package=PACKAGE), "domain", "exportkeytab", str(file)]
        command += [f"--principal={principal}", "-s", str(self.directory / "smb.conf")]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        return file

    def krb5_conf(self) -> Path:
        """Write how a client finds this realm, and nothing by DNS. The server answers by its address's name too."""
        self.change(
            f"dn: {CONTROLLER}\nchangetype: modify\nadd: servicePrincipalName\n"
            f"servicePrincipalName: ldap/{self.address}\n"
        )
        file = self.directory / "krb5.conf"
        file.write_text(KRB5_CONF.format(address=self.address))
        return file

    def seed(self, people: Iterable[str] = (), groups: Mapping[str, Sequence[str]] | None = None) -> None:
        """Put people (without passwords) and groups into the stopped domain; about 2 ms for each."""
        _seed(self.directory, {"people": list(people), "groups": dict(groups or {})})

    def change(self, ldif: str) -> None:
        """Do what `ldif` says (with `changetype:` lines), as the domain's administrator."""
        command = ["ldapmodify", "-x", "-H", self.ldaps_url, "-D", ADMINISTRATOR]
        command += ["-w", ADMINISTRATOR_PASSWORD]
        environment = {**os.environ, "LDAPTLS_CACERT": str(self.directory / "ca.pem")}
        done = subprocess.run(
            command, input=ldif.encode(), env=environment, capture_output=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr.decode()

    def set_on_people(self, names: Iterable[str], **values: str) -> None:
        """Replace attributes of people: set_on_people(["ada"], userAccountControl=DISABLED)."""
        self.set_on([f"CN={name},{PEOPLE}" for name in names], **values)

    def set_on(self, dns: Iterable[str], **values: str) -> None:
        lines = "".join(f"replace: {name}\n{name}: {value}\n-\n" for name, value in values.items())
        self.change("\n".join(f"dn: {dn}\nchangetype: modify\n{lines}" for dn in dns))

    def set_password(self, name: str, password: str) -> None:
        self.change(
            f"dn: CN={name},{PEOPLE}\nchangetype: modify\nreplace: unicodePwd\nunicodePwd:: {_quoted(password)}\n"
        )

    def add_user(self, name: str, password: str = PASSWORD) -> None:
        """Add somebody who can sign in, while the server runs."""
        self.change(
            f"dn: CN={name},{PEOPLE}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}\n"
            f"mail: {name}@example.test\nuserAccountControl: {NORMAL}\nunicodePwd:: {_quoted(password)}\n"
        )

    def _answers(self) -> bool:
        probe = ["ldapsearch", "-x", "-H", self.ldaps_url, "-b", "", "-s", "base", "-LLL", "currentTime"]
        environment = {**os.environ, "LDAPTLS_CACERT": str(self.directory / "ca.pem")}
        return subprocess.run(probe, env=environment, capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def samba(
    directory: Path,
    *,
    people: Iterable[str] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
    names: Sequence[str] = (),
    authority: Authority | None = None,
    has_kdc: bool = False,
) -> Iterator[Samba]:
    """Run it until the block ends: 5 s to provision for the first, 1 s to start; 10,000 `people` take 20 s more.

    `directory`: below pytest's own. `groups`: members by name, as DNs without the suffix. `names`: of its certificate.
    `has_kdc`: whether it hands out Kerberos tickets, on port 88.
    """
    if os.geteuid() != 0:
        missing("Samba's ports take root")
    for command in ("ldapmodify", "ldapsearch"):
        need_command(command, package="ldap-utils")
    server = Samba(directory, _address(), authority or Authority())
    shutil.copytree(_provisioned(directory), directory / "domain")
    server.authority.issue(directory, names or (HOST, "localhost", server.address))
    (directory / "smb.conf").write_text(_configuration(directory, server.address, has_kdc=has_kdc))
    if people or groups:
        server.seed(people, groups)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _quoted(password: str) -> str:
    """Return a password as unicodePwd takes it (MS-ADTS, 3.1.1.3.1.5), in base64."""
    return base64.b64encode(f'"{password}"'.encode("utf-16-le")).decode()


def _address() -> str:
    """Return a loopback address that nobody else is likely to use; each has all ports to itself."""
    return f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250) + 1}.{secrets.randbelow(250) + 1}"


def _provisioned(directory: Path) -> Path:
    """Return a domain with our people in it, made by whichever process of this test run comes first."""
    runs = [parent for parent in directory.parents if re.fullmatch(r"pytest-\d+", parent.name)]
    home = (runs[0] if runs else directory) / "samba-provisioned"
    home.mkdir(exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "done").exists():
            shutil.rmtree(home / "domain", ignore_errors=True)
            _provision(home)
            (home / "done").touch()
    return home / "domain"


def _provision(home: Path) -> None:
    need_path("/usr/share/samba/setup/provision.ldif", package=PACKAGE)
    command = [need_command("samba-tool", package=PACKAGE), "domain", "provision"]
    command += ["--realm=EXAMPLE.TEST", "--domain=EXAMPLE", "--server-role=dc", "--host-name=dc1"]
    command += [
        "--dns-backend=SAMBA_INTERNAL",
        f"--adminpass={ADMINISTRATOR_PASSWORD}",
        "--host-ip=127.0.0.1",
    ]
    command += [
        f"--targetdir={home / 'domain'}",
        "--option=interfaces=lo",
        "--option=bind interfaces only=yes",
    ]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120, cwd=home)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    (home / "smb.conf").write_text(_configuration(home, "127.0.0.1"))
    seed = {
        "tree": True,
        "reader": "portal",
        "reader_password": READER_PASSWORD,
        "password": PASSWORD,
        "with_password": WITH_PASSWORD,
        "people": [],
        "groups": GROUP_MEMBERS,
    }
    _seed(home, seed)
    _seed(home, {"people": [], "groups": CLOSED_LOOP})


def _seed(home: Path, seed: Mapping[str, Any]) -> None:
    # As text, not as a file: the file's folder has a module `samba` of its own.
    command = ["/usr/bin/python3", "-c", SEED.read_text(), str(home / "smb.conf")]
    command += [str(home / "domain/private/sam.ldb")]
    done = subprocess.run(
        command, input=json.dumps(seed).encode(), capture_output=True, check=False, timeout=280, cwd=home
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]


def _configuration(home: Path, address: str, *, has_kdc: bool = False) -> str:
    settings = {
        "netbios name": "DC1",
        "realm": "EXAMPLE.TEST",
        "workgroup": "EXAMPLE",
        "server role": "active directory domain controller",
        "server services": "ldap, kdc" if has_kdc else "ldap",
        "interfaces": f"{address}/255.255.255.0",
        "bind interfaces only": "yes",
        "private dir": f"{home}/domain/private",
        "state directory": f"{home}/domain/state",
        "cache directory": f"{home}/domain/cache",
        "lock directory": f"{home}/domain",
        "pid directory": f"{home}",
        "ncalrpc dir": f"{home}/ncalrpc",
        "winbindd socket directory": f"{home}/winbindd",
        "log file": f"{home}/samba.log",
        "tls enabled": "yes",
        "tls cafile": f"{home}/ca.pem",
        "tls certfile": f"{home}/server.pem",
        "tls keyfile": f"{home}/server.key",
    }
    if has_kdc:
        # From 4.21 on Samba takes a ticket over TLS by itself, where it is bound to the connection, as ours is.
        settings["ldap server require strong auth"] = "allow_sasl_over_tls"
    return "\n".join(["[global]", *(f"{name} = {value}" for name, value in settings.items()), ""])
