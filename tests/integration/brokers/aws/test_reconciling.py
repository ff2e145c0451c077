"""Portal and AWS set apart by hand, compared, repaired and alike again: judged by live sessions at MiniStack."""

from collections.abc import Callable, Iterator

import pytest

from brokers.aws import AwsBrokers
from brokers.ports import AwsPorts
from portal.access.differences import Kind
from portal.access.models import Grant
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.cutting.work_off import work_off
from portal.access.operations.drift import find_differences as finding
from portal.access.operations.drift.find_differences import find_differences
from portal.access.operations.drift.repair_differences import repair_differences
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.catalog.models import AwsAccount, AwsRole
from portal.kernel.actor import Actor
from tests.integration.brokers.aws.estate import (
    ROLE,
    TARGET,
    VIA_ARN,
    Estate,
    allow,
    assert_denied,
    is_denied,
    policy,
    role_target,
)
from tests.servers.ministack import MiniStack
from tests.world import as_actor, make_grant, make_person

pytestmark = pytest.mark.django_db
SHELL = Actor.command("tests")
OWN = "SallyportRevoked-role-Removed-1"
FOREIGN = "SomebodyElses"


@pytest.fixture(autouse=True)
def _nothing_left(brokers: AwsBrokers, aws: MiniStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(finding, "PAUSE", 0.0)
    yield
    brokers.deny.write(role_target(), [])
    iam = aws.root("iam", TARGET)
    for each in iam.list_policies(Scope="Local", PathPrefix="/sallyport/")["Policies"]:
        iam.delete_policy(PolicyArn=each["Arn"])


@pytest.fixture
def role(db: None) -> AwsRole:
    account = AwsAccount.objects.create(name="Target", account_id=TARGET, revoker_role_arn=VIA_ARN)
    return AwsRole.objects.create(account=account, title=ROLE, name=ROLE, sets_source_identity=False)


def leave_policy(aws: MiniStack, name: str, description: str) -> None:
    aws.root("iam", TARGET).create_policy(
        Path="/sallyport/",
        PolicyName=name,
        Description=description,
        PolicyDocument=policy(allow("s3:ListBucket")),
    )


def test_what_was_set_apart_by_hand_is_found_repaired_and_alike_again(
    estate: Estate, aws: MiniStack, role: AwsRole
) -> None:
    ports = estate.brokers.ports()
    cut, lost, neighbour = (get_in(estate, ports, role, name) for name in ("Ada", "Ben", "Cleo"))
    revoke_grant(grant_id=cut.grant.pk, reason="r", actor=SHELL)
    work_off(aws=ports, holder="tests")
    assert_denied(cut.read)
    assert find_differences(aws=ports).is_clean
    # As after a restored backup: AWS forgot the one, denies another, and holds what nobody here knows of.
    estate.brokers.deny.write(role_target(), [lost.userid])
    leave_policy(aws, OWN, "Written by Sallyport: ends sessions of role Removed. Don't change it by hand.")
    leave_policy(aws, FOREIGN, "mine")
    assert not is_denied(cut.read)
    assert_denied(lost.read)

    report = find_differences(aws=ports)
    assert [(each.kind, each.item) for each in report.differences] == [
        (Kind.DENIED_LIVING, lost.userid),
        (Kind.MISSING_DENY, ""),
        (Kind.LEFTOVER_POLICY, OWN),
        (Kind.FOREIGN_POLICY, FOREIGN),
    ]
    repaired = repair_differences(chosen=report.differences, actor=SHELL, aws=ports)
    assert len(repaired.done) == 3
    assert [key.rpartition("|")[2] for key in repaired.refused] == [FOREIGN]
    work_off(aws=ports, holder="tests")

    assert_denied(cut.read)
    assert_denied(lost.read)
    assert not is_denied(neighbour.read)
    assert Grant.objects.get(pk=lost.grant.pk).state == "revoked"
    assert Grant.objects.get(pk=neighbour.grant.pk).state == "active"
    again = find_differences(aws=ports)
    assert [(each.kind, each.item) for each in again.differences] == [(Kind.FOREIGN_POLICY, FOREIGN)]
    assert (again.unasked, again.unsettled) == ({}, ())


class Inside:
    """Somebody who got in, and a call with what they got."""

    def __init__(self, grant: Grant, userid: str, read: Callable[[], object]) -> None:
        self.grant, self.userid, self.read = grant, userid, read


def get_in(estate: Estate, ports: AwsPorts, role: AwsRole, name: str) -> Inside:
    person = make_person(name)
    grant = make_grant(person, role)
    issued = issue_credentials(grant_id=grant.pk, aws=ports, actor=as_actor(person))
    userid = grant.aws_sessions.get().userid
    return Inside(grant, userid, estate.get(issued.credentials))
