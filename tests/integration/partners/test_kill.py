"""kill -9 of a worker at each call of making and unmaking a role, before it goes out and after it took effect.

Another process follows: everything is finished, nothing is orphaned, each step has one audit row, and the neighbour
is let in all the while.
"""

import itertools
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from brokers.aws import HubCredentials
from portal.access.models import ExternalId, Grant
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.partners.work_partner_roles import work_partner_roles
from tests.integration.partners.house import House, add_ours, before, build, seed_account, workers
from tests.partner_world import SHELL, add_account, add_partner, events_of, row_of
from tests.servers.aws_outcome import ALLOWED, outcome
from tests.servers.ministack import MiniStack

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.services,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("partners' processes"),
    pytest.mark.timeout(900),
]
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
numbers = itertools.count(1)
MADE = ["grant.made", "partner_role.made"]
TAKEN = ["grant.revoked", "partner_role.closed", "partner_role.gone"]


@pytest.fixture
def house(stack: MiniStack, hub_key: HubCredentials, tmp_path: Path) -> Iterator[House]:
    number = next(numbers)
    ours, theirs = f"{200000000000 + number}", f"{300000000000 + number}"
    seed_account(stack, ours)
    with before(stack) as proxy, workers(hub_key, proxy.url, tmp_path / "workers.log") as started:
        made = House(
            aws=stack,
            brokers=build(stack, hub_key, stack.url),
            proxy=proxy,
            workers=started,
            ours=add_ours(ours, "Data"),
            theirs=add_account(add_partner(), theirs),
        )
        # So that there is something to attach, and to take off again.
        made.template.managed_policy_arns = [READ_ONLY]
        made.template.save()
        yield made


def kill_at(house: House, call: int, *, answered: bool) -> str:
    """Start a worker and kill it at its `call`th call to AWS; returns which that was."""
    house.proxy.asked.clear()
    house.proxy.hold_nth(call, answered=answered)
    worker = house.workers.start("killed")
    assert house.proxy.caught.wait(60), "the worker made fewer calls"
    house.workers.kill(worker)
    house.proxy.let_go()
    return house.proxy.asked[call - 1]


def finish(house: House) -> None:
    """Have another process do what is left, once the dead one's lease is over, and what may land late has landed."""
    for _ in range(2):
        house.outlive()
        house.workers.run("follower")


def calls_of_one_run(house: House) -> list[str]:
    house.proxy.asked.clear()
    house.workers.run("unhurt")
    return list(house.proxy.asked)


def revoke(grant: Grant) -> None:
    revoke_grant(grant_id=grant.pk, reason="over", actor=SHELL)


def lets_in(house: House, grant: Grant) -> str:
    """Say what AWS answers to the partner's own account."""
    value = ExternalId.objects.get(partner_account=house.theirs, accepted_until=None).value
    sts = house.aws.root("sts", house.theirs.account_id)
    arn = row_of(grant).role.arn
    return outcome(lambda: sts.assume_role(RoleArn=arn, RoleSessionName="work", ExternalId=str(value)))


def check_made(house: House, *grants: Grant) -> None:
    for grant in grants:
        row = row_of(grant)
        assert (row.state, row.behind_since, row.leased_until) == ("standing", None, None), row.last_error
        assert (
            row.role.unique_id
            == house.aws.root("iam", house.ours.account_id).get_role(RoleName=row.role.name)["Role"]["RoleId"]
        )
        assert events_of(grant) == MADE
        assert lets_in(house, grant) == ALLOWED
    assert house.names_in_aws() == {row_of(grant).role.name for grant in grants}


@pytest.mark.thorough
def test_the_first_call_that_makes_and_the_last_that_takes_away(house: House) -> None:
    neighbour = house.grant()
    making = calls_of_one_run(house)
    killed = house.grant()
    assert kill_at(house, making.index("CreateRole") + 1, answered=True) == "CreateRole"
    assert row_of(killed).state == "making"
    finish(house)
    check_made(house, neighbour, killed)
    revoke(killed)
    house.proxy.hold_answer("DeleteRole")
    worker = house.workers.start("killed")
    assert house.proxy.caught.wait(60)
    house.workers.kill(worker)
    house.proxy.let_go()
    finish(house)
    assert row_of(killed).state == "gone"
    assert events_of(killed) == MADE + TAKEN
    check_made(house, neighbour)


@pytest.mark.thorough
def test_each_call_of_making(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    first = house.grant()
    making, standing = calls_of_one_run(house), [first]
    for call, answered in itertools.product(range(1, len(making) + 1), (False, True)):
        standing.append(house.grant())
        at = kill_at(house, call, answered=answered)
        assert at == making[call - 1]
        finish(house)
        assert lets_in(house, first) == ALLOWED
    check_made(house, *standing)
    say(capsys, "making", making)


@pytest.mark.thorough
def test_each_call_of_taking_away(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    neighbour, unhurt = house.grant(), house.grant()
    house.workers.run("maker")
    revoke(unhurt)
    taking = calls_of_one_run(house)
    for call, answered in itertools.product(range(1, len(taking) + 1), (False, True)):
        killed = house.grant()
        house.workers.run("maker")
        revoke(killed)
        assert kill_at(house, call, answered=answered) == taking[call - 1]
        finish(house)
        row = row_of(killed)
        assert (row.state, row.behind_since, row.leased_until) == ("gone", None, None), row.last_error
        assert events_of(killed) == MADE + TAKEN
        assert house.names_in_aws() == {row_of(neighbour).role.name}
    check_made(house, neighbour)
    say(capsys, "taking away", taking)


def test_a_call_of_a_dead_worker_that_lands_late_leaves_nothing(house: House) -> None:
    """It hangs in the network while another worker finds that there is no such role, and lands after that."""
    killed = house.grant()
    house.proxy.hold_request("CreateRole")
    worker = house.workers.start("killed")
    assert house.proxy.caught.wait(60)
    house.workers.kill(worker)
    revoke(killed)
    house.outlive()
    # Not by way of the proxy, which still holds the call.
    work_partner_roles(aws=house.ports(), holder="follower")
    assert row_of(killed).state == "closing", "a call may yet land: it is not called gone"
    assert house.names_in_aws() == set()
    house.proxy.pass_on()
    until = time.monotonic() + 20
    while not house.names_in_aws():
        assert time.monotonic() < until, "it never landed"
        time.sleep(0.05)
    house.outlive()
    work_partner_roles(aws=house.ports(), holder="follower")
    assert row_of(killed).state == "gone"
    assert house.names_in_aws() == set()
    assert events_of(killed) == ["grant.made", *TAKEN]


def say(capsys: pytest.CaptureFixture[str], what: str, calls: list[str]) -> None:
    told = ", ".join(f"{name} {number}x" for name, number in Counter(calls).items())
    with capsys.disabled():
        sys.stdout.write(f"\nkilled at each of {len(calls)} calls of {what}, before and after: {told}\n")
