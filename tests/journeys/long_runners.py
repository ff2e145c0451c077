"""Programs that run across the ends of their credentials: unmodified SDKs, each telling of every call in a line."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.aws_cli import AWS_CLI
from tests.servers.aws_sdk_js import sdk_client
from tests.servers.demo import ROOT, Demo
from tests.servers.process import stop, wait_until

BUCKET, PREFIX, PAUSE_S = "harbor-measurements", "tides/", 0.25
BOTO3 = """
import boto3, json, sys, time
bucket, prefix, pause = sys.argv[1:]
try:
    session = boto3.Session()
    s3 = session.client("s3")
    while True:
        found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"]
        key = session.get_credentials().access_key
        print(json.dumps({"key": key, "found": found}), flush=True)
        time.sleep(float(pause))
except Exception as error:
    sys.exit(print(json.dumps({"failed": f"{type(error).__name__}: {error}"}), flush=True))
"""
CLI = r"""
import json, re, subprocess, sys, time
aws, bucket, prefix, pause = sys.argv[1:]
while True:
    command = [aws, "s3api", "list-objects-v2", "--bucket", bucket, "--prefix", prefix, "--debug"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode:
        told = done.stderr.strip().splitlines()[-1]
        sys.exit(print(json.dumps({"failed": told}), flush=True))
    key = re.search(r"Credential=(ASIA\w+)", done.stderr)
    found = len(json.loads(done.stdout)["Contents"])
    print(json.dumps({"key": key[1] if key else "", "found": found}), flush=True)
    time.sleep(float(pause))
"""


@dataclass(frozen=True)
class Runner:
    """A running program, and what it has told so far."""

    name: str
    process: "subprocess.Popen[bytes]"
    out: Path

    @property
    def told(self) -> list[dict[str, Any]]:
        lines = self.out.read_text(errors="replace").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n") and line.startswith("{")]

    @property
    def keys(self) -> list[str]:
        """The access keys that it worked with, each once, in their order."""
        return list(dict.fromkeys(line["key"] for line in self.told if "key" in line))

    @property
    def failed(self) -> str:
        return next((str(line["failed"]) for line in self.told if "failed" in line), "")

    @property
    def calls(self) -> int:
        return sum("key" in line for line in self.told)


def commands(pause_s: float = PAUSE_S) -> Mapping[str, list[str]]:
    """Return what each program is started by; it waits so long between two calls."""
    work = [BUCKET, PREFIX]
    return {
        "boto3": [sys.executable, "-c", BOTO3, *work, str(pause_s)],
        "AWS CLI": [sys.executable, "-c", CLI, AWS_CLI, *work, str(pause_s)],
        "JavaScript SDK": [*sdk_client(), *work, str(int(pause_s * 1000))],
    }


def container(demo: Demo, **more: str) -> dict[str, str]:
    """Return the environment of a program that has nothing but where to fetch from, and what to show."""
    return {
        "PATH": os.environ["PATH"],
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{demo.portal}/container/credentials",
        "AWS_ENDPOINT_URL": demo.aws,
        "AWS_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        **more,
    }


@contextlib.contextmanager
def running_program(
    name: str, home: Path, environment: Mapping[str, str], *, pause_s: float = PAUSE_S
) -> Iterator[Runner]:
    home.mkdir(parents=True)
    out = home / "told"
    with out.open("wb") as file:
        process = subprocess.Popen(
            commands(pause_s)[name],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**environment, "HOME": str(home)},
            cwd=home,
            start_new_session=True,
        )
    try:
        yield Runner(name, process, out)
    finally:
        stop(process)


def until_keys(runners: Sequence[Runner], keys: int, *, seconds: float) -> None:
    """Wait until each program has worked with so many credentials. None may have failed."""

    def all_there() -> bool:
        for runner in runners:
            assert not runner.failed, f"{runner.name}: {runner.failed}\n{_tail(runner)}"
            assert runner.process.poll() is None, f"{runner.name}: {_tail(runner)}"
        return all(len(runner.keys) >= keys for runner in runners)

    wait_until(all_there, seconds=seconds, what=f"{keys} credentials each")


def until_stopped(runners: Sequence[Runner], *, seconds: float) -> None:
    """Wait until each program has told of a call that failed, and so has ended."""

    def all_failed() -> bool:
        for runner in runners:
            ended = runner.process.poll() is not None
            assert runner.failed or not ended, f"{runner.name} ended and told of no failure: {_tail(runner)}"
        return all(runner.failed for runner in runners)

    wait_until(all_failed, seconds=seconds, what="every program to stop")


def _tail(runner: Runner) -> str:
    return runner.out.read_text(errors="replace")[-3000:]


def in_portal(demo: Demo, code: str, *arguments: str) -> Any:
    """Run Python in the demo's portal, as an operator's shell would; returns what it printed, read as JSON."""
    environ = Path(f"/proc/{demo.pids['web']}/environ").read_bytes().decode().split("\0")
    lines = ("import django, json, sys", "django.setup()", code)
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines), *arguments],
        env=dict(each.split("=", 1) for each in environ if "=" in each),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
