"""The program `sallyport` on a machine with nothing but Python, against the running portal, with unmodified clients."""

import json
import os
import re
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.browser import Visitor, visitor
from tests.journeys.long_runners import (
    Runner,
    commands,
    in_portal,
    running_program,
    until_keys,
    until_stopped,
)
from tests.journeys.terminal import PATIENCE_S, TOKEN, Terminal
from tests.servers.aws_cli import AWS_CLI
from tests.servers.demo import Demo, running_demo
from tests.servers.fresh_python import install
from tests.servers.process import free_port

pytestmark = [
    pytest.mark.services,
    pytest.mark.thorough,
    pytest.mark.xdist_group("cli"),
    pytest.mark.timeout(1800),
]
# Long enough that a busy machine gets from a fetch to its call within the part that SDKs are given no more of.
LIFE_S, KEYS_SEEN, LONG_PAUSE_S = 40, 4, 1.0
OVER = re.compile(r"This grant (has ended|ended at)|is over \(revoked")
GRANT, MINE, OTHERS = "harbor-data/data-analyst", "s3://harbor-measurements/tides/", "s3://harbor-payroll/"
FIND = """
from portal.access.models import Grant
from portal.directory.models import ApiToken
from portal.kernel.clock import database_now
from portal.kernel.actor import Actor
"""
EXPIRE = f"""{FIND}
from datetime import timedelta
found = ApiToken.objects.filter(person__name=sys.argv[1], revoked_at=None)
print(json.dumps(found.update(created_at=database_now() - timedelta(hours=2), expires_at=database_now())))
"""
REVOKE = f"""{FIND}
from portal.access.operations.grants.revoke_grant import revoke_grant
grant = Grant.objects.get(person__name="Chidi Rao", role__name="DataAnalyst")
if grant.ended_at is None:
    revoke_grant(grant_id=grant.pk, reason="enough", actor=Actor.command("tests"), cut=False)
print(json.dumps(str(grant.pk)))
"""
LIVING = f"""{FIND}
print(json.dumps(ApiToken.objects.filter(person__name=sys.argv[1], revoked_at=None).count()))
"""
MAKE = f"""{FIND}
from portal.directory.models import Person
from portal.directory.operations.api_tokens import create_token
from portal.kernel.actor import ActorKind
chidi = Person.objects.get(name="Chidi Rao")
actor = Actor(ActorKind.PERSON, chidi.name, chidi.pk)
print(json.dumps(create_token(name="CI", scopes=sys.argv[1:], days=1, actor=actor).plain))
"""
LIST_BY_BOTO3 = """
import boto3
found = boto3.client("s3").list_objects_v2(Bucket="harbor-measurements", Prefix="tides/")
print([each["Key"] for each in found["Contents"]])
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One whose AWS gives sessions of a few seconds."""
    home = tmp_path_factory.mktemp("cli") / "home"
    with running_demo(home, environment={"SANDBOX_SESSION_SECONDS": str(LIFE_S)}) as found:
        yield found


@pytest.fixture(scope="module")
def chidi(browser: Browser, demo: Demo) -> Visitor:
    met = visitor(browser, demo)
    met.page.set_default_timeout(PATIENCE_S * 1000)
    met.sign_in("Chidi Rao")
    return met


