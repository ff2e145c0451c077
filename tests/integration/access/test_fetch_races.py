"""A thousand fetches over four processes on PostgreSQL: AWS is asked once for each grant, and everybody is answered."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections

from portal.access.models import AwsSession, CredentialSlot, Grant
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.catalog.models import AwsRole
from portal.directory.models import Person
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from tests.fakes import FakeAws
from tests.integration.jobs.plant import ROOT

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("races"),
]
Make = Callable[..., Any]
PROCESSES, THREADS, MANY = 4, 12, 1000


@pytest.fixture
def holder(person: Make) -> Person:
    return person("Race")  # type: ignore[no-any-return]  # fixtures that make things are untyped


@pytest.fixture
def grants(role: AwsRole, holder: Person, aws: FakeAws) -> Callable[[int], list[str]]:
    AwsRole.objects.filter(pk=role.pk).update(unique_id=aws.role_id(role.name))

    def make(many: int) -> list[str]:
        now = database_now()
        given = {"starts_at": now - timedelta(hours=1), "ends_at": now + timedelta(hours=9), "made_at": now}
        made = Grant.objects.bulk_create(
            Grant(person=holder, role=role, state="active", reason="race", activated_at=now, **given)
            for _ in range(many)
        )
        return [str(grant.pk) for grant in made]

    return make


def test_a_thousand_fetches_of_one_grant_are_one_call(
    grants: Callable[[int], list[str]], holder: Person
) -> None:
    [grant] = grants(1)
    found = race(holder, [[grant] * (MANY // PROCESSES)] * PROCESSES, takes=0.4)
    assert Counter(each["outcome"] for each in found["fetches"]) == {"got": MANY}
    assert found["calls"] == 1
    assert len({each["session"] for each in found["fetches"]}) == 1
    assert AwsSession.objects.count() == 1


def test_a_thousand_grants_are_a_thousand_calls(grants: Callable[[int], list[str]], holder: Person) -> None:
    """Each is fetched in one process, and every fifth in another one, too."""
    made = grants(MANY)
    shares = [[*made[n::PROCESSES], *made[(n + 1) % PROCESSES :: 5 * PROCESSES]] for n in range(PROCESSES)]
    fetches = sum(map(len, shares))
    found = race(holder, [random.sample(share, len(share)) for share in shares], takes=0.01, tries=30)
    assert fetches == MANY * 6 // 5
    assert Counter(each["outcome"] for each in found["fetches"]) == {"got": fetches}
    assert found["calls"] == MANY
    by_grant = {each["grant"]: each["session"] for each in found["fetches"]}
    assert all(by_grant[each["grant"]] == each["session"] for each in found["fetches"])
    assert AwsSession.objects.filter(state="got").count() == MANY


def test_under_throttling_everybody_gets_an_answer_and_aws_is_left_alone(
    grants: Callable[[int], list[str]], holder: Person
) -> None:
    """AWS takes five a second where the portal believes in a thousand: nobody fails, and few calls are in vain."""
    made = grants(40)
    found = race(holder, [made[n::PROCESSES] for n in range(PROCESSES)], takes=0.01, allowed=5, tries=60)
    assert Counter(each["outcome"] for each in found["fetches"]) == {"got": 40}
    assert found["made"] == 40
    assert found["calls"] > 40, "nothing was throttled"
    assert found["calls"] <= 40 * 3, "AWS was asked again and again"
    told = {word for each in found["fetches"] for word in each["told"]}
    assert told <= {"busy", "aws.unavailable"}
    assert "busy" in told


def test_the_slot_of_a_holder_that_was_killed_is_taken_over(
    grants: Callable[[int], list[str]], holder: Person
) -> None:
    [grant] = grants(1)
    found = race(holder, [[grant] * 12] * 2, takes=0.05, kills=True, tries=30)
    assert Counter(each["outcome"] for each in found["fetches"]) == {"got": 12}
    assert (found["calls"], found["made"]) == (2, 1)
    assert len({each["session"] for each in found["fetches"]}) == 1
    assert CredentialSlot.objects.get().fence == 3
    states = Counter(AwsSession.objects.values_list("state", flat=True))
    assert states == {"asked": 1, "got": 1}, (
        "what the killed one asked for is covered by a revocation, should it come"
    )


def test_nothing_is_kept_of_a_grant_that_ends_while_a_hundred_fetch(
    grants: Callable[[int], list[str]], holder: Person
) -> None:
    [grant] = grants(1)
    order = [[grant] * 25] * PROCESSES
    running = start(holder, order, takes=1.0)
    # Once somebody is asking AWS.
    end = database_now() + timedelta(seconds=60)
    while not AwsSession.objects.exists():
        assert database_now() < end
    revoke_grant(grant_id=Grant.objects.get().pk, reason="race", actor=Actor.command("tests"))
    found = finish(running)
    assert Counter(each["outcome"] for each in found["fetches"]) == {"conflict": 100}
    slot = CredentialSlot.objects.get()
    assert (bytes(slot.key), bytes(slot.sealed), slot.session_id) == (b"", b"", None)
    assert AwsSession.objects.get().state == "discarded"


def race(holder: Person, shares: Sequence[Sequence[str]], **order: Any) -> Any:
    return finish(start(holder, shares, **order))


def start(holder: Person, shares: Sequence[Sequence[str]], **order: Any) -> "subprocess.Popen[str]":
    """Run it in processes of its own, on this test's database."""
    connections.close_all()
    place = os.environ["SALLYPORT_DATABASE_URL"].rpartition("/")[0]
    environment = {
        **os.environ,
        "SALLYPORT_DATABASE_URL": f"{place}/{connection.settings_dict['NAME']}",
        "SALLYPORT_STS_RATE": "1000",
        "SALLYPORT_STS_BURST": "1000",
    }
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.access.fetch_race"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    given = {"person": str(holder.pk), "shares": shares, "threads": THREADS, "tries": 3} | order
    assert running.stdin is not None
    running.stdin.write(json.dumps(given))
    running.stdin.close()
    running.stdin = None
    return running


def finish(running: "subprocess.Popen[str]") -> Any:
    try:
        said, errors = running.communicate(timeout=280)
    finally:
        running.kill()
    assert running.returncode == 0, errors[-3000:]
    return json.loads(said)
