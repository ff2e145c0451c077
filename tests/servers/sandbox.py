"""The AWS sandbox as tests use it: on free ports, in a directory of the test's own.

with sandbox(tmp_path) as aws:
    aws.estate["hub"]["access_key_id"], aws.hub("sts").assume_role(…)
"""

import contextlib
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
import urllib3
from botocore import UNSIGNED
from botocore.config import Config

from tests.servers.process import free_port, running

ROOT = Path(__file__).parents[2]
# One for all clients: a session of its own would read AWS's service models anew. Making a client isn't thread-safe.
SESSION = boto3.Session()
MAKING = threading.Lock()
CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 1},
    connect_timeout=5,
    read_timeout=30,
    ignore_configured_endpoint_urls=True,  # type: ignore[call-arg] # the stubs lag
    proxies={},
)


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: what estate.json says, and unmodified boto3 clients against the façade."""

    directory: Path
    endpoint_url: str
    ministack_url: str  # MiniStack itself, without the façade's checks
    estate: dict[str, Any]
    process_id: int

    def client(
        self, service: str, credentials: Mapping[str, Any], *, url: str | None = None, unchecked: bool = False
    ) -> Any:
        """Build a client with the `Credentials` of an STS answer (or any mapping with their names).

        `unchecked`: without botocore's own look at minimums, so that they reach the server.
        """
        make: Any = SESSION.client
        config = CONFIG.merge(Config(parameter_validation=not unchecked))
        with MAKING:
            return make(
                service,
                region_name=self.estate["region"],
                endpoint_url=url or self.endpoint_url,
                config=config,
                aws_access_key_id=credentials["AccessKeyId"],
                aws_secret_access_key=credentials["SecretAccessKey"],
                aws_session_token=credentials.get("SessionToken"),
            )

    def anonymous(self, service: str) -> Any:
        """Build a client that signs nothing, as a browser's for AssumeRoleWithWebIdentity."""
        make: Any = SESSION.client
        with MAKING:
            return make(
                service,
                region_name=self.estate["region"],
                endpoint_url=self.endpoint_url,
                config=CONFIG.merge(Config(signature_version=UNSIGNED)),
            )

    def hub(self, service: str, *, unchecked: bool = False) -> Any:
        """Build a client with the long-lived key of the hub's user."""
        hub = self.estate["hub"]
        keys = {"AccessKeyId": hub["access_key_id"], "SecretAccessKey": hub["secret_access_key"]}
        return self.client(service, keys, unchecked=unchecked)

    def root(self, service: str, account_id: str) -> Any:
        """Build a client that may do everything in an account, past the façade."""
        keys = {"AccessKeyId": account_id, "SecretAccessKey": "anything"}
        return self.client(service, keys, url=self.ministack_url)

    def partner_key(self, number: int = 0) -> dict[str, str]:
        """Return the key of the IAM user in a partner's own account, fit for `client`."""
        partner = self.estate["partners"][number]
        return {
            "AccessKeyId": partner["access_key_id"],
            "SecretAccessKey": partner["secret_access_key"],
            "Account": partner["account_id"],
        }

    def partner(self, service: str, *, unchecked: bool = False) -> Any:
        """Build a client as the partner's own IAM user."""
        return self.client(service, self.partner_key(), unchecked=unchecked)

    def partner_role(self, session: str = "pipeline") -> dict[str, Any]:
        """Assume the partner's own role, in its own account; what it assumes from there is chained."""
        arn = self.estate["partners"][0]["role_arn"]
        answer = self.partner("sts").assume_role(RoleArn=arn, RoleSessionName=session)
        credentials: dict[str, Any] = answer["Credentials"]
        return credentials

    def provisioner(self, account_id: str) -> dict[str, Any]:
        """Assume the account's provisioner as the hub, with all that it may do; returns the Credentials."""
        return self.assume_in("SallyportProvisioner", account_id)

    def assume_in(self, name: str, account_id: str) -> dict[str, Any]:
        answer = self.hub("sts").assume_role(RoleArn=self.role_arn(name, account_id), RoleSessionName="test")
        credentials: dict[str, Any] = answer["Credentials"]
        return credentials

    @contextlib.contextmanager
    def faults(self, *faults: Mapping[str, Any]) -> Iterator[None]:
        """Have STS, IAM and Cognito answer wrongly while the block runs: see `portal/demo/sandbox/faults.py`.

        `aws.faults({"action": "CreateRole", "times": 3})` throttles the next three, `"per_second": 10, "burst": 5` all
        that come faster; `"after": True` loses the answer of a call that was made; `"code"` and `"status"` say what is
        answered.
        """
        path = self.directory / "faults.json"
        path.with_suffix(".new").write_text(json.dumps(faults))
        path.with_suffix(".new").replace(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)

    def calls(self, action: str, *, answered: bool = False) -> int:
        """Return how often the façade was asked for an action since it started, or gave a good answer."""
        found = urllib3.request("GET", f"{self.endpoint_url}/_sandbox/calls", timeout=10).json()
        return int(found["answered" if answered else "asked"].get(action, 0))

    def role_arn(self, name: str, account_id: str | None = None) -> str:
        found = [
            role["arn"]
            for role in self.estate["roles"]
            if role["name"] == name and account_id in {None, role["account_id"]}
        ]
        return str(found[0])

    def role_id(self, name: str) -> str:
        return str(next(role["role_id"] for role in self.estate["roles"] if role["name"] == name))

    def assume(self, name: str, session: str, **more: Any) -> dict[str, Any]:
        """Assume a role of the estate as the hub; returns the answer's Credentials."""
        answer = self.hub("sts").assume_role(RoleArn=self.role_arn(name), RoleSessionName=session, **more)
        credentials: dict[str, Any] = answer["Credentials"]
        return credentials

    def federate(self, name: str, policy: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        answer = self.hub("sts").get_federation_token(Name=name, Policy=json.dumps(policy), **more)
        credentials: dict[str, Any] = answer["Credentials"]
        return credentials


@contextlib.contextmanager
def sandbox(
    directory: Path,
    *,
    port: int | None = None,
    roles_per_account: int | None = None,
    identity_provider: str | None = None,
    session_seconds: int | None = None,
) -> Iterator[Sandbox]:
    """Run `python -m portal.demo.sandbox` until the block ends. The same directory goes on where it was left.

    `roles_per_account`: IAM's quota, 1,000 unless told. `identity_provider`: the address of a running demo_idp, whose
    ID tokens and assertions IAM is to take. `session_seconds`: all credentials end after so many seconds.
    """
    port, ministack_port = port or free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / "sandbox.log"
    log.write_bytes(b"")
    command = [
        sys.executable,
        "-m",
        "portal.demo.sandbox",
        "--directory",
        str(directory),
        "--port",
        str(port),
    ]
    command += ["--ministack-port", str(ministack_port)]
    # The line comes when the estate is there; the health page answers a little before.
    told = {"SANDBOX_ROLES_PER_ACCOUNT": roles_per_account, "SANDBOX_SESSION_SECONDS": session_seconds}
    env = {name: str(value) for name, value in told.items() if value is not None}
    if identity_provider is not None:
        command += ["--identity-provider", identity_provider]
    ready = lambda: b'"ready"' in log.read_bytes()  # noqa: E731  # read each time
    with running(command, log=log, ready=ready, cwd=ROOT, env=env) as process:
        estate = json.loads((directory / "estate.json").read_text())
        yield Sandbox(directory, url, f"http://127.0.0.1:{ministack_port}", estate, process.pid)


@dataclass(frozen=True)
class Page:
    status: int
    text: str
    headers: Mapping[str, str]


class Browser:
    """Just enough of a browser for the sign-in endpoint and the console: one cookie jar, no redirects followed."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.cookies: dict[str, str] = {}
        self.http = urllib3.PoolManager()

    def open(self, url: str, *, form: Mapping[str, str] | None = None) -> Page:
        address = url if url.startswith("http") else self.base_url + url
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.http.request(
            "POST" if form is not None else "GET",
            address,
            body=urlencode(form) if form is not None else None,
            headers={"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"},
            redirect=False,
            retries=False,
            timeout=30,
        )
        for line in answer.headers.getlist("Set-Cookie"):
            name, _, rest = line.partition("=")
            self.cookies[name] = rest.split(";")[0]
        return Page(answer.status, answer.data.decode(), answer.headers)
