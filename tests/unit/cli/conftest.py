"""A home of one's own for each test, and the program run in this process."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from portal.cli.main import run
from tests.unit.cli.scripted_portal import SECRET, TOKEN, ScriptedPortal, scripted_portal

Say = Callable[..., "Ran"]


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line on stderr of a command that says no more than that."""
        assert self.out == ""
        [line] = self.err.splitlines()
        return line.removeprefix("sallyport: ")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("SALLYPORT_", "AWS_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("XDG_CONFIG_HOME", "DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    return place


@pytest.fixture
def portal() -> Iterator[ScriptedPortal]:
    with scripted_portal() as found:
        yield found


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Say:
    """Run the program; it raises nothing, shows no trace-back, and no secret that it wasn't asked for."""

    def said(*words: str) -> Ran:
        code = run(words)
        told = capfd.readouterr()
        assert "Traceback" not in told.err
        assert TOKEN not in told.out + told.err
        assert SECRET not in told.err
        return Ran(code, told.out, told.err)

    return said


@pytest.fixture
def signed_in(portal: ScriptedPortal, monkeypatch: pytest.MonkeyPatch) -> ScriptedPortal:
    monkeypatch.setenv("SALLYPORT_PORTAL", portal.url)
    monkeypatch.setenv("SALLYPORT_TOKEN", TOKEN)
    return portal
