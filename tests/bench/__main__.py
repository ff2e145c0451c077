"""python -m tests.bench [NAME …]: run the benches; all of them write docs/performance.md, some print their part."""

import os
import platform
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.registry import BENCHES
from tests.servers.process import stop

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "performance.md"
HEAD = """# Performance

What is measured, beside what it could be. `make bench` writes this page; don't edit it. Machines are noisy: read the
ratios, which were taken in one run, in turns, as medians of several rounds, before the absolute figures.

"""


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what it started is ended too
    asked = sys.argv[1:] or list(BENCHES)
    parts = [_run(name, BENCHES[name]) for name in asked]
    if sys.argv[1:]:
        sys.stdout.write("\n".join(parts))
        return
    PAGE.write_text(HEAD + _machine() + "\n" + "\n".join(parts), encoding="utf-8")
    sys.stdout.write(f"Written: {PAGE.relative_to(ROOT)}\n")


def _run(name: str, seconds: float) -> str:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.one", name],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, _ = process.communicate(timeout=seconds)
    finally:
        stop(process)
    if process.returncode:
        sys.exit(f"the bench {name!r} failed")
    return out.decode()


def _machine() -> str:
    """Say what it ran on: nothing that names the machine."""
    told = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    models = [line.partition(": ")[2] for line in told.splitlines() if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    return (
        f"Ran on {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores ({model}), {platform.system()}, "
        f"Python {platform.python_version()}, load average before the end {os.getloadavg()[0]:.1f}.\n"
    )


if __name__ == "__main__":
    main()
