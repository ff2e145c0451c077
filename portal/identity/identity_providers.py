"""From a provider's row to what the SAML broker needs."""

from datetime import timedelta

from brokers.ports import SamlMetadataReader
from brokers.types import SamlIdentityProvider
from portal.directory.models import IdentityProvider


def as_saml(provider: IdentityProvider, read: SamlMetadataReader) -> SamlIdentityProvider:
    """Read the pinned metadata. Raises SamlMetadataRejected when it is not usable."""
    described = read(provider.saml.metadata.encode(), entity_id=provider.saml.entity_id)
    return SamlIdentityProvider(
        entity_id=described.entity_id,
        sso_url=described.sso_url,
        certificates=described.certificates,
        allow_aes_cbc=provider.saml.allow_aes_cbc,
        max_assertion_lifetime=timedelta(minutes=provider.saml.max_assertion_minutes),
    )
