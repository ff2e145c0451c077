"""IAM's limits met on purpose, through the façade that has them: words that say what is full, and nothing half made."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from brokers.aws import AwsBrokers, HubCredentials
from portal.access.models import Grant, PartnerRole
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.partners.make_partner_grant import make_partner_grant
from portal.access.operations.partners.partner_grant_order import PartnerGrantOrder
from portal.access.operations.partners.work_partner_roles import work_partner_roles
from portal.catalog.models import AwsAccount, ScopeTemplate
from portal.directory.models import PartnerAccount
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError
from tests.partner_world import DAY, SHELL, add_account, add_partner, add_template, grant_to, prove
from tests.servers.sandbox import Sandbox, sandbox

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.once,
    pytest.mark.thorough,
    pytest.mark.xdist_group("partners-limits"),
]
OURS = "333344445555"
PATH = "/sallyport/partners/"
STORY_ROLES = 11


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox in whose accounts one more role fits beside those of the demo's story: one for a partner."""
    with sandbox(Path(tmp_path_factory.mktemp("full")), roles_per_account=STORY_ROLES + 1) as running:
        yield running


class Full:
    """Our account there, a partner's, and the real brokers."""

    def __init__(self, aws: Sandbox) -> None:
        hub = aws.estate["hub"]
        key = HubCredentials(hub["access_key_id"], hub["secret_access_key"])
        self.brokers = AwsBrokers.build(hub=key, region=aws.estate["region"], endpoint_url=aws.endpoint_url)
        arn = f"arn:aws:iam::{OURS}:role/SallyportProvisioner"
        self.ours = AwsAccount.objects.create(name="Data", account_id=OURS, provisioner_role_arn=arn)
        self.theirs: PartnerAccount = add_account(add_partner())
        self.template: ScopeTemplate = add_template()
        prove(self.theirs, self.ours)

    def ports(self) -> Any:
        return self.brokers.ports()

    def grant(self) -> Grant:
        return grant_to(self.theirs, self.ours, self.template, self)

    def work(self) -> None:
        PartnerRole.objects.exclude(due_at=None).update(due_at=database_now())
        work_partner_roles(aws=self.ports(), holder="test")


@pytest.fixture
def full(aws: Sandbox) -> Iterator[Full]:
    house = Full(aws)
    yield house
    for role in roles_in(aws):
        root = aws.root("iam", OURS)
        for policy in root.list_role_policies(RoleName=role)["PolicyNames"]:
            root.delete_role_policy(RoleName=role, PolicyName=policy)
        root.delete_role(RoleName=role)


def roles_in(aws: Sandbox) -> list[str]:
    found = aws.root("iam", OURS).list_roles(PathPrefix=PATH)["Roles"]
    return [role["RoleName"] for role in found]


def test_an_account_without_room_for_another_role(full: Full, aws: Sandbox) -> None:
    first, second = full.grant(), full.grant()
    full.work()
    states = {row.grant_id: row for row in PartnerRole.objects.all()}
    [made] = [row for row in states.values() if row.state == "standing"]
    [waits] = [row for row in states.values() if row.state == "making"]
    assert roles_in(aws) == [made.role.name], "nothing of the other is there, not even in part"
    assert "RolesPerAccount" in waits.last_error
    assert str(STORY_ROLES + 1) in waits.last_error
    # The one that stands is untouched, and once it is over there is room for the other.
    over = first if made.grant_id == first.pk else second
    revoke_grant(grant_id=over.pk, reason="making room", actor=SHELL)
    full.work()
    full.work()
    waits.refresh_from_db()
    assert (waits.state, waits.last_error) == ("standing", "")
    assert roles_in(aws) == [waits.role.name]


@pytest.mark.parametrize("action", ["CreateRole", "PutRolePolicy"])
def test_throttled_it_goes_on_where_it_was(full: Full, aws: Sandbox, action: str) -> None:
    full.grant()
    with aws.faults({"action": action, "times": 3}):  # as often as one call is tried
        full.work()
        [row] = PartnerRole.objects.all()
        assert row.state == "making"
        assert "Throttling" in row.last_error
        assert row.attempts == 1
    full.work()
    row.refresh_from_db()
    assert (row.state, row.last_error) == ("standing", "")
    assert roles_in(aws) == [row.role.name]


def test_a_scope_over_the_size_of_a_policy_is_refused_before_anything_is_written(
    full: Full, aws: Sandbox
) -> None:
    actions = [f"s3:GetObject{'x' * 60}{number}" for number in range(130)]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    assert len(json.dumps(policy)) > 10_240
    large = ScopeTemplate.objects.create(name="Large", summary="Much", policy=policy, for_partners=True)
    order = PartnerGrantOrder(
        partner_account_id=full.theirs.pk,
        account_id=full.ours.pk,
        scope_template_id=large.pk,
        ends_at=database_now() + DAY,
        reason="too much",
    )
    with pytest.raises(InvalidError, match="10,240 characters") as refusal:
        make_partner_grant(order=order, aws=full.ports(), actor=SHELL)
    assert refusal.value.field == "scope_template"
    assert not Grant.objects.exists()
    assert not PartnerRole.objects.exists()
    assert roles_in(aws) == []
    full.grant()
    full.work()
    assert len(roles_in(aws)) == 1, "the neighbour of a usual size is made"
