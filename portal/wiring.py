"""Composition root: from the settings to the brokers. Built once per process; clients are kept.

Tests put their doubles in by a patched builder, at the ports and nowhere else.
"""

from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

from django.conf import settings

from brokers.aws import AwsBrokers, HubCredentials
from brokers.aws.analyst import Analyst
from brokers.http import GuardedHttp
from brokers.ldap import Directory
from brokers.oidc import IdTokens, RelyingParty
from brokers.ports import (
    AwsPorts,
    DocumentFetcher,
    LdapDirectory,
    PolicyAnalyst,
    SamlMetadataReader,
    SamlServiceProvider,
)
from brokers.saml import (
    AwsAssertions,
    MetadataFetcher,
    MetadataReader,
    ServiceProvider,
    ServiceProviderConfig,
)
from portal.identity.operations.verify_proof import ProofPorts

_building = Lock()


@dataclass(frozen=True, slots=True)
class SamlPorts:
    provider: SamlServiceProvider
    read_metadata: SamlMetadataReader
    fetch: DocumentFetcher


@lru_cache(maxsize=1)
def aws_ports() -> AwsPorts:
    """Return the portal's AWS. Raises BrokerError where no hub credentials can be found."""
    return aws_brokers().ports()


def aws_brokers() -> AwsBrokers:
    """Return what those are made of, built once: who comes meanwhile waits, and builds no other.

    Asks nobody. Raises BrokerError for settings that can't be.
    """
    with _building:
        return _built()


@lru_cache(maxsize=1)
def _built() -> AwsBrokers:
    hub = None
    if settings.HUB_ACCESS_KEY_ID:
        hub = HubCredentials(
            settings.HUB_ACCESS_KEY_ID, settings.HUB_SECRET_ACCESS_KEY, settings.HUB_SESSION_TOKEN or None
        )
    return AwsBrokers.build(
        hub=hub,
        region=settings.AWS_REGION,
        endpoint_url=settings.AWS_ENDPOINT_URL or None,
        signin_endpoint=settings.AWS_SIGNIN_URL or None,
        hub_principal_arn=settings.HUB_PRINCIPAL_ARN,
    )


def policy_analyst() -> PolicyAnalyst:
    """Return what reads policies. It needs no hub: scopes can be written before an account is connected."""
    return Analyst()


@lru_cache(maxsize=1)
def saml_ports() -> SamlPorts:
    """Return the portal's SAML service provider and the reader of identity providers' metadata."""
    config = ServiceProviderConfig(
        entity_id=settings.SAML_ENTITY_ID,
        acs_url=settings.SAML_ACS_URL,
        private_key=settings.SAML_SP_KEY or None,
        certificate=settings.SAML_SP_CERTIFICATE or None,
        slo_url=settings.SAML_SLO_URL,
    )
    return SamlPorts(
        provider=ServiceProvider(config),
        read_metadata=MetadataReader(),
        fetch=MetadataFetcher(guarded_http("saml")),
    )


@lru_cache(maxsize=1)
def oidc_ports() -> RelyingParty:
    """Return the portal's OpenID relying party, which keeps what providers say of themselves for some minutes."""
    return RelyingParty(guarded_http("oidc"))


@lru_cache(maxsize=1)
def proof_ports() -> ProofPorts:
    """Return what reads the assertions and tokens that are handed over for credentials."""
    return ProofPorts(
        assertions=AwsAssertions(), id_tokens=IdTokens(oidc_ports()), read_metadata=MetadataReader()
    )


def guarded_http(protocol: str) -> GuardedHttp:
    """Return the calls to what admins typed in: public addresses, and those of SALLYPORT_IDENTITY_NETWORKS."""
    return GuardedHttp(protocol=protocol, allowed=settings.IDENTITY_NETWORKS, ca=settings.IDENTITY_CA)


@lru_cache(maxsize=1)
def ldap_ports() -> LdapDirectory:
    """Return what speaks to directories: each call says to which."""
    return Directory()
