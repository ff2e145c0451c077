"""Netflix ConsoleMe beside the portal's endpoint, where `CONSOLEME_PYTHON` names a Python that has it.

It is not installed by itself: its packages are those of 2022, and some are built for minutes. What was seen to work::

    uv venv peer; uv pip install --python peer/bin/python 'consoleme==1.4.0' 'redis<5' 'deepdiff<6' 'numpy<2' \
        'pandas<2.2' 'pydantic<2' 'setuptools<80' 'cryptography<39' 'pyopenssl<23' 'marshmallow<4' boto
    CONSOLEME_PYTHON=$PWD/peer/bin/python make bench
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.load import Round
from tests.servers.process import stop

CALLS = Path(__file__).with_name("peers") / "consoleme_calls.py"
CONFIG = """environment: test
aws:
  region: us-east-1
  sts_endpoint_url: {sts}
logging:
  level: ERROR
"""


class ConsoleMe:
    """One process of it, which takes turns with what it is measured beside."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def calls(self, many: int) -> Round:
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        asked.write(f"{many}\n")
        asked.flush()
        for line in answers:
            if line.startswith("answer "):
                told = json.loads(line.removeprefix("answer "))
                return Round(told["each"], sum(told["each"]), told["cpu"])
        raise AssertionError(f"ConsoleMe ended with {self._process.wait()}")


@contextmanager
def consoleme(folder: Path, sts: str) -> Iterator[ConsoleMe | None]:
    """Yield it, warm, or None where there is none."""
    python = os.environ.get("CONSOLEME_PYTHON")
    if not python:
        yield None
        return
    config = folder / "consoleme.yaml"
    config.write_text(CONFIG.format(sts=sts))
    environment = {
        "CONFIG_LOCATION": str(config),
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIABENCHBENCHBENCH1",
        "AWS_SECRET_ACCESS_KEY": "s" * 40,
    }
    with (folder / "consoleme.log").open("w") as log:
        process = subprocess.Popen(
            [python, str(CALLS)],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        peer = ConsoleMe(process)
        peer.calls(3)
        yield peer
    finally:
        stop(process)  # type: ignore[arg-type]  # its streams are text
