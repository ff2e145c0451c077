"""Providers whose directory is a real server, as an admin would have typed it in."""

from brokers.types import LdapServer
from portal.directory.models import ExternalIdentity, IdentityProvider, LdapSettings, Person
from portal.kernel.sealing import seal


def connect_directory(server: LdapServer, slug: str = "office", **fields: object) -> IdentityProvider:
    """Make the provider of a running server; `fields` change it."""
    known: dict[str, object] = {"name": "Office directory", "email_attribute": "mail", **fields}
    provider = IdentityProvider.objects.create(slug=slug, kind="ldap", **known)
    LdapSettings.objects.create(
        provider=provider,
        flavour="ad" if server.is_active_directory else "ldap",
        urls=list(server.urls),
        start_tls=server.start_tls,
        ca_certificates=server.ca_certificates,
        bind_dn=server.bind_dn,
        sealed_bind_password=seal(server.bind_password.encode()) if server.bind_password else None,
        bind_by_kerberos=server.bind_by_kerberos,
        people_base=server.people_base,
        people_filter=server.people_filter,
        login_attribute=server.login_attribute,
        id_attribute=server.id_attribute,
        groups_base=server.groups_base,
        groups_filter=server.groups_filter,
        group_name_attribute=server.group_name_attribute,
        nesting=server.nesting.value,
        max_depth=server.max_depth,
        timeout_seconds=int(server.timeout),
        page_size=server.page_size,
    )
    return provider


def admit_all(provider: IdentityProvider, told: dict[str, str]) -> list[Person]:
    """Have the portal know these, login by stable id, as if each had signed in once."""
    people = Person.objects.bulk_create(
        [Person(name=login.title(), email=f"{login}@example.test") for login in told.values()]
    )
    ExternalIdentity.objects.bulk_create(
        ExternalIdentity(
            provider=provider, person=person, subject=stable_id, subject_format="ldap", login=login
        )
        for person, (stable_id, login) in zip(people, told.items(), strict=True)
    )
    return people
