"""`python -m tests.architecture.production_check`: Django's and our own deploy checks, under production-like settings.

Run by `make check`. The environment is made anew with random keys, so that nothing of this machine's counts.
Exits non-zero on any finding, warnings included.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]


def production_environment(**changes: str) -> dict[str, str]:
    """Return an environment as an installation has it: https, PostgreSQL, keys of its own."""
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("SALLYPORT_", "DJANGO_ALLOW_"))
    }
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "portal.config.settings",
        "SALLYPORT_SECRET_KEY": secrets.token_urlsafe(48),
        "SALLYPORT_DATA_KEYS": secrets.token_urlsafe(48),
        "SALLYPORT_URL": "https://access.example.com",
        "SALLYPORT_DATABASE_URL": "postgres://sallyport:secret@127.0.0.1:5432/sallyport",
        "SALLYPORT_REDIS_URL": "redis://127.0.0.1:6379/0",
        **changes,
    }


def run_check(environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    done = run_check(production_environment())
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    sys.exit(done.returncode)
