"""The ports: what the portal may ask of the outside world. Tests put their doubles here and nowhere else."""

from brokers.ports.aws import (
    AwsPorts,
    ConsoleBroker,
    CredentialsBroker,
    DenyWriter,
    EveryCall,
    HubPorts,
    PolicyLister,
    PrincipalReader,
    Prober,
)
from brokers.ports.identity import (
    AwsAssertionReader,
    DocumentFetcher,
    IdTokenReader,
    LdapDirectory,
    OidcClient,
    SamlMetadataReader,
    SamlServiceProvider,
)
from brokers.ports.partner_roles import (
    AccountChecker,
    CheckProgress,
    ExternalIdProver,
    PartnerPorts,
    PartnerRoleMaker,
    PolicyAnalyst,
)

__all__ = [
    "AccountChecker",
    "AwsAssertionReader",
    "AwsPorts",
    "CheckProgress",
    "ConsoleBroker",
    "CredentialsBroker",
    "DenyWriter",
    "DocumentFetcher",
    "EveryCall",
    "ExternalIdProver",
    "HubPorts",
    "IdTokenReader",
    "LdapDirectory",
    "OidcClient",
    "PartnerPorts",
    "PartnerRoleMaker",
    "PolicyAnalyst",
    "PolicyLister",
    "PrincipalReader",
    "Prober",
    "SamlMetadataReader",
    "SamlServiceProvider",
]
