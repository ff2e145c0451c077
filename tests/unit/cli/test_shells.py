"""Each shell itself, as it is installed: what it reads back, and what its Tab key makes of a few letters."""

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from portal.cli.formats import fish_lines, shell_lines
from tests.servers.process import need_command
from tests.unit.cli.scripted_portal import ScriptedPortal

NASTY = {"A": "it's", "B": '$HOME `id` \\ "x"', "C": "\u2019;rm", "D": "a\\'b"}
NAME = "harbor-data/data-analyst"
TYPED = "sallyport exec harbor-data/da"
# Long enough for a first `compinit` on a busy machine.
PATIENCE = 60.0


def shell(name: str) -> str:
    return need_command(name, package=name)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH with `sallyport` on it."""
    program = tmp_path / "bin" / "sallyport"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={Path.cwd()} exec {sys.executable} -m portal.cli "$@"\n')
    program.chmod(0o755)
    return f"{program.parent}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize("name", ["sh", "bash", "zsh", "fish"])
def test_reads_back_what_was_given(name: str) -> None:
    lines = fish_lines(NASTY) if name == "fish" else shell_lines(NASTY)
    script = lines + "".join(f'printf "%s\\0" "${one}"\n' for one in NASTY)
    told = subprocess.run([shell(name), "-c", script], capture_output=True, check=True).stdout.decode()
    assert told.split("\0")[:-1] == list(NASTY.values())


def test_bash_completes_a_grants_name(signed_in: ScriptedPortal, path: str) -> None:
    script = (
        f'eval "$(sallyport completion bash)"; COMP_WORDS=({TYPED}); COMP_CWORD=2; '
        '_sallyport_completion sallyport; echo "${COMPREPLY[@]}"'
    )
    assert said("bash", script, path) == NAME


def test_fish_completes_a_grants_name_and_a_command(signed_in: ScriptedPortal, path: str) -> None:
    script = f'sallyport completion fish | source; complete -C "{TYPED}"; complete -C "sallyport whoa"'
    told = [line.partition("\t")[0] for line in said("fish", script, path).splitlines()]
    assert told == [NAME, "whoami"]


def test_zsh_completes_a_grants_name(signed_in: ScriptedPortal, path: str, tmp_path: Path) -> None:
    """By its Tab key in a terminal: elsewhere zsh completes nothing."""
    (tmp_path / "home" / ".zshrc").write_text(
        "PS1='ready> '\nunsetopt zle_bracketed_paste\nautoload -U compinit && compinit -u\n"
        'eval "$(sallyport completion zsh)"\n'
    )
    told = typed([shell("zsh"), "-d", "-i"], ["ready> ", NAME], f"{TYPED}\t", path)
    assert NAME in told


def said(name: str, script: str, path: str) -> str:
    ran = subprocess.run(
        [shell(name), "-c", script],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    return ran.stdout.strip()


def typed(command: list[str], awaited: list[str], keys: str, path: str) -> str:
    """Type the keys in a terminal once the first words were shown; return all that was, up to the second ones."""
    terminal, theirs = pty.openpty()
    environment = {**os.environ, "PATH": path, "TERM": "dumb"}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    ) as program:
        try:
            shown = _until(terminal, awaited[0])
            os.write(terminal, keys.encode())
            return shown + _until(terminal, awaited[1])
        finally:
            program.kill()
            os.close(theirs)
            os.close(terminal)


def _until(terminal: int, words: str) -> str:
    shown = b""
    while words.encode() not in shown:
        if not select.select([terminal], [], [], PATIENCE)[0]:
            pytest.fail(f"{words!r} was not shown, but {shown.decode(errors='replace')!r}")
        shown += os.read(terminal, 4096)
    return shown.decode(errors="replace")
