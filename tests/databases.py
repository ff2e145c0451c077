"""A pytest plugin, loaded before Django's settings: which database the tests run on.

`TEST_DATABASE` is `postgresql` (the default) or `sqlite`. PostgreSQL comes from the wheel, started once for all
xdist workers by the process that controls them.
"""

import gc
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.servers.postgres import Postgres, start_postgres
from tests.servers.process import stop

# The database that each worker's is a copy of: migrating one takes longer than copying four.
TEMPLATE = "sallyport_template"
_started: list[Postgres] = []
_migrating: list[subprocess.Popen[bytes]] = []
_folders: list[str] = []


def _choose() -> None:
    kind = os.environ.get("TEST_DATABASE", "postgresql")
    if kind == "sqlite":
        os.environ["SALLYPORT_DATABASE_URL"] = f"sqlite:///{Path(_folder('sqlite')) / 'tests.sqlite3'}"
    elif kind == "postgresql":
        _started.append(start_postgres())
        os.environ["SALLYPORT_DATABASE_URL"] = _started[0].url
        os.environ["TEST_DATABASE_MIGRATED"] = str(Path(_folder("template")) / "done")
        _migrating.append(_migrate_template(_started[0]))
    else:
        raise pytest.UsageError(f"TEST_DATABASE is {kind!r}; allowed are postgresql and sqlite")


def _migrate_template(server: Postgres) -> "subprocess.Popen[bytes]":
    """Begin it, beside what else the tests need to start. Whoever needs it waits for the file that says how it went."""
    url = server.url.rpartition("/")[0]
    code = (
        "import os, pathlib, psycopg, subprocess, sys\n"
        f"psycopg.connect({server.url!r}, autocommit=True).execute('CREATE DATABASE {TEMPLATE}')\n"
        "ended = subprocess.run([sys.executable, 'manage.py', 'migrate', '--verbosity=0']).returncode\n"
        "done = pathlib.Path(os.environ['TEST_DATABASE_MIGRATED'])\n"
        "done.with_suffix('.new').write_text(str(ended))\n"
        "done.with_suffix('.new').rename(done)\n"
    )
    environment = {
        **os.environ,
        "SALLYPORT_DATABASE_URL": f"{url}/{TEMPLATE}",
        "SALLYPORT_REDIS_URL": "memory://",
    }
    root = Path(__file__).resolve().parents[1]
    return subprocess.Popen([sys.executable, "-c", code], cwd=root, env=environment, start_new_session=True)


def _folder(purpose: str) -> str:
    _folders.append(tempfile.mkdtemp(prefix=f"sallyport-{purpose}-"))
    return _folders[-1]


if "PYTEST_XDIST_WORKER" not in os.environ:
    _choose()
    # Nothing is collected for tests, but whitenoise wants the folder to be there.
    os.environ["SALLYPORT_STATIC_ROOT"] = _folder("static")
os.environ.setdefault("SALLYPORT_REDIS_URL", "memory://")
os.environ.setdefault("SALLYPORT_LOG_FORMAT", "plain")
# Tests ask more often than people do; what the budget does is tested with one of its own.
os.environ.setdefault("SALLYPORT_STS_RATE", "10000")
os.environ.setdefault("SALLYPORT_STS_BURST", "10000")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Ten thousand tests are made, and none goes away: looking for garbage among them takes a quarter of it all."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_unconfigure() -> None:
    while _migrating:
        stop(_migrating.pop())
    while _started:
        _started.pop().remove()
    while _folders:
        shutil.rmtree(_folders.pop(), ignore_errors=True)
