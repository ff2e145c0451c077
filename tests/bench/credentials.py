"""Credentials over the wire: those that are kept, beside bare views; new ones, beside the bare call of boto3."""

import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import boto3
from botocore.config import Config

from tests.bench.consoleme import ConsoleMe, consoleme
from tests.bench.load import Figures, Round, figures, get, load, request
from tests.bench.registry import Section
from tests.servers.process import free_port, running
from tests.servers.valkey import valkey

ROOT = Path(__file__).parents[2]
ROUNDS = int(os.environ.get("CREDENTIALS_ROUNDS", "5"))
REQUESTS, CONNECTIONS, WORKERS, NEW = 120 * ROUNDS, 8, 2, 40 * ROUNDS
FLOOR = "plain Django view: one join, the cache, AES-GCM"
OURS = "the container endpoint"
PEER = "ConsoleMe 1.4.0's get_credentials, one process without its web server"
PEER_CALLS = 10


@dataclass(frozen=True)
class Site:
    """A portal that is served, and what was planted in it."""

    port: int
    pid: int
    planted: dict[str, Any]
    environment: Mapping[str, str]


def run() -> list[Section]:
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        sts = stack.enter_context(_stub(folder))
        redis = stack.enter_context(valkey(folder)).url
        peer = stack.enter_context(consoleme(folder, sts))
        on_postgres = {
            "SALLYPORT_DATABASE_URL": os.environ["SALLYPORT_DATABASE_URL"],
            "SALLYPORT_REDIS_URL": redis,
        }
        on_sqlite = {
            "SALLYPORT_DATABASE_URL": f"sqlite:///{folder / 'bench.sqlite3'}",
            "SALLYPORT_ALLOW_SQLITE": "1",
            "SALLYPORT_REDIS_URL": "memory://",
        }
        sections = []
        for where, given in {
            "PostgreSQL and Valkey": on_postgres,
            "SQLite, kept in the row": on_sqlite,
        }.items():
            with _site(folder, sts, given) as site:
                sections += [_kept(where, site, peer), _new(where, site, sts, peer), _spent(where, site)]
        return sections


def _kept(where: str, site: Site, peer: ConsoleMe | None) -> Section:
    token, grant = site.planted["token"], site.planted["grant"]
    api = {"Authorization": f"Bearer {site.planted['api']}", "Content_Length": "0"}
    ways = {
        "'hello', a view on the trimmed path": get("/bench/hello"),
        "'hello', a view behind all middleware": get("/bench/hello-full"),
        FLOOR: get("/bench/joined", Authorization=token),
        OURS: get("/container/credentials", Authorization=token),
        "the REST API (DRF)": request("POST", f"/api/v1/grants/{grant}/credentials", **api),
    }
    found = _in_turns(site, ways, peer)
    floor = found[FLOOR]
    rows = [
        [
            *(name, f"{one.rate:,.0f}", f"{one.rate / floor.rate:.2f}", f"{one.cpu_ms:.2f}"),
            *(f"{one.cpu_ms / floor.cpu_ms:.2f}", f"{one.p50:.1f}", f"{one.p99:.1f}"),
        ]
        for name, one in found.items()
    ]
    text = (
        f"granian with {WORKERS} workers, {CONNECTIONS} kept connections, {ROUNDS} rounds of {REQUESTS:,} requests in "
        "turns, medians. Each request of ours finds its token, asks the database whether the grant is open, its person "
        "vouched for, nothing held, and whether this program had this session before (else it is written down first). "
        "CPU is the web processes', without the database's; where cores are shared it tells more than the rate."
        + (" ConsoleMe keeps nothing: each of its calls is a new one." if peer else "")
    )
    columns = [
        "",
        "requests/s",
        "of the floor's",
        "CPU ms each",
        "times the floor's",
        "p50 ms",
        "p99 ms",
    ]
    return Section(f"Credentials that are kept: {where}", text, columns, rows)


def _in_turns(site: Site, ways: Mapping[str, bytes], peer: ConsoleMe | None) -> Mapping[str, Figures]:
    rounds: dict[str, list[Round]] = {name: [] for name in ways}
    for number in range(ROUNDS + 1):
        names = random.sample(list(ways), len(ways))
        for name in names:
            many = [ways[name]] * (REQUESTS if number else CONNECTIONS * 10)
            one = load(site.port, many, connections=CONNECTIONS, pids=[site.pid])
            if number:  # the first warms up
                rounds[name].append(one)
        if peer is not None:
            rounds.setdefault(PEER, []).append(peer.calls(PEER_CALLS))
    return {name: figures(each) for name, each in rounds.items()}


