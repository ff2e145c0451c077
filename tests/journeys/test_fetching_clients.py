"""Unmodified SDKs fetch by themselves, across the ends of what they fetch, until their grant ends: no call fails."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.journeys.long_runners import (
    Runner,
    commands,
    container,
    in_portal,
    running_program,
    until_keys,
    until_stopped,
)
from tests.servers.demo import Demo, running_demo

pytestmark = [
    pytest.mark.services,
    pytest.mark.soak,
    pytest.mark.xdist_group("fetching-clients"),
    pytest.mark.timeout(1200),
]
LIFE_S, ENDS_SEEN = 12, 4
BY_FILE = " by file"
FIND = """
from portal.access.models import *
from portal.access.operations.credentials.credential_tokens import *
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.kernel import tallies
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
grant = Grant.objects.get(person__name="Chidi Rao", role__name="DataAnalyst")
chidi = Actor(ActorKind.PERSON, "Chidi Rao", grant.person_id)
"""
MAKE = f"""{FIND}
from portal.directory.models import ExternalIdentity
ExternalIdentity.objects.filter(person=grant.person_id).update(confirmed_at=database_now())  # has signed in
print(json.dumps([make_credential_token(grant_id=grant.pk, name=name, actor=chidi).plain for name in sys.argv[1:]]))
"""
TAKE = f"""{FIND}
token = CredentialToken.objects.get(grant=grant, name=sys.argv[1], revoked_at=None)
print(json.dumps(str(revoke_credential_token(grant_id=grant.pk, token_id=token.pk, actor=chidi).pk)))
"""
REVOKE = f"""{FIND}
# What is out runs to its own end: it is the refused refresh that stops them.
ended = revoke_grant(grant_id=grant.pk, reason="enough", actor=Actor.command("tests"), cut=False)
print(json.dumps(str(ended.ended_at)))
"""
COUNT = f"""{FIND}
told = tallies.read()
asked = {{k: v for k, v in told["sts_calls"].items()}}
print(json.dumps([AwsSession.objects.filter(grant=grant).count(), told["container_requests"], asked]))
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One whose AWS gives sessions of a few seconds."""
    home = tmp_path_factory.mktemp("fetching") / "home"
    with running_demo(home, environment={"SANDBOX_SESSION_SECONDS": str(LIFE_S)}) as found:
        yield found


def test_they_work_across_several_ends_and_stop_with_their_grant(demo: Demo, tmp_path: Path) -> None:
    names = [*commands(), f"boto3{BY_FILE}", f"JavaScript SDK{BY_FILE}"]
    tokens = dict(zip(names, in_portal(demo, MAKE, *names), strict=True))
    with ExitStack() as stack:
        runners: list[Runner] = []
        for number, name in enumerate(names):
            home = tmp_path / str(number)
            environment = _environment(demo, name, tokens, tmp_path)
            runners.append(
                stack.enter_context(running_program(name.removesuffix(BY_FILE), home, environment))
            )
        until_keys(runners, 2, seconds=300)
        for name in (name for name in names if name.endswith(BY_FILE)):
            [newer] = in_portal(demo, MAKE, f"newer {name}")
            _write(_file(tmp_path, name), newer)
            in_portal(demo, TAKE, name)
        until_keys(runners, ENDS_SEEN, seconds=300)
        asked, requests, calls = in_portal(demo, COUNT)
        in_portal(demo, REVOKE)
        until_stopped(runners, seconds=300)
    for name, runner in zip(names, runners, strict=True):
        assert "This grant ended at" in runner.failed, (name, runner.failed)
        assert "ask for a new one at http://localhost:" in runner.failed, (name, runner.failed)
    fetched = sum(runner.calls for runner in runners)
    print(f"{fetched} calls, answered {requests}, sessions {asked}, {calls}")  # noqa: T201  # for whoever looks
    assert set(requests) == {"ok"}
    # Sessions of so few seconds make SDKs ask at each call: what is kept carries them.
    assert asked <= ENDS_SEEN + 3 * len(runners)
    assert fetched > 5 * asked


def _environment(demo: Demo, name: str, tokens: Mapping[str, str], folder: Path) -> dict[str, str]:
    if not name.endswith(BY_FILE):
        return container(demo, AWS_CONTAINER_AUTHORIZATION_TOKEN=tokens[name])
    file = _file(folder, name)
    _write(file, tokens[name])
    return container(demo, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(file))


def _file(folder: Path, name: str) -> Path:
    return folder / name.replace(" ", "-")


def _write(file: Path, token: str) -> None:
    file.with_suffix(".new").write_text(token)
    file.with_suffix(".new").replace(file)
