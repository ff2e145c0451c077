"""Requests over kept connections, so many at once, and what they cost whoever answers."""

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles


@dataclass(frozen=True)
class Round:
    """Seconds that each request took; seconds in all; seconds of CPU of the servers."""

    each: Sequence[float]
    whole: float
    cpu: float


@dataclass(frozen=True)
class Figures:
    """Of several rounds: medians of the rates and CPU, and of all requests p50 and p99 (milliseconds)."""

    rate: float
    cpu_ms: float
    p50: float
    p99: float


def load(port: int, requests: Sequence[bytes], *, connections: int, pids: Sequence[int]) -> Round:
    """Send them all, spread over connections; `pids`: whose CPU counts, with their children's."""
    took: list[float] = []
    failed: list[bytes] = []
    shares = [requests[number::connections] for number in range(connections)]
    threads = [threading.Thread(target=_work, args=(port, share, took, failed)) for share in shares]
    before, began = cpu(pids), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise AssertionError(f"{len(failed)} of {len(requests)} failed: {failed[0][:300]!r}")
    return Round(took, time.perf_counter() - began, cpu(pids) - before)


def figures(rounds: Sequence[Round]) -> Figures:
    each = [seconds for one in rounds for seconds in one.each]
    cuts = quantiles(each, n=100)
    return Figures(
        rate=median(len(one.each) / one.whole for one in rounds),
        cpu_ms=median(one.cpu / len(one.each) for one in rounds) * 1000,
        p50=cuts[49] * 1000,
        p99=cuts[98] * 1000,
    )


def cpu(pids: Sequence[int]) -> float:
    """Return the CPU seconds of processes and of the children that they have now. Linux only."""
    ticks = sum(_ticks(pid) for root in pids for pid in (root, *_children(root)))
    return ticks / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            yield child
            yield from _children(child)


def _ticks(pid: int) -> int:
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


def _work(port: int, requests: Sequence[bytes], took: list[float], failed: list[bytes]) -> None:
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for request in requests:
            began = time.perf_counter()
            link.sendall(request)
            answer = _answer(link)
            took.append(time.perf_counter() - began)
            if not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
                failed.append(answer)


def _answer(link: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += link.recv(65536) or b"\r\n\r\n"
    head, _, body = data.partition(b"\r\n\r\n")
    size = next(
        (
            int(line.partition(b":")[2])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        ),
        0,
    )
    while len(body) < size:
        body += link.recv(65536)
    return data if len(body) <= size else data + body


def get(path: str, **headers: str) -> bytes:
    return request("GET", path, **headers)


def request(method: str, path: str, **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
