"""50 partners with 20 grants each, in four accounts of ours in a real MiniStack: one is suspended, nobody else notices.

By several workers in processes of their own, on PostgreSQL. Prints how long it took until all of its roles were gone.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from brokers.aws import AwsBrokers, HubCredentials
from brokers.aws.partner_names import role_name
from portal.access.models import ExternalId, Grant, PartnerRole
from portal.access.operations.partners.suspend_partner import preview_suspension, suspend_partner
from portal.catalog.models import AwsAccount, AwsRole
from portal.directory.models import Partner
from tests.integration.partners.house import Workers, add_ours, build, roles_in, seed_account, workers
from tests.partner_world import SHELL, add_account, add_partner, add_template, grant_to, prove, row_of
from tests.servers.aws_outcome import ALLOWED, DENIED, outcome
from tests.servers.ministack import MiniStack

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.services,
    # A thousand roles, each a dozen calls to AWS.
    pytest.mark.timeout(1200),
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("partners' processes"),
]
PARTNERS, EACH, ACCOUNTS, WORKERS = 50, 20, 4, 4
# What is promised of an end in AWS: within a minute.
BOUND = timedelta(seconds=60)
SAMPLE = 10


@pytest.fixture
def at_work(stack: MiniStack, hub_key: HubCredentials, tmp_path: Path) -> Iterator[Workers]:
    with workers(hub_key, stack.url, tmp_path / "workers.log") as started:
        yield started


@pytest.fixture
def ours(stack: MiniStack, db: None) -> list[AwsAccount]:
    numbers = [f"{250000000000 + number}" for number in range(ACCOUNTS)]
    for number in numbers:
        seed_account(stack, number)
    return [add_ours(number, f"Data {number}") for number in numbers]


def run_all(at_work: Workers) -> float:
    """Have several workers do all that is due; return how long that took."""
    began = time.monotonic()
    started = [at_work.start(f"worker-{number}") for number in range(WORKERS)]
    assert {at_work.wait(pid) for pid in started} == {0}
    return time.monotonic() - began


def in_aws(stack: MiniStack, ours: list[AwsAccount]) -> dict[str, str]:
    """Return each role as AWS has it: its trust, its boundary's, its id, its rights; by name."""
    found: dict[str, str] = {}
    for account in ours:
        iam = stack.root("iam", account.account_id)
        for name, role in roles_in(stack, account.account_id).items():
            rights = iam.get_role_policy(RoleName=name, PolicyName="SallyportScope")["PolicyDocument"]
            found[name] = json.dumps([role, rights], sort_keys=True, default=str)
    return found


def lets_in(stack: MiniStack, row: PartnerRole) -> str:
    theirs = row.grant.partner_account
    assert theirs is not None
    value = ExternalId.objects.get(partner_account=theirs, accepted_until=None).value
    sts = stack.root("sts", theirs.account_id)
    return outcome(
        lambda: sts.assume_role(RoleArn=row.role.arn, RoleSessionName="work", ExternalId=str(value))
    )


def rows(**wanted: Any) -> list[PartnerRole]:
    found = PartnerRole.objects.filter(**wanted).select_related("role__account", "grant__partner_account")
    return list(found.order_by("pk"))


def grant_all(ours: list[AwsAccount], aws: AwsBrokers) -> list[Partner]:
    """Grant each partner once by the operation; the other grants are rows like that one's."""
    template, first = add_template(), []
    for number in range(PARTNERS):
        theirs = add_account(add_partner(f"Partner {number}"), f"{350000000000 + number}")
        for account in ours:
            prove(theirs, account)
        first.append(row_of(grant_to(theirs, ours[0], template, aws)))
    copies = [_copy(row, ours[turn % ACCOUNTS]) for row in first for turn in range(1, EACH)]
    AwsRole.objects.bulk_create(each.role for each in copies)
    Grant.objects.bulk_create(each.grant for each in copies)
    PartnerRole.objects.bulk_create(copies)
    return [partner for row in first if (partner := row.grant.partner) is not None]


def _copy(row: PartnerRole, account: AwsAccount) -> PartnerRole:
    grant, role, copied = copy(row.grant), copy(row.role), copy(row)
    grant.pk, role.pk, copied.pk = uuid4(), uuid4(), uuid4()
    role.account, role.name = account, role_name(grant.pk)
    role.title = role.name
    grant.role = copied.role = role
    copied.grant = grant
    return copied


def test_one_of_fifty_is_suspended_and_nobody_else_notices(
    stack: MiniStack,
    hub_key: HubCredentials,
    at_work: Workers,
    ours: list[AwsAccount],
    capsys: pytest.CaptureFixture[str],
) -> None:
    partners = grant_all(ours, build(stack, hub_key, stack.url))
    making = run_all(at_work)
    total = PARTNERS * EACH
    assert Counter(PartnerRole.objects.values_list("state", flat=True)) == {"standing": total}
    before = in_aws(stack, ours)
    assert len(before) == total
    one = partners[PARTNERS // 2]
    of_one = {row.role.name for row in rows(grant__partner_account__partner=one)}
    foreseen = preview_suspension(one.pk)
    assert {row.role.name for row in foreseen.roles} == of_one
    done = suspend_partner(partner_id=one.pk, reason="a leak", actor=SHELL)
    assert (done.grants, done.roles) == (EACH, EACH)
    run_all(at_work)
    gone = rows(grant__partner_account__partner=one)
    assert Counter(row.state for row in gone) == {"gone": EACH}
    after = in_aws(stack, ours)
    assert after == {name: role for name, role in before.items() if name not in of_one}
    others = rows(state="standing")
    assert {lets_in(stack, row) for row in others[:: len(others) // SAMPLE]} == {ALLOWED}
    assert {lets_in(stack, row) for row in gone} <= {DENIED, "NoSuchEntity"}
    assert Counter(Grant.objects.values_list("state", flat=True)) == {
        "active": total - EACH,
        "suspended": EACH,
    }
    say(capsys, gone, making)


def say(capsys: pytest.CaptureFixture[str], gone: list[PartnerRole], making: float) -> None:
    def longest(moment: Callable[[PartnerRole], datetime | None]) -> timedelta:
        return max(
            (moment(row) or datetime.max.replace(tzinfo=UTC)) - (row.closing_at or row.asked_at)
            for row in gone
        )

    shut, away = longest(lambda row: row.closed_at), longest(lambda row: row.gone_at)
    assert away < BOUND
    total = PARTNERS * EACH
    told: Mapping[str, float] = {
        f"seconds until {WORKERS} workers had made {total:,} roles": making,
        "roles a second": total / making,
        f"seconds from the suspension until nobody got in by any of {EACH}": shut.total_seconds(),
        f"seconds until all {EACH} were gone": away.total_seconds(),
    }
    with capsys.disabled():
        sys.stdout.write("\n" + "".join(f"{what}: {number:.1f}\n" for what, number in told.items()))
