"""SAML 2.0: people who sign in at their company's identity provider (saml-profiles-2.0-os, 4.1)."""

from brokers.saml.aws_assertions import AwsAssertions
from brokers.saml.config import ServiceProviderConfig
from brokers.saml.fetching import MetadataFetcher
from brokers.saml.metadata import MetadataReader
from brokers.saml.provider import ServiceProvider
from brokers.saml.reasons import MetadataReason, Reason

__all__ = [
    "AwsAssertions",
    "MetadataFetcher",
    "MetadataReader",
    "MetadataReason",
    "Reason",
    "ServiceProvider",
    "ServiceProviderConfig",
]
