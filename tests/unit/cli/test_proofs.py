"""What a role's own call takes along goes from a terminal or a file to the portal, and is shown nowhere."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.unit.cli.conftest import Say
from tests.unit.cli.scripted_portal import GRANT_ID, Said, ScriptedPortal, credentials, problem

CREDENTIALS = f"POST /api/v1/grants/{GRANT_ID}/credentials"
NEEDED = problem(
    400, "proof_needed", "This role takes an ID token along.", errors=[{"field": "id_token", "message": "x"}]
)


def sent(portal: ScriptedPortal) -> list[object]:
    return [json.loads(body) for what, _, _, body in portal.calls if what == CREDENTIALS]


@pytest.mark.parametrize(
    ("option", "name"), [("--id-token-file", "id_token"), ("--assertion-file", "assertion")]
)
def test_a_file_is_handed_over(
    say: Say, signed_in: ScriptedPortal, tmp_path: Path, option: str, name: str
) -> None:
    file = tmp_path / "proof"
    file.write_text("eyJ.proof\n")
    assert say("credentials", "data-analyst", option, str(file)).code == 0
    assert sent(signed_in) == [{name: "eyJ.proof"}]
    assert say("credentials", "data-analyst").code == 0
    assert sent(signed_in)[1:] == [{}]


def test_new_ones_are_asked_for_on_demand_alone(say: Say, signed_in: ScriptedPortal, tmp_path: Path) -> None:
    file = tmp_path / "proof"
    file.write_text("eyJ.proof\n")
    assert say("credentials", "data-analyst", "--fresh").code == 0
    assert say("credentials", "data-analyst", "--fresh", "--id-token-file", str(file)).code == 0
    assert say("credentials", "data-analyst").code == 0
    assert sent(signed_in) == [{"fresh": True}, {"id_token": "eyJ.proof", "fresh": True}, {}]


def test_a_code_is_asked_for_and_sent_once(
    say: Say, signed_in: ScriptedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []

    def prompt(text: str, **options: object) -> str:
        asked.append(options)
        return " 123456 "

    monkeypatch.setattr(click, "prompt", prompt)
    signed_in.answers[CREDENTIALS] = Said(201, credentials())
    assert say("exec", "--mfa", "data-analyst", "--", "true").code == 0
    assert sent(signed_in) == [{"mfa_code": "123456"}]
    assert asked == [{"hide_input": True, "err": True}]


def test_a_token_file_is_read_anew_at_each_renewal(signed_in: ScriptedPortal, tmp_path: Path) -> None:
    from portal.cli.commands.options import proof_reader  # noqa: PLC0415

    file = tmp_path / "token"
    read = proof_reader(mfa=False, id_token_file=str(file), assertion_file=None)
    for text in ("first", "second"):
        file.write_text(text)
        assert read() == {"id_token": text}


def test_what_is_missing_is_named_with_the_way_to_give_it(say: Say, signed_in: ScriptedPortal) -> None:
    signed_in.answers[CREDENTIALS] = NEEDED
    ran = say("credentials", "data-analyst")
    assert (ran.code, ran.line) == (
        4,
        "This role takes an ID token along. Give it with --mfa, --id-token-file or --assertion-file.",
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--mfa", "--id-token-file", "x"], 2),
        (["--assertion-file", "x", "--id-token-file", "x"], 2),
        (["--id-token-file", "no-such-file"], 1),
    ],
)
def test_wrong_proofs(say: Say, signed_in: ScriptedPortal, words: list[str], code: int) -> None:
    assert say("credentials", "data-analyst", *words).code == code
    assert sent(signed_in) == []


def test_nobody_to_ask_is_told(signed_in: ScriptedPortal) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "portal.cli", "credentials", "data-analyst", "--mfa"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
        start_new_session=True,
    )
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
