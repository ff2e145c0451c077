"""A plain start imports little: what a start costs is paid at every call of a credential_process."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import portal.cli
from portal.cli.commands import COMMANDS, sallyport
from portal.cli.version import VERSION

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(portal.cli.__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def imported_by(code: str) -> set[str]:
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return set(told.stdout.split())


def test_a_start_imports_neither_the_server_nor_a_keyring_nor_http() -> None:
    got = imported_by("import portal.cli.main, portal.cli.commands")
    assert "click" in got
    assert got.isdisjoint({"django", "boto3", "brokers", "keyring", "urllib3", "http.client", "ssl"})


def test_fetching_credentials_imports_no_keyring_and_no_server_of_its_own() -> None:
    got = imported_by("import portal.cli.commands.credentials, portal.cli.api")
    assert "urllib3" in got
    assert got.isdisjoint({"django", "boto3", "keyring", "http.server", "subprocess", "tempfile_"})


def test_everything_that_it_imports_is_in_the_extra() -> None:
    allowed = {part.partition(">")[0] for part in PROJECT["optional-dependencies"]["cli"]}
    got = set()
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                got |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                got.add(node.module.partition(".")[0])
    assert got - set(sys.stdlib_module_names) - {"portal"} == allowed
    assert PROJECT["dependencies"] == []


def test_the_version_is_the_projects() -> None:
    assert PROJECT["version"] == VERSION


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_there_and_says_what_it_is_for(name: str) -> None:
    context = sallyport.make_context("sallyport", [name], resilient_parsing=True)
    command = sallyport.get_command(context, name)
    assert command is not None
    assert (command.help or "").startswith(COMMANDS[name].rstrip(".").partition(":")[0])
