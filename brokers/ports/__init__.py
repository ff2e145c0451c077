"""The ports: what the portal may ask of the outside world. Tests put their doubles here and nowhere else."""

from brokers.ports.aws import (
    AwsPorts,
    ConsoleBroker,
    CredentialsBroker,
    DenyWriter,
    PolicyLister,
    PrincipalReader,
    Prober,
)
from brokers.ports.identity import (
    DocumentFetcher,
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
    "AwsPorts",
    "CheckProgress",
    "ConsoleBroker",
    "CredentialsBroker",
    "DenyWriter",
    "DocumentFetcher",
    "ExternalIdProver",
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
