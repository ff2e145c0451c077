"""MiniStack with AUTH=true: it verifies SigV4, evaluates policies, and lets sessions expire. 127.0.0.1 only.

IAM calls on roles and managed policies are judged as AWS judges them, by the demo's amendments (`stand_in`).

Quirks: a 12-digit access key with the secret `test` is that account's bootstrap root, which every denial passes
by; S3 wants path-style addresses (botocore chooses them by itself for an IP address). PackedPolicySize is always
0. Its environment decides who else is root, so AWS_* variables of this machine are not passed on.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3.session
from botocore.config import Config

from brokers.types import Credentials
from tests.servers.process import free_port, running

REGION = "us-east-1"
ROOT = Path(__file__).parents[2]
AMENDED = """
from ministack.app import main
from portal.demo.sandbox.stand_in import judge_as_aws, trust_as_aws
trust_as_aws(judge_as_aws())
main()
"""
# One for all clients: a session of its own would read AWS's service models anew. Making a client isn't thread-safe.
SESSION = boto3.session.Session(region_name=REGION)
MAKING = threading.Lock()
# A denial must come back at once: nothing here is retried.
CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=3, read_timeout=10, proxies={}
)


@dataclass(frozen=True)
class MiniStack:
    """A running MiniStack."""

    url: str

    def root(self, service: str, account_id: str) -> Any:
        """Return a client of the account's bootstrap root, which may do anything."""
        return self.client(service, account_id, "test")

    def client(self, service: str, key: str, secret: str, token: str | None = None) -> Any:
        # Any: the stubs know a client by the literal name of its service only.
        make: Any = SESSION.client
        with MAKING:
            return make(
                service,
                endpoint_url=self.url,
                config=CONFIG,
                aws_access_key_id=key,
                aws_secret_access_key=secret,
                aws_session_token=token,
            )

    def as_session(self, service: str, credentials: Credentials) -> Any:
        """Return a client that works with issued credentials."""
        return self.client(
            service, credentials.access_key_id, credentials.secret_access_key, credentials.session_token
        )


@contextlib.contextmanager
def ministack(directory: Path) -> Iterator[MiniStack]:
    """Run MiniStack on a free port of 127.0.0.1, with its files in `directory`; about 1 s to start."""
    port = free_port()
    env = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "AUTH": "true",
        "LOG_LEVEL": "WARNING",
        "S3_DATA_DIR": str(directory / "s3"),
        "TMPDIR": str(directory),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_SESSION_TOKEN": "",
        "NO_PROXY": "*",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", AMENDED]
    with running(command, log=directory / "ministack.log", port=port, env=env, cwd=directory):
        yield MiniStack(f"http://127.0.0.1:{port}")


def clean_environment() -> dict[str, str]:
    """Return this process's environment without anything that could lend AWS credentials or a proxy."""
    dropped = (
        "AWS_",
        "BOTO_",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "http_proxy",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    )
    return {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
