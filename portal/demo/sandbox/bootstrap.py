"""The sandbox's own hand inside MiniStack: a client per account that may do everything there.

MiniStack takes a 12-digit access key for that account's root. The façade refuses such keys, so nobody else has
this power. Calls block: run them in a thread.
"""

import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_iam.client import IAMClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sts.client import STSClient

CONFIG = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 2},
    s3={"addressing_style": "path"},
    ignore_configured_endpoint_urls=True,  # type: ignore[call-arg] # the stubs lag
    proxies={},
    max_pool_connections=20,
)
REGION = "eu-central-1"


# One for all clients: each session of its own would read AWS's service models anew. Making a client is not
# thread-safe; using one is.
SESSION = boto3.Session(region_name=REGION)
MAKING = threading.Lock()


def client(service: str, endpoint: str, access_key_id: str, secret: str, token: str | None = None) -> Any:
    """Build a boto3 client for one credential. Costs some 10 ms: keep it."""
    make: Any = SESSION.client
    with MAKING:
        return make(
            service,
            endpoint_url=endpoint,
            config=CONFIG,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret,
            aws_session_token=token,
        )


class Bootstrap:
    """Root clients by account, made when first asked for."""

    def __init__(self, endpoint: str) -> None:
        self._client = lru_cache(maxsize=64)(self._make)
        self.endpoint = endpoint

    def _make(self, service: str, account_id: str) -> Any:
        return client(service, self.endpoint, account_id, "root-of-the-stand-in")

    def iam(self, account_id: str) -> "IAMClient":
        iam: IAMClient = self._client("iam", account_id)
        return iam

    def s3(self, account_id: str) -> "S3Client":
        s3: S3Client = self._client("s3", account_id)
        return s3

    def sts(self, account_id: str) -> "STSClient":
        sts: STSClient = self._client("sts", account_id)
        return sts

    def cognito_identity(self, account_id: str) -> Any:
        return self._client("cognito-identity", account_id)
