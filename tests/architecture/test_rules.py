"""Rules of the house that a machine can hold: imports, addresses, paths, locks."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("this is not a git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def lines_with(pattern: str, *where: str) -> list[str]:
    wanted = re.compile(pattern)
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked(*where)
        if path.suffix not in {".png", ".svg", ".woff2"} and path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if wanted.search(line)
    ]


def test_the_import_rules_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_aws_and_saml_libraries_are_imported_by_the_brokers_alone() -> None:
    found = lines_with(r"^\s*(import|from) (boto3|botocore|onelogin|xmlsec)\b", "portal/*.py")
    assert not [line for line in found if not line.startswith("portal/demo/")]
    assert lines_with(r"^\s*(import|from) boto3\b", "brokers/*.py")


def test_no_file_names_a_machines_path() -> None:
    assert lines_with(r"(^|[\s\"'=(])/(root|home|Users|work)/[A-Za-z]", "*") == []


def test_nothing_binds_every_address() -> None:
    assert lines_with(r"0\.0\.0\.0|\[::\]", "*.py", "Makefile", "*.sh", ".ci/*", ".env.example") == []


@pytest.mark.parametrize("name", ["base", "demo", "dev", "gssapi", "gssapi-build", "uv"])
def test_locks_are_hashed_and_name_no_host(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    assert "://" not in re.sub(r"(?m)^\s*#.*$", "", text)
    assert "--index-url" not in text
    assert "--find-links" not in text
    wanted = re.split(r"(?m)^(?=[A-Za-z0-9])", re.sub(r"(?m)^\s*#.*\n?", "", text))
    packages = [part for part in wanted if part.strip()]
    assert packages
    assert [part.split()[0] for part in packages if "==" not in part or "--hash=sha256:" not in part] == []
