"""Somebody's terminal: the program as it was installed, a home of their own, and nothing else of ours."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import expect

from tests.journeys.browser import Visitor
from tests.servers.process import stop, wait_until

# A wait ends with what it waits for: this is where somebody gives up on a machine that is busy beyond all measure.
PATIENCE_S = 300
TOKEN = re.compile(r"sp_[\w-]{20,}")


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


@contextmanager
def _ctrl_c_counts() -> Iterator[None]:
    """What is started meanwhile heeds Ctrl-C, also where the tests run in a shell's background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass
class Terminal:
    """`programs`: the folder with `sallyport`."""

    programs: Path
    home: Path

    def environment(self, **more: str) -> dict[str, str]:
        self.home.mkdir(parents=True, exist_ok=True)
        own = {
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
        }
        return own | more

    def run(self, *words: str | Path, **more: str) -> Ran:
        """Run a command to its end. Whatever happens, there is no trace-back and no token in what it says."""
        done = subprocess.run(
            [str(word) for word in words],
            env=self.environment(**more),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert not TOKEN.search(done.stdout + done.stderr)
        return Ran(done.returncode, done.stdout, done.stderr)

    def sallyport(self, *words: str | Path, **more: str) -> Ran:
        return self.run("sallyport", *words, **more)

    def refused(self, *words: str | Path, **more: str) -> tuple[int, str]:
        """Return the exit code and the one line on stderr of a command that says no more than that."""
        ran = self.sallyport(*words, **more)
        [line] = ran.err.splitlines()
        assert ran.out == "", ran.out
        assert line.startswith("sallyport: ")
        return ran.code, line.removeprefix("sallyport: ")

    @contextmanager
    def started(self, *words: str, **more: str) -> Iterator["Started"]:
        """Start `sallyport` with these words, or another program by its path."""
        self.home.mkdir(parents=True, exist_ok=True)
        out = self.home / f"{time.monotonic_ns()}.out"
        command = list(words) if words[0].startswith("/") else [str(self.programs / "sallyport"), *words]
        with out.open("wb") as file, _ctrl_c_counts():
            process = subprocess.Popen(
                command,
                env=self.environment(**more),
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield Started(process, out)
        finally:
            stop(process)

    def login(self, visitor: Visitor, portal: str, *, says: str = "The code is the same: let it in") -> str:
        """Sign in by the browser of somebody who is signed in there; return what the program said."""
        with self.started("login", "--portal", portal) as program:
            program.until(r"user_code=\S+")
            code = program.until(r"\b[A-Z]{4}-[A-Z]{4}\b")
            visitor.page.goto(program.until(r"http\S+user_code=\S+"))
            expect(visitor.page.get_by_text(code).first).to_be_visible(timeout=PATIENCE_S * 1000)
            visitor.page.get_by_role("button", name=says).click()
            program.process.wait(PATIENCE_S)
            return program.told


@dataclass
class Started:
    """A command that runs."""

    process: "subprocess.Popen[bytes]"
    out: Path

    @property
    def told(self) -> str:
        return self.out.read_text(errors="replace")

    def until(self, pattern: str) -> str:
        """Wait until it has said this; return it."""
        wait_until(lambda: re.search(pattern, self.told) is not None, seconds=PATIENCE_S, what=pattern)
        found = re.search(pattern, self.told)
        assert found
        return found[0]

    def interrupt(self) -> int:
        """Press Ctrl-C, and return its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_S)
