"""`make demo`: the whole product on embedded parts, on this machine alone. Ctrl-C ends all of it."""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from portal.demo import parts
from portal.demo.home import Home, HomeBusyError, occupied
from portal.demo.identity_provider.people import PEOPLE
from portal.demo.ports import USUAL, choose
from portal.demo.processes import PartFailedError, Running, restart_dead, run_to_end, start, stop, wait_ready

ROOT = Path(__file__).resolve().parents[2]


class EndedError(Exception):
    """Somebody asked the demo to end."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--directory", type=Path, default=ROOT / ".demo", help="where the state is kept")
    for name in USUAL:
        option = f"--{name.split()[0]}-port"
        parser.add_argument(option, type=int, default=None, help=f"the {name}'s (usually {USUAL[name]})")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    sockets = Path(tempfile.mkdtemp(prefix="sp-"))  # a socket's path may have some 100 characters only
    try:
        with occupied(given.directory.resolve()) as home:
            run(home, _addresses(given, sockets / "valkey"))
    except (HomeBusyError, PartFailedError) as problem:
        print(f"\n{problem}", file=sys.stderr)  # noqa: T201
        return 1
    except EndedError:
        return 0
    finally:
        shutil.rmtree(sockets, ignore_errors=True)
    return 0


def run(home: Home, at: parts.Addresses) -> None:
    """Start all parts, say where they are, watch them until somebody asks for the end."""
    os.chdir(ROOT)
    began = time.monotonic()
    running: list[Running] = []
    try:
        _start(home, at, running)
        _write_run_file(home, at, running)
        print(_welcome(at, time.monotonic() - began), flush=True)  # noqa: T201
        while True:
            restart_dead(running, say)
            time.sleep(0.5)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if running:
            say("Ending")
        stop(running)
        (home.path / "run.json").unlink(missing_ok=True)


def _start(home: Home, at: parts.Addresses, running: list[Running]) -> None:
    say("Starting the sandbox AWS, the identity provider and valkey")
    outside = [start(make(home, at)) for make in (parts.sandbox, parts.identity_provider, parts.valkey)]
    running.extend(outside)
    for part in outside:
        wait_ready(part)
    say("Preparing the database, the pages and the demo's story")
    run_to_end(parts.prepare(home, at))
    say("Starting the portal: web, worker and beat, and a sample app")
    running.extend(start(make(home, at)) for make in (parts.web, parts.worker, parts.beat, parts.samples))
    for part in running:
        wait_ready(part)


def _addresses(given: argparse.Namespace, socket: Path) -> parts.Addresses:
    wanted = {
        "portal": given.portal_port,
        "identity provider": given.identity_port,
        "sandbox AWS": given.sandbox_port,
        "samples": given.samples_port,
    }
    taken: set[int] = set()
    for name, port in wanted.items():
        choice = choose(name, port, avoid=frozenset(taken))
        if choice.moved:
            say(f"Port {port or USUAL[name]} is taken; the {name} uses {choice.port}")
        taken.add(choice.port)
        wanted[name] = choice.port
    return parts.Addresses(
        portal_port=wanted["portal"],
        idp_port=wanted["identity provider"],
        aws_port=wanted["sandbox AWS"],
        samples_port=wanted["samples"],
        socket=socket,
    )


def _write_run_file(home: Home, at: parts.Addresses, running: list[Running]) -> None:
    """Say which processes these are, for whoever wants to stop one and watch what happens."""
    facts = {
        "portal": at.portal,
        "identity_provider": at.idp,
        "aws": at.aws,
        "samples": at.samples,
        "pids": {part.part.name: part.process.pid for part in running},
    }
    draft = home.path / "run.json.new"
    draft.write_text(json.dumps(facts, indent=2))
    draft.rename(home.path / "run.json")  # whoever waits for it finds it whole


def _welcome(at: parts.Addresses, seconds: float) -> str:
    people = "\n".join(f"    {person.display_name:<15} {person.role} ({person.company})" for person in PEOPLE)
    return f"""
  Sallyport is ready, after {seconds:.1f} s.

    Portal              {at.portal}
    Management          {at.portal}/manage/   (sign in as Ada Okafor)
    Identity provider   {at.idp}   a simulation
    AWS                 {at.aws}   a simulation: MiniStack and what it lacks
    A browser app       {at.samples}   a sample: a camera over Kinesis Video, without an AWS key

  Sign in as any of these; no password is asked:

{people}

  Ctrl-C ends all of it; the next `make demo` goes on where this one left.
"""


def say(message: str) -> None:
    print(f"  {message}", flush=True)  # noqa: T201


def _end(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise EndedError


if __name__ == "__main__":
    sys.exit(main())
