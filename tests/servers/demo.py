"""The running demo, as `make demo` starts it, in a folder and on ports of its own."""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.servers.process import free_port, running

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Demo:
    """Where the parts of a running demo are."""

    home: Path
    portal: str
    idp: str
    aws: str
    pids: dict[str, int]
    supervisor: int

    @property
    def estate(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "sandbox" / "estate.json").read_text())
        return found

    def client(self, service: str, credentials: dict[str, str]) -> Any:
        """Return an unmodified boto3 client with credentials in AWS's own field names (as the page's JSON)."""
        return boto3.client(
            service,  # type: ignore[call-overload]  # the name comes at run time
            endpoint_url=self.aws,
            region_name=self.estate["region"],
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials.get("SessionToken"),
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def hub(self, service: str) -> Any:
        key = self.estate["hub"]
        return self.client(
            service, {"AccessKeyId": key["access_key_id"], "SecretAccessKey": key["secret_access_key"]}
        )

    def root(self, account_id: str, service: str) -> Any:
        """Return a client of that account's bootstrap root: MiniStack takes a 12-digit access key for it."""
        return self.client(service, {"AccessKeyId": account_id, "SecretAccessKey": "test"})

    def kill(self, *names: str) -> None:
        """End parts for good: the supervisor is halted first, so that it starts nothing again."""
        os.kill(self.supervisor, signal.SIGSTOP)
        for name in names:
            os.killpg(self.pids[name], signal.SIGKILL)


@contextlib.contextmanager
def running_demo(home: Path) -> Iterator[Demo]:
    home.mkdir(parents=True, exist_ok=True)
    run_file = home / "run.json"
    options = [
        *("--directory", str(home)),
        *(
            "--portal-port",
            str(free_port()),
            "--identity-port",
            str(free_port()),
            "--sandbox-port",
            str(free_port()),
        ),
    ]
    command = [sys.executable, "-m", "portal.demo", *options]
    clean = {name: "" for name in os.environ if name.startswith("SALLYPORT_")}
    with running(
        command, log=home / "demo.log", ready=run_file.exists, seconds=90, cwd=ROOT, env=clean
    ) as process:
        facts = json.loads(run_file.read_text())
        try:
            yield Demo(
                home=home,
                portal=facts["portal"],
                idp=facts["identity_provider"],
                aws=facts["aws"],
                pids=facts["pids"],
                supervisor=process.pid,
            )
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGCONT)
