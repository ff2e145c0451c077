"""A directory's settings for servers that only play a part."""

from dataclasses import replace
from typing import Any

from brokers.types import LdapServer


def told(url: str, **changes: Any) -> LdapServer:
    server = LdapServer(
        urls=(url,),
        start_tls=False,
        ca_certificates="",
        bind_dn="cn=portal",
        bind_password="reads",
        is_active_directory=False,
        people_base="ou=people",
        people_filter="(objectClass=person)",
        login_attribute="uid",
        id_attribute="entryUUID",
        groups_base="ou=groups",
        groups_filter="(objectClass=groupOfNames)",
        group_name_attribute="cn",
        timeout=1.0,
    )
    return replace(server, **changes)
