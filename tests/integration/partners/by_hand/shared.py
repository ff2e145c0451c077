"""One account of ours with a bucket, shared with two partners; and short words for what is done with it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from brokers.ports import AwsPorts
from brokers.types import Credentials
from portal.access.models import ExternalId, Grant, PartnerRole, RoleDrift
from portal.access.operations.drift.find_drift import check_account_roles, check_due_roles
from portal.access.operations.partners.make_partner_grant import make_partner_grant
from portal.access.operations.partners.partner_accounts import open_partner_account
from portal.access.operations.partners.partner_grant_order import PartnerGrantOrder
from portal.access.operations.partners.prove_external_ids import prove_due
from portal.access.operations.partners.work_partner_roles import work_partner_roles
from portal.catalog.models import AwsAccount, ScopeTemplate
from portal.directory.models import Partner, PartnerAccount
from portal.kernel.clock import database_now
from tests.integration.brokers.aws.estate import BUCKET, TARGET
from tests.integration.brokers.aws.partner_estate import PARTNER, PLACE, STRANGER, Partners
from tests.partner_world import SHELL, add_partner, add_template
from tests.servers.aws_outcome import outcome

PATH = "/sallyport/partners/"


@dataclass(frozen=True)
class Shared:
    """`theirs`: the partner's own account; `others`: another partner's. `aws`: the portal's real brokers."""

    stack: Partners
    aws: AwsPorts
    ours: AwsAccount
    theirs: PartnerAccount
    others: PartnerAccount
    template: ScopeTemplate

    @classmethod
    def make(cls, stack: Partners) -> "Shared":
        ours = AwsAccount.objects.create(
            name="Data", account_id=TARGET, provisioner_role_arn=PLACE.via_role_arn
        )
        theirs, others = (
            _open(add_partner(name), number) for name, number in (("Acme", PARTNER), ("Globex", STRANGER))
        )
        return cls(stack, stack.brokers.ports(), ours, theirs, others, add_template())

    @property
    def iam(self) -> Any:
        """IAM of our account as its root has it: what somebody does by hand there."""
        return self.stack.owner

    def grant(self, theirs: PartnerAccount | None = None, *, principal_arn: str = "") -> Grant:
        return make_partner_grant(
            order=PartnerGrantOrder(
                partner_account_id=(theirs or self.theirs).pk,
                account_id=self.ours.pk,
                scope_template_id=self.template.pk,
                scope_parameters={"bucket": BUCKET},
                ends_at=datetime.now(UTC) + timedelta(hours=2),
                reason="Joint project",
                principal_arn=principal_arn,
            ),
            aws=self.aws,
            actor=SHELL,
        )

    def standing(self, theirs: PartnerAccount | None = None, *, principal_arn: str = "") -> PartnerRole:
        """A grant whose role stands in AWS: its ExternalId proven by real calls, the role made."""
        grant = self.grant(theirs, principal_arn=principal_arn)
        self.settle()
        row = PartnerRole.objects.select_related("role__account", "grant").get(grant=grant)
        assert row.state == "standing", row.last_error
        return row

    def settle(self) -> None:
        """Have workers do all that is due: roles, proofs, and the roles that waited for them."""
        for _ in range(3):
            PartnerRole.objects.exclude(due_at=None).update(due_at=database_now())
            work_partner_roles(aws=self.aws, holder="tests")
            prove_due(aws=self.aws)

    def work(self) -> int:
        return work_partner_roles(aws=self.aws, holder="tests")

    def look(self) -> int:
        """The next look at each role."""
        PartnerRole.objects.exclude(check_at=None).update(check_at=database_now())
        return check_due_roles(aws=self.aws)

    def look_everywhere(self) -> list[RoleDrift]:
        found = check_account_roles(account_id=self.ours.pk, aws=self.aws, actor=SHELL)
        assert not found.problem, found.problem
        return list(found.drifts)

    def external_id(self, theirs: PartnerAccount | None = None) -> str:
        return str(ExternalId.objects.get(partner_account=theirs or self.theirs, accepted_until=None).value)

    def come_in(
        self, row: PartnerRole, external_id: str | None, *, account: str = PARTNER, user: str = "ci"
    ) -> str:
        """Say what AWS answers to the partner's unmodified sts:AssumeRole."""
        return outcome(self.stack.assume(row.role.arn, external_id, account=account, user=user))

    def add_key(self, user: str) -> None:
        """Have `come_in` know a user of the partner's by a key of its own."""
        key = self.stack.aws.root("iam", PARTNER).create_access_key(UserName=user)["AccessKey"]
        until = datetime.now(UTC) + timedelta(hours=1)
        self.stack.users[PARTNER, user] = Credentials(key["AccessKeyId"], key["SecretAccessKey"], "", until)

    def delete_user(self, user: str) -> None:
        iam = self.stack.aws.root("iam", PARTNER)
        iam.delete_access_key(UserName=user, AccessKeyId=self.stack.users[PARTNER, user].access_key_id)
        iam.delete_user_policy(UserName=user, PolicyName="May")
        iam.delete_user(UserName=user)

    def session(self, row: PartnerRole, external_id: str, *, account: str = PARTNER) -> Credentials:
        return self.stack.assume(row.role.arn, external_id, account=account)()

    def as_it_stands(self, name: str) -> dict[str, Any]:
        """Return all that AWS has of a role, but for when it was last used."""
        role = self.iam.get_role(RoleName=name)["Role"]
        role.pop("RoleLastUsed", None)
        inline = {
            policy: self.iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in self.iam.list_role_policies(RoleName=name)["PolicyNames"]
        }
        attached = self.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        return {"role": role, "inline": inline, "attached": attached}

    def names(self) -> set[str]:
        """Return what stands under the portal's path for partners."""
        return {role["RoleName"] for role in self.iam.list_roles(PathPrefix=PATH)["Roles"]}

    def delete_by_hand(self, name: str) -> None:
        for policy in self.iam.list_role_policies(RoleName=name)["PolicyNames"]:
            self.iam.delete_role_policy(RoleName=name, PolicyName=policy)
        for policy in self.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            self.iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        self.iam.delete_role(RoleName=name)

    def clear(self) -> None:
        for name in self.names():
            self.delete_by_hand(name)


def _open(partner: Partner, number: str) -> PartnerAccount:
    return open_partner_account(
        partner_id=partner.pk, name="production", account_id=number, partition="aws", actor=SHELL
    )
