"""npm's oidc-provider, the certified one, on a free port of 127.0.0.1.

Its site is 127.0.0.1 and the portal's is localhost: different sites, as in production. The modules are installed by
`npm ci` in tests/servers/oidc_provider (`.ci/run` does it); without them its tests are skipped.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.process import free_port, missing, need_command, running

FOLDER = Path(__file__).parent / "oidc_provider"
CLIENT_ID = "sallyport"
CLIENT_SECRET = "only-for-tests:on this/machine"
MFA = "urn:example:mfa"
# Every user's password is the name followed by `pass`.
USERS: Mapping[str, Mapping[str, Any]] = {
    "alice": {"name": "Alice Berg", "email": "alice@example.test", "groups": ["staff", "payments"]},
    "bob": {"name": "Bob Lund", "email": "bob@example.test", "groups": ["staff"]},
}


@dataclass(frozen=True)
class OidcServer:
    issuer: str
    log: Path


@contextlib.contextmanager
def running_oidc_provider(
    directory: Path, *, redirect_uris: Sequence[str], back_to: Sequence[str] = (), back_channel: str = ""
) -> Iterator[OidcServer]:
    """Run it until the block ends. `back_to`: where a browser may come after a logout; `back_channel`: who is told."""
    node = need_command("node", package="nodejs")
    if not (FOLDER / "node_modules" / "oidc-provider").is_dir():
        missing("oidc-provider is not installed (npm ci in tests/servers/oidc_provider)")
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    client: dict[str, Any] = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": list(redirect_uris),
        "post_logout_redirect_uris": list(back_to),
        "require_auth_time": True,
        "default_acr_values": [],
    }
    if back_channel:
        client |= {"backchannel_logout_uri": back_channel, "backchannel_logout_session_required": True}
    users = {name: {"password": f"{name}pass", "claims": claims} for name, claims in USERS.items()}
    told = {"port": port, "issuer": issuer, "client": client, "users": users, "mfa": MFA}
    log = directory / "oidc-provider.log"
    command = [node, "server.mjs", json.dumps(told)]
    environment = {"NODE_ENV": "test", "PATH": os.environ.get("PATH", "")}
    with running(command, log=log, port=port, cwd=FOLDER, env=environment):
        yield OidcServer(issuer, log)
