"""From a provider's row to what the brokers need."""

from dataclasses import replace
from datetime import timedelta

from django.conf import settings

from brokers.errors import IdentityUnavailable, SamlMetadataRejected
from brokers.ports import SamlMetadataReader
from brokers.types import LdapNesting, LdapServer, OidcProvider, SamlIdentityProvider
from portal.directory.models import IdentityProvider, LdapSettings, OidcSettings
from portal.kernel.sealing import UnsealError, unseal


def as_saml(provider: IdentityProvider, read: SamlMetadataReader) -> SamlIdentityProvider:
    """Read the pinned metadata. Raises SamlMetadataRejected when it is not usable, or not there yet."""
    if not hasattr(provider, "saml"):
        raise SamlMetadataRejected("missing", f"{provider.slug} has no metadata yet")
    described = read(provider.saml.metadata.encode(), entity_id=provider.saml.entity_id)
    return replace(
        described,
        allow_aes_cbc=provider.saml.allow_aes_cbc,
        max_assertion_lifetime=timedelta(minutes=provider.saml.max_assertion_minutes),
    )


def as_ldap(provider: IdentityProvider) -> LdapServer:
    """Return the directory with its bind password. Raises IdentityUnavailable where that can't be opened."""
    ours = provider.ldap
    wanted = (provider.name_attribute, provider.email_attribute)
    return LdapServer(
        urls=tuple(ours.urls),
        start_tls=ours.start_tls,
        ca_certificates=ours.ca_certificates,
        bind_dn=ours.bind_dn,
        bind_password="" if ours.bind_by_kerberos else _bind_password(ours),
        is_active_directory=ours.flavour == LdapSettings.Flavour.ACTIVE_DIRECTORY,
        people_base=ours.people_base,
        people_filter=ours.people_filter,
        login_attribute=ours.login_attribute,
        id_attribute=ours.id_attribute,
        groups_base=ours.groups_base,
        groups_filter=ours.groups_filter,
        group_name_attribute=ours.group_name_attribute,
        nesting=LdapNesting(ours.nesting),
        max_depth=ours.max_depth,
        timeout=float(ours.timeout_seconds),
        page_size=ours.page_size,
        extra_attributes=tuple(dict.fromkeys(name for name in wanted if name)),
        bind_by_kerberos=ours.bind_by_kerberos,
    )


def _bind_password(ours: LdapSettings) -> str:
    if ours.sealed_bind_password is None:
        return ""
    try:
        return unseal(bytes(ours.sealed_bind_password)).decode()
    except UnsealError as problem:
        raise IdentityUnavailable("ldap", "bind", f"the kept bind password: {problem}") from None


def as_oidc(provider: IdentityProvider) -> OidcProvider:
    """Return the provider with our secret there. Raises IdentityUnavailable where that can't be opened.

    The redirect URI comes from the settings, never from a request's Host.
    """
    ours = provider.oidc
    return OidcProvider(
        issuer=ours.issuer,
        client_id=ours.client_id,
        client_secret=_client_secret(ours),
        scopes=ours.scopes,
        redirect_uri=settings.OIDC_REDIRECT_URI,
    )


def _client_secret(ours: OidcSettings) -> str | None:
    if ours.sealed_client_secret is None:
        return None
    try:
        return unseal(bytes(ours.sealed_client_secret)).decode()
    except UnsealError as problem:
        raise IdentityUnavailable("oidc", "client", f"the kept client secret: {problem}") from None
