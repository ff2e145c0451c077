"""The running demo, as `make demo` starts it, in a folder and on ports of its own."""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import free_port, running
from tests.servers.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Demo:
    """Where the parts of a running demo are."""

    home: Path
    portal: str
    idp: str
    aws: str
    samples: str
    pids: dict[str, int]
    supervisor: int

    @property
    def sandbox(self) -> Sandbox:
        """The demo's AWS, with its clients. The portal's own address for it is `aws`."""
        directory = self.home / "sandbox"
        estate = json.loads((directory / "estate.json").read_text())
        return Sandbox(directory, self.aws, _ministack_of(directory), estate, self.pids["sandbox AWS"])

    def kill(self, *names: str) -> None:
        """End parts for good: the supervisor is halted first, so that it starts nothing again."""
        os.kill(self.supervisor, signal.SIGSTOP)
        for name in names:
            os.killpg(self.pids[name], signal.SIGKILL)


@contextlib.contextmanager
def running_demo(
    home: Path, *, portal_port: int | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Demo]:
    """Run the demo until the block ends; the same `home` goes on where it was left. `environment`: all its parts'."""
    home.mkdir(parents=True, exist_ok=True)
    run_file = home / "run.json"
    ports = {
        "portal": portal_port or free_port(),
        "identity": free_port(),
        "sandbox": free_port(),
        "samples": free_port(),
    }
    options = [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]
    command = [sys.executable, "-m", "portal.demo", "--directory", str(home), *options]
    clean = {name: "" for name in os.environ if name.startswith("SALLYPORT_")}
    # As people have them: a number can't be empty.
    clean |= {"SALLYPORT_STS_RATE": "20", "SALLYPORT_STS_BURST": "100"}
    clean |= environment or {}
    with running(
        command, log=home / "demo.log", ready=run_file.exists, seconds=300, cwd=ROOT, env=clean
    ) as process:
        facts = json.loads(run_file.read_text())
        try:
            yield Demo(
                home=home,
                portal=facts["portal"],
                idp=facts["identity_provider"],
                aws=facts["aws"],
                samples=facts["samples"],
                pids=facts["pids"],
                supervisor=process.pid,
            )
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGCONT)


def _ministack_of(directory: Path) -> str:
    """Return the address of MiniStack itself, which the sandbox keeps to itself: from the process's environment."""
    state = f"STATE_DIR={directory / 'state'}".encode()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            items = environ.read_bytes().split(b"\0")
            if state in items:
                port = next(item for item in items if item.startswith(b"GATEWAY_PORT="))
                return f"http://127.0.0.1:{int(port.partition(b'=')[2])}"
    raise AssertionError("the demo's MiniStack does not run")
