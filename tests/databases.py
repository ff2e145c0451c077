"""A pytest plugin, loaded before Django's settings: which database the tests run on.

`TEST_DATABASE` is `postgresql` (the default) or `sqlite`. PostgreSQL comes from the wheel, started once for all
xdist workers by the process that controls them.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.servers.postgres import Postgres, start_postgres

_started: list[Postgres] = []
_folders: list[str] = []


def _choose() -> None:
    kind = os.environ.get("TEST_DATABASE", "postgresql")
    if kind == "sqlite":
        os.environ["SALLYPORT_DATABASE_URL"] = f"sqlite:///{Path(_folder('sqlite')) / 'tests.sqlite3'}"
    elif kind == "postgresql":
        _started.append(start_postgres())
        os.environ["SALLYPORT_DATABASE_URL"] = _started[0].url
    else:
        raise pytest.UsageError(f"TEST_DATABASE is {kind!r}; allowed are postgresql and sqlite")


def _folder(purpose: str) -> str:
    _folders.append(tempfile.mkdtemp(prefix=f"sallyport-{purpose}-"))
    return _folders[-1]


if "PYTEST_XDIST_WORKER" not in os.environ:
    _choose()
    # Nothing is collected for tests, but whitenoise wants the folder to be there.
    os.environ["SALLYPORT_STATIC_ROOT"] = _folder("static")
os.environ.setdefault("SALLYPORT_REDIS_URL", "memory://")
os.environ.setdefault("SALLYPORT_LOG_FORMAT", "plain")


def pytest_unconfigure() -> None:
    while _started:
        _started.pop().remove()
    while _folders:
        shutil.rmtree(_folders.pop(), ignore_errors=True)