@pytest.fixture(scope="module")
def terminal(demo: Demo, chidi: Visitor, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """Install, sign in, and list a bucket, as the README says."""
    began = time.monotonic()
    place = tmp_path_factory.mktemp("machine")
    found = Terminal(install(place / "python", "cli"), place / "home")
    installed = time.monotonic()
    told = found.login(chidi, demo.portal)
    assert "Signed in" in told, told
    assert not TOKEN.search(told)
    ran = found.sallyport("exec", GRANT, "--", AWS_CLI, "s3", "ls", MINE)
    assert "2026-11-20.csv" in ran.out, ran
    whole = time.monotonic() - began
    print(f"install {installed - began:.1f} s, from install to exec {whole:.1f} s")  # noqa: T201  # for whoever looks
    return found


@pytest.fixture
def stranger(terminal: Terminal, tmp_path: Path) -> Terminal:
    """The same machine, a home where nobody signed in."""
    return Terminal(terminal.programs, tmp_path / "stranger")


def test_there_is_no_django_on_that_machine(terminal: Terminal) -> None:
    ran = terminal.run(terminal.programs / "python", "-m", "pip", "list", "--format", "json")
    there = {each["name"].lower() for each in json.loads(ran.out)}
    assert {"sallyport", "click", "urllib3"} <= there
    assert there.isdisjoint({"django", "boto3", "celery", "lxml"})
    assert terminal.sallyport("--version").out.startswith("sallyport ")


def test_who_and_what_and_until_when(terminal: Terminal, demo: Demo) -> None:
    assert "Chidi Rao" in terminal.sallyport("whoami").out
    assert json.loads(terminal.sallyport("whoami", "--json").out)["portal"] == demo.portal
    listed = terminal.sallyport("list").out
    assert GRANT in listed
    found = {each["name"]: each for each in json.loads(terminal.sallyport("list", "--json").out)}
    assert found[GRANT]["is_open"] is True
    for words in (GRANT, "data-analyst", found[GRANT]["id"], f"{found[GRANT]['account_id']}/DataAnalyst"):
        told = json.loads(terminal.sallyport("credentials", words, "--format", "json").out)
        assert told["Grant"] == found[GRANT]["id"]


def test_a_command_has_this_grants_rights_and_no_other_credentials(
    terminal: Terminal, tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = AKIAOLD\naws_secret_access_key = old\n"
    )
    (tmp_path / "config").write_text("[default]\ncredential_process = false\noutput = text\n")
    left = {
        "AWS_PROFILE": "of-another-day",
        "AWS_ACCESS_KEY_ID": "AKIAOLDER",
        "AWS_SECRET_ACCESS_KEY": "older",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
    }
    for way in ([], ["--env"]):
        allowed = terminal.sallyport("exec", *way, GRANT, "--", AWS_CLI, "s3", "ls", MINE, **left)
        assert "2026-11-20.csv" in allowed.out, allowed
        denied = terminal.sallyport("exec", *way, GRANT, "--", AWS_CLI, "s3", "ls", OTHERS, **left)
        assert denied.code not in {0, 3, 4, 5}
        assert "AccessDenied" in denied.err
    assert (tmp_path / "config").read_text().startswith("[default]\ncredential_process")


@pytest.mark.parametrize("way", [[], ["--env"]], ids=["endpoint", "env"])
def test_a_commands_end_is_passed_on(terminal: Terminal, way: list[str]) -> None:
    def ended(script: str) -> int:
        return terminal.sallyport("exec", *way, GRANT, "--", "sh", "-c", script).code

    assert [ended("exit 0"), ended("exit 7"), ended("kill -TERM $$")][:2] == [0, 7]
    code, line = terminal.refused("exec", *way, GRANT, "--", "no-such-program")
    assert (code, line) == (127, "There is no command no-such-program.")


def test_a_signal_reaches_the_command(terminal: Terminal) -> None:
    script = "trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.1; done"
    with terminal.started("exec", GRANT, "--", "sh", "-c", script) as program:
        program.until("ready")
        program.process.terminate()
        assert program.process.wait(PATIENCE_S) == 9
        assert program.told.endswith("bye\n")


def test_pasted_lines_work_in_a_shell(terminal: Terminal) -> None:
    script = f'eval "$(sallyport credentials {GRANT})" && {AWS_CLI} s3 ls {MINE}'
    assert "2026-11-20.csv" in terminal.run("bash", "-c", script).out


def test_profiles_fetch_by_themselves_and_leave_others_alone(terminal: Terminal) -> None:
    config = terminal.home / ".aws" / "config"
    theirs = "# mine\n[profile old]\nregion=us-east-1\n\n[default]\noutput=json\n"
    config.parent.mkdir(exist_ok=True)
    config.write_text(theirs)
    shown = terminal.sallyport("configure", "--dry-run").out
    assert "+[profile harbor-data-data-analyst]" in shown
    assert config.read_text() == theirs
    assert "harbor-data-data-analyst" in terminal.sallyport("configure").out
    written = config.read_text()
    assert written.startswith(theirs)
    assert "nothing to change" in terminal.sallyport("configure").out
    assert (config.parent / "config.before-sallyport").read_text() == theirs

    # From another folder, by a program that knows nothing of ours but the profile's name.
    use = {"AWS_PROFILE": "harbor-data-data-analyst", "PATH": os.environ["PATH"]}
    assert "2026-11-20.csv" in terminal.run(sys.executable, "-c", LIST_BY_BOTO3, **use).out
    assert "2026-11-20.csv" in terminal.run(AWS_CLI, "s3", "ls", MINE, **use).out

    terminal.sallyport("configure", "--remove")
    assert config.read_text() == theirs


def test_a_console_link_opens_once_where_its_person_is_signed_in(terminal: Terminal, chidi: Visitor) -> None:
    link = terminal.sallyport("console", GRANT, "--to", "s3", "--region", "eu-central-1").out.strip()
    chidi.page.goto(link)
    chidi.page.get_by_role("button", name="Open console").click()
    expect(chidi.page.get_by_text("harbor-measurements").first).to_be_visible(timeout=PATIENCE_S * 1000)
    assert "s3/home" in chidi.page.content()
    chidi.go("/")


def test_what_groups_may_take_is_taken_and_anything_else_is_asked_for(terminal: Terminal, demo: Demo) -> None:
    offered = terminal.sallyport("request").out
    name = "meadow-production/production-read-only"
    assert name in offered
    assert demo.portal in offered
    assert terminal.refused("request", name) == (2, "Say why with --reason.")
    taken = terminal.sallyport("request", name, "--for", "30m", "--reason", "looking at a fault")
    assert f"{name} is yours until" in taken.out, taken
    assert name in terminal.sallyport("list").out
    code, line = terminal.refused("request", "meadow-production/root", "--reason", "because")
    assert code == 4
    assert line.endswith(f"{demo.portal}/go/meadow-production/root")


def test_the_doctor_walks_to_the_portals_own_words(terminal: Terminal) -> None:
    ran = terminal.sallyport("doctor", GRANT)
    assert ran.code == 0
    assert all(line.startswith("ok ") for line in ran.out.splitlines())
    assert "The grant was open." in ran.out


def test_completion_knows_commands_and_grants(terminal: Terminal) -> None:
    asked = {
        "_SALLYPORT_COMPLETE": "bash_complete",
        "COMP_WORDS": "sallyport exec harbor-data/data",
        "COMP_CWORD": "2",
    }
    assert f"plain,{GRANT}" in terminal.sallyport(**asked).out.splitlines()


# ---------------------------------------------------------------- what must be refused, each in one line


def test_nobody_is_let_in_without_a_sign_in(stranger: Terminal, demo: Demo) -> None:
    assert stranger.refused("list") == (
        2,
        "Which portal? Run `sallyport login --portal https://its.name`, or set SALLYPORT_PORTAL.",
    )
    code, line = stranger.refused("--portal", demo.portal, "list")
    assert (code, line) == (3, f"You are not signed in at {demo.portal}: run `sallyport login`.")
    wrong = "sp_" + "x" * 43
    code, line = stranger.refused("list", "--portal", demo.portal, SALLYPORT_TOKEN=wrong)
    assert (code, line) == (3, f"Your sign-in at {demo.portal} is over: run `sallyport login`.")


def test_a_token_for_ci_does_what_its_scopes_say_and_no_more(
    stranger: Terminal, demo: Demo, chidi: Visitor
) -> None:
    assert chidi  # has signed in, so that somebody vouches for him
    token = in_portal(demo, MAKE, "grants:read")
    given = {"SALLYPORT_PORTAL": demo.portal, "SALLYPORT_TOKEN": token}
    assert GRANT in stranger.sallyport("list", **given).out
    code, line = stranger.refused("credentials", GRANT, **given)
    assert code == 4
    assert "credentials:issue" in line
    assert not (stranger.home / ".config").exists()
    seen = stranger.sallyport("exec", "--env", GRANT, "--", "env", **given)
    assert seen.code == 4


def test_wrong_words_are_told_in_one_line(terminal: Terminal) -> None:
    for words in (
        ["credentials"],
        ["credentials", GRANT, "--format", "xml"],
        ["lst"],
        ["exec", GRANT],
        ["--what"],
    ):
        assert terminal.refused(*words)[0] == 2
    code, line = terminal.refused("credentials", "no-such-role")
    assert code == 2
    assert GRANT in line
    code, line = terminal.refused("credentials", "00000000-0000-4000-8000-000000000000")
    assert (code, line) == (4, "There is no such grant.")
    assert terminal.refused("list", "--portal", "http://portal.example")[0] == 2
    code, line = terminal.refused("credentials", "measurements-by-id-token")
    assert (code, line.endswith("--mfa, --id-token-file or --assertion-file.")) == (4, True)


def test_a_portal_that_is_down_or_none_is_told_apart(terminal: Terminal, demo: Demo) -> None:
    given = {"SALLYPORT_TOKEN": "sp_" + "x" * 43}
    nobody = f"http://127.0.0.1:{free_port()}"
    assert terminal.refused("list", "--portal", nobody, **given) == (
        5,
        f"{nobody} does not answer: connection refused.",
    )
    code, line = terminal.refused("list", "--portal", demo.idp, **given)
    assert code == 5
    assert "did not answer as a Sallyport portal does" in line


def test_ctrl_c_ends_a_sign_in_in_one_line(stranger: Terminal, demo: Demo) -> None:
    with stranger.started("login", "--portal", demo.portal) as program:
        program.until("Waiting for you")
        assert program.interrupt() == 130
        assert program.told.splitlines()[-1] == "sallyport: interrupted."


def test_somebody_who_says_no_is_heard(stranger: Terminal, demo: Demo, chidi: Visitor) -> None:
    told = stranger.login(chidi, demo.portal, says="Refuse")
    assert told.splitlines()[-1] == "sallyport: The sign-in was turned down in the browser."
    assert stranger.refused("whoami", "--portal", demo.portal)[0] == 3


def test_a_token_in_a_file_is_its_owners_alone(terminal: Terminal) -> None:
    file = terminal.home / ".config" / "sallyport" / "tokens.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    file.chmod(0o640)
    code, line = terminal.refused("whoami")
    assert code == 1
    assert "is open to others" in line
    file.chmod(0o600)
    assert terminal.sallyport("whoami").code == 0


def test_signing_out_revokes_the_token_and_one_that_is_over_says_so(
    stranger: Terminal, demo: Demo, chidi: Visitor
) -> None:
    before = in_portal(demo, LIVING, "Chidi Rao")
    stranger.login(chidi, demo.portal)
    token = json.loads((stranger.home / ".config/sallyport/tokens.json").read_text())[demo.portal]
    assert stranger.sallyport("whoami").code == 0
    assert stranger.sallyport("logout").out == f"Signed out at {demo.portal}.\n"
    assert in_portal(demo, LIVING, "Chidi Rao") == before
    assert stranger.refused("whoami", "--portal", demo.portal)[0] == 3
    assert stranger.refused("whoami", "--portal", demo.portal, SALLYPORT_TOKEN=token)[0] == 3


# ---------------------------------------------------------------- across ends, and the end of all


@pytest.mark.soak
def test_long_programs_go_on_across_ends_and_stop_with_their_grant(
    terminal: Terminal, demo: Demo, tmp_path: Path
) -> None:
    terminal.sallyport("configure")
    with ExitStack() as stack:
        served = stack.enter_context(terminal.started("serve", GRANT))
        under_exec = stack.enter_context(
            terminal.started("exec", GRANT, "--", *commands(LONG_PAUSE_S)["boto3"])
        )
        served.until("Serving")
        lines = dict(line.removeprefix("export ").split("=", 1) for line in served.told.splitlines()[:-1])
        ways = {"serve": terminal.environment(**lines), "process": _by_process(terminal, demo)}
        runners = [Runner("exec, boto3", under_exec.process, under_exec.out)]
        runners += _everything(stack, ways, tmp_path / "before")
        until_keys(runners, KEYS_SEEN, seconds=600)
        in_portal(demo, REVOKE)
        # What is out works to its own end; from then on nobody gets any more, also whoever starts anew.
        until_stopped(runners, seconds=300)
        late = _everything(stack, ways, tmp_path / "after")
        until_stopped(late, seconds=300)
    for runner in runners:
        print(f"{runner.name}: {runner.calls} calls with {len(runner.keys)} keys")  # noqa: T201  # for whoever looks
    for runner in (*runners, *late):
        assert OVER.search(runner.failed), (runner.name, runner.failed)
    assert [runner.calls for runner in late] == [0] * len(late)


def test_what_is_over_gives_nothing_and_says_so(terminal: Terminal, demo: Demo, tmp_path: Path) -> None:
    in_portal(demo, REVOKE)
    code, line = terminal.refused("credentials", GRANT)
    assert code == 4
    assert f"{GRANT} is over (revoked" in line
    marker = tmp_path / "started"
    assert terminal.refused("exec", GRANT, "--", "touch", str(marker))[0] == 4
    assert not marker.exists()
    told = terminal.sallyport("doctor", GRANT)
    assert told.code == 4
    assert "FAILED" in told.out
    assert terminal.sallyport("whoami").code == 0
    assert in_portal(demo, EXPIRE, "Chidi Rao") >= 1
    assert terminal.refused("list") == (3, f"Your sign-in at {demo.portal} is over: run `sallyport login`.")


def _everything(stack: ExitStack, ways: Mapping[str, Mapping[str, str]], folder: Path) -> list[Runner]:
    """Start every program in every way."""
    found = []
    for way, environment in ways.items():
        for name in commands():
            program = running_program(name, folder / f"{way} {name}", environment, pause_s=LONG_PAUSE_S)
            found.append(replace(stack.enter_context(program), name=f"{way}, {name}"))
    return found


def _by_process(terminal: Terminal, demo: Demo) -> dict[str, str]:
    """Return the environment of a program that has a profile's name, and fetches by its credential_process."""
    return terminal.environment(
        AWS_CONFIG_FILE=str(terminal.home / ".aws" / "config"),
        AWS_PROFILE="harbor-data-data-analyst",
        AWS_ENDPOINT_URL=demo.aws,
        AWS_REGION="eu-central-1",
        XDG_CONFIG_HOME=str(terminal.home / ".config"),
    )
