"""Run by the system's Python, whose packages have Samba: put people and groups into a domain that isn't running.

Usage: /usr/bin/python3 samba_seed.py SMB_CONF SAM_LDB < seed.json
"""

import json
import sys
import time
from typing import Any

BASE = "DC=example,DC=test"
PEOPLE = f"OU=People,{BASE}"
GROUPS = f"OU=Groups,{BASE}"
RELAX = "relax:0"
BYPASS = "local_oid:1.3.6.1.4.1.7165.4.3.12:1"  # DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID: pwdLastSet as given
NEVER = 0x7FFFFFFFFFFFFFFF


def file_time(seconds_ago: float) -> str:
    """Return a moment as Active Directory writes it: 100 ns since 1601 (MS-DTYP, 2.3.3)."""
    return str(int((time.time() - seconds_ago + 11644473600) * 10_000_000))


def main() -> None:
    from samba.auth import system_session  # noqa: PLC0415  # only the system's Python has it
    from samba.param import LoadParm  # noqa: PLC0415
    from samba.samdb import SamDB  # noqa: PLC0415

    settings = LoadParm()
    settings.load(sys.argv[1])
    domain = SamDB(url=sys.argv[2], session_info=system_session(), lp=settings)
    seed = json.load(sys.stdin)
    domain.transaction_start()
    if seed.get("tree"):
        _make_tree(domain, seed)
    for name in seed["people"]:
        _add_somebody(domain, name)
    for name, members in seed["groups"].items():
        _add_group(domain, name, members)
    domain.transaction_commit()


def _make_tree(domain: Any, seed: dict[str, Any]) -> None:
    for name in (PEOPLE, GROUPS):
        domain.add({"dn": name, "objectClass": "organizationalUnit"})
    _set(domain, BASE, lockoutThreshold="4")
    domain.newuser(seed["reader"], seed["reader_password"])
    for name in seed["with_password"]:
        domain.newuser(name, seed["password"], userou="OU=People", mailaddress=f"{name}@example.test")
        _set(domain, _somebody(name), displayName=name.title())
    _set(domain, _somebody("dora-disabled"), userAccountControl="514")
    _set(domain, _somebody("erin-expired"), accountExpires=file_time(86400))
    _set(domain, _somebody("fred-locked"), lockoutTime=file_time(60), badPwdCount="4")
    _set(domain, _somebody("gina-must-change"), pwdLastSet="0")
    _set(domain, _somebody("helen-overdue"), [BYPASS], pwdLastSet=file_time(60 * 86400))


def _add_somebody(domain: Any, name: str) -> None:
    """Without a password, which takes the longest: nobody signs in as them. They are enabled all the same."""
    domain.add(
        {
            "dn": _somebody(name),
            "objectClass": "user",
            "sAMAccountName": name,
            "userPrincipalName": f"{name}@example.test",
            "userAccountControl": "544",
            "displayName": name.title(),
            "mail": f"{name}@example.test",
        }
    )


def _add_group(domain: Any, name: str, members: list[str]) -> None:
    """Add a group, or members to one that is there: so a loop can be closed."""
    import ldb  # noqa: PLC0415

    dn = f"CN={name},{GROUPS}"
    try:
        domain.add({"dn": dn, "objectClass": "group", "sAMAccountName": name})
    except ldb.LdbError as error:
        if error.args[0] != ldb.ERR_ENTRY_ALREADY_EXISTS:
            raise
    if members:
        message = ldb.Message(ldb.Dn(domain, dn))
        message["member"] = ldb.MessageElement(
            [f"{member},{BASE}" for member in members], ldb.FLAG_MOD_ADD, "member"
        )
        domain.modify(message)


def _somebody(name: str) -> str:
    return f"CN={name},{PEOPLE}"


def _set(domain: Any, dn: str, controls: list[str] | None = None, **values: str) -> None:
    import ldb  # noqa: PLC0415

    message = ldb.Message(ldb.Dn(domain, dn))
    for name, value in values.items():
        message[name] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, name)
    domain.modify(message, [RELAX, *(controls or [])])


if __name__ == "__main__":
    main()
