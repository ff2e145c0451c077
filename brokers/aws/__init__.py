"""AWS: temporary credentials, console sign-in, the deny that ends sessions. Begin at `AwsBrokers.build`."""

from brokers.aws.factory import AwsBrokers
from brokers.aws.hub import HubCredentials

__all__ = ["AwsBrokers", "HubCredentials"]
