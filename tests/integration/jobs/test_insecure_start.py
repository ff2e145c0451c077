"""Each insecure setting refuses the start of web, worker and beat, in processes of their own; its neighbour starts."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.production_check import ROOT, production_environment, run_check

pytestmark = [pytest.mark.xdist_group("starts"), pytest.mark.thorough]
INSECURE = {
    "E001": {"SALLYPORT_SECRET_KEY": "short"},
    "E002": {"SALLYPORT_DATA_KEYS": ","},
    "E003": {
        "SALLYPORT_SECRET_KEY": "k" * 16 + "0123456789abcdef",
        "SALLYPORT_DATA_KEYS": "k" * 16 + "0123456789abcdef",
    },
    "E004": {"SALLYPORT_DEBUG": "1"},
    "E005": {"SALLYPORT_URL": "http://access.example.com"},
    "E006": {"SALLYPORT_ALLOWED_HOSTS": "*"},
    "E007": {"SALLYPORT_DATABASE_URL": "sqlite:///x.sqlite3"},
    "E008": {"SALLYPORT_AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
}
NEIGHBOURS = {
    "E005": {"SALLYPORT_URL": "http://localhost:8000"},
    "E007": {"SALLYPORT_DATABASE_URL": "sqlite:///x.sqlite3", "SALLYPORT_ALLOW_SQLITE": "1"},
    "E008": {"SALLYPORT_AWS_ENDPOINT_URL": "http://127.0.0.1:9", "SALLYPORT_SIMULATION": "a stand-in"},
}


def start(command: list[str], changes: dict[str, str], directory: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**production_environment(**changes), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


# Each start costs seconds; that every one of these settings is refused is seen in one process by the checks' own tests.
ON_EVERY_RUN = {"E004"}


@pytest.mark.parametrize(
    "number",
    [
        number if number in ON_EVERY_RUN else pytest.param(number, marks=pytest.mark.thorough)
        for number in sorted(INSECURE)
    ],
)
def test_the_web_process_refuses(number: str, tmp_path: Path) -> None:
    done = start([sys.executable, "-c", "import portal.config.wsgi"], INSECURE[number], tmp_path)
    assert done.returncode != 0
    assert f"sallyport.{number}" in done.stderr
    assert "does not start insecurely" in done.stderr
    for secret in ("0123456789abcdef", "secret@"):
        assert secret not in done.stderr


@pytest.mark.thorough
def test_the_secure_neighbours_start(tmp_path: Path) -> None:
    for changes in ({}, *NEIGHBOURS.values()):
        done = start([sys.executable, "-c", "import portal.config.wsgi"], changes, tmp_path)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("part", ["worker", pytest.param("beat", marks=pytest.mark.thorough)])
def test_worker_and_beat_refuse(part: str, tmp_path: Path) -> None:
    celery = str(Path(sys.executable).with_name("celery"))
    done = start([celery, "-A", "portal.config.celery", part], INSECURE["E004"], tmp_path)
    assert done.returncode != 0
    assert "sallyport.E004" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.thorough
def test_the_deploy_check_finds_nothing_in_production_and_something_in_debug() -> None:
    done = run_check(production_environment())
    assert done.returncode == 0, done.stderr
    assert run_check(production_environment(SALLYPORT_DEBUG="1")).returncode != 0