def _new(where: str, site: Site, sts: str, peer: ConsoleMe | None) -> Section:
    """Each a grant that nobody fetched for before, one at a time, in turns with the bare call."""
    client = _client(sts)
    raw: list[float] = []
    raw_cpu = 0.0
    ours: list[Round] = []
    others: list[Round] = []
    for plain in site.planted["others"]:
        ours.append(
            load(
                site.port,
                [get("/container/credentials", Authorization=plain)],
                connections=1,
                pids=[site.pid],
            )
        )
        began, used = time.perf_counter(), time.process_time()
        client.assume_role(
            RoleArn="arn:aws:iam::222222222222:role/Reader",
            RoleSessionName=f"sp-{secrets.token_hex(8)}",
            Policy="{}",
        )
        raw_cpu += time.process_time() - used
        raw.append(time.perf_counter() - began)
        if peer is not None:
            others.append(peer.calls(1))
    each = [one.each[0] for one in ours]
    cpu = sum(one.cpu for one in ours) / len(ours)
    rows = [
        ["boto3's AssumeRole", *_spread(raw), f"{raw_cpu / len(raw) * 1000:.2f}"],
        [OURS, *_spread(each), f"{cpu * 1000:.2f}"],
        [
            "added",
            *_added(each, raw),
            "",
            f"{(cpu - raw_cpu / len(raw)) * 1000:.2f}",
        ],
    ]
    if others:
        used = sum(one.cpu for one in others) / len(others)
        rows.append([PEER, *_spread([one.each[0] for one in others]), f"{used * 1000:.2f}"])
    text = (
        f"{len(each)} grants fetched for the first time, one after another, from an STS that answers at once, in turns "
        "with the bare call by a client that is kept. Ours are two transactions with their audit rows before anything "
        "leaves, and what is kept then. The rate is that of one caller who waits for each."
    )
    columns = ["", "p50 ms", "p99 ms", "requests/s", "CPU ms each"]
    return Section(f"Credentials that are new: {where}", text, columns, rows)


def _spent(where: str, site: Site) -> Section:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench.credentials_profile", str(NEW)],
        env={**os.environ, **site.environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        timeout=300,
    )
    parts: dict[str, tuple[float, float]] = json.loads(ran.stdout)
    whole = sum(spent for spent, _ in parts.values())
    rows = [
        [part, f"{calls:.0f}", f"{spent:.2f}", f"{spent / whole:.0%}"]
        for part, (spent, calls) in parts.items()
    ]
    text = (
        f"{NEW} new ones in one process with its own WSGI application, without a web server; each part without the "
        f"parts that it calls. {whole:.1f} ms in all. What must be checked before AWS is asked is checked again after "
        "it; each step has its audit row."
    )
    return Section(
        f"Where the time of a new one goes: {where}", text, ["", "times", "CPU ms", "of the whole"], rows
    )


def _spread(took: list[float]) -> tuple[str, str, str]:
    """Return p50 and p99 in milliseconds, and how many a second one after another."""
    return f"{median(took) * 1000:.1f}", f"{_p99(took) * 1000:.1f}", f"{len(took) / sum(took):.0f}"


def _added(ours: list[float], raw: list[float]) -> tuple[str, str]:
    return f"{(median(ours) - median(raw)) * 1000:.1f}", f"{(_p99(ours) - _p99(raw)) * 1000:.1f}"


def _p99(took: list[float]) -> float:
    return quantiles(took, n=100)[98]


def _client(url: str) -> Any:
    return boto3.Session().client(
        "sts",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="AKIABENCHBENCHBENCH1",
        aws_secret_access_key="s" * 40,
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


@contextmanager
def _stub(folder: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.stub_sts", str(port)]
    with running(command, log=folder / "sts.log", port=port, cwd=ROOT):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _site(folder: Path, sts: str, given: Mapping[str, str]) -> Iterator[Site]:
    port = free_port()
    environment = {
        "DJANGO_SETTINGS_MODULE": "tests.bench.credentials_settings",
        "SALLYPORT_SECRET_KEY": secrets.token_urlsafe(48),
        "SALLYPORT_DATA_KEYS": secrets.token_urlsafe(48),
        "SALLYPORT_URL": "http://localhost",
        "SALLYPORT_SIMULATION": "a bench",
        "SALLYPORT_AWS_ENDPOINT_URL": sts,
        "SALLYPORT_HUB_ACCESS_KEY_ID": "AKIABENCHBENCHBENCH1",
        "SALLYPORT_HUB_SECRET_ACCESS_KEY": "s" * 40,
        "SALLYPORT_STS_RATE": "10000",
        "SALLYPORT_STS_BURST": "10000",
        "SALLYPORT_LOG_LEVEL": "WARNING",
        **given,
    }
    made = subprocess.run(
        [sys.executable, "-m", "tests.bench.credentials_world", str(NEW)],
        env={**os.environ, **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        timeout=300,
    )
    command = [
        *(str(Path(sys.executable).with_name("granian")), "--interface", "wsgi", "--host", "127.0.0.1"),
        *("--port", str(port), "--workers", str(WORKERS), "--log-level", "warning"),
        "portal.config.wsgi:application",
    ]
    with running(
        command, log=folder / f"web-{port}.log", port=port, cwd=ROOT, env=environment, seconds=60
    ) as web:
        site = Site(port, web.pid, json.loads(made.stdout), environment)
        _warm(site)
        yield site


def _warm(site: Site) -> None:
    """Have each worker make its clients, which takes seconds; meanwhile who asks is told to come again."""
    for plain in [site.planted["token"], *(site.planted["others"].pop() for _ in range(4 * WORKERS))]:
        for _ in range(20):
            try:
                load(site.port, [get("/container/credentials", Authorization=plain)], connections=1, pids=[])
                break
            except AssertionError:
                time.sleep(1)
