"""The module for browser apps, by node's own test runner; in Chromium it runs in tests/journeys/test_camera.py."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.servers.process import need_command

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "portal/web/static/web/js/sallyport-credentials.js"


@pytest.mark.services
def test_the_credentials_module(tmp_path: Path) -> None:
    node = need_command("node", package="nodejs")
    # node takes a file for a module by its name; browsers by how it is loaded.
    module = tmp_path / "sallyport-credentials.mjs"
    module.write_bytes(MODULE.read_bytes())
    run = subprocess.run(
        [node, "--test", "--test-reporter=tap", str(Path(__file__).parent / "js" / "credentials.test.mjs")],
        env={"PATH": os.environ["PATH"], "CREDENTIALS_MODULE": str(module)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "# fail 0" in run.stdout


def test_it_is_short_has_no_dependency_and_touches_no_storage() -> None:
    text = MODULE.read_text()
    code = "\n".join(line.partition("//")[0] for line in text.splitlines())
    assert "import " not in code
    for word in ("localStorage", "sessionStorage", "indexedDB", "document.", "console.", "eval", "history."):
        assert word not in code
    assert len(text.splitlines()) < 220
