"""What a command gets, and how its end is passed on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from portal.cli.errors import CliError
from portal.cli.running import REMOVED, NotStartedError, child_environment, run, shielded
from tests.unit.cli.conftest import Say
from tests.unit.cli.scripted_portal import SECRET, TOKEN, Said, ScriptedPortal, grant, page

HERE = {"PATH": os.environ["PATH"]}


@pytest.mark.parametrize("name", sorted(REMOVED))
def test_what_others_left_is_gone(name: str) -> None:
    assert child_environment({name: "left", "AWS_CA_BUNDLE": "kept"}, {"A": "b"}) == {
        "AWS_CA_BUNDLE": "kept",
        "A": "b",
    }


def test_a_region_that_is_set_stays() -> None:
    given = {"AWS_REGION": "of-the-stand-in"}
    assert child_environment({"AWS_DEFAULT_REGION": "mine"}, given)["AWS_REGION"] == "mine"
    assert child_environment({}, given)["AWS_DEFAULT_REGION"] == "of-the-stand-in"
    assert "AWS_REGION" not in child_environment({}, {})


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_an_exit_code_is_the_commands(code: int) -> None:
    assert run(["sh", "-c", f"exit {code}"], HERE) == code


@pytest.mark.parametrize("name", ["TERM", "KILL", "INT"])
def test_an_end_by_signal_is_told_as_shells_do(name: str) -> None:
    assert run(["sh", "-c", f"kill -{name} $$"], HERE) == 128 + getattr(signal, f"SIG{name}")


def test_what_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(NotStartedError) as caught:
        run(["no-such-program"], HERE)
    assert caught.value.exit_code == 127
    plain = tmp_path / "plain"
    plain.write_text("echo")
    with pytest.raises(NotStartedError) as caught:
        run([str(plain)], HERE)
    assert caught.value.exit_code == 126
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    with pytest.raises(CliError):
        run([str(broken)], HERE)


def test_handlers_are_put_back_and_not_inherited() -> None:
    before = signal.getsignal(signal.SIGTERM)
    script = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    assert (
        run(
            [sys.executable, "-c", f"{script}; assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL"],
            HERE,
        )
        == 0
    )
    assert signal.getsignal(signal.SIGTERM) is before


def test_default_credentials_of_files_are_kept_from_the_command_and_the_files_as_they_are(home: Path) -> None:
    folder = home / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text("[default]\naws_access_key_id = AKIA\n")
    (folder / "config").write_text("[default]\nsso_session = x\nregion = y\n")
    with shielded({}) as lent:
        assert lent["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
        copy = Path(lent["AWS_CONFIG_FILE"])
        assert copy.read_text() == "[default]\nregion = y\n"
        assert copy.stat().st_mode & 0o777 == 0o600
    assert not copy.exists()
    assert "sso_session" in (folder / "config").read_text()
    (folder / "credentials").write_text("[other]\naws_access_key_id = AKIA\n")
    (folder / "config").write_text("[default]\nregion = y\n[profile x]\nrole_arn = z\n")
    with shielded({}) as lent:
        assert lent == {}


def test_a_command_by_env_has_plain_variables_and_no_token_of_ours(signed_in: ScriptedPortal) -> None:
    """In a process of its own: it becomes the command."""
    stand_in = {"endpoint_url": "http://127.0.0.1:4566", "region": "eu-central-1"}
    signed_in.answers["GET /api/v1/grants"] = Said(body=page(grant(stand_in=stand_in)))
    words = ["exec", "--env", "--region", "eu-west-1", "data-analyst", "--", "env"]
    done = subprocess.run(
        [sys.executable, "-m", "portal.cli", *words],
        env={
            **os.environ,
            "AWS_PROFILE": "left",
            "AWS_REGION": "left",
            "PYTHONPATH": str(Path(__file__).parents[3]),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    got = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert got["AWS_SECRET_ACCESS_KEY"] == SECRET
    assert got["AWS_CREDENTIAL_EXPIRATION"] == "2098-12-31T23:00:00Z"
    assert got["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert (got["AWS_REGION"], got["AWS_DEFAULT_REGION"]) == ("eu-west-1", "eu-west-1")
    assert TOKEN not in done.stdout
    assert "AWS_PROFILE" not in got


def test_the_commands_output_and_end_are_its_own(say: Say, signed_in: ScriptedPortal) -> None:
    ran = say("exec", "data-analyst", "--", "sh", "-c", "echo out; echo err >&2; exit 42")
    assert (ran.code, ran.out, ran.err) == (42, "out\n", "err\n")
    ran = say(
        "exec",
        "data-analyst",
        "sh",
        "-c",
        'echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI" --format $0 $1',
        "a",
        "-x",
    )
    assert ran.out.startswith("http://127.0.0.1:")
    assert ran.out.endswith(" --format a -x\n")
    assert say("exec", "data-analyst").line.startswith("Which command?")
