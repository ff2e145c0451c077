"""A partner's account and a stranger's beside the hub's and the target's, and short words for what they do."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from brokers.aws import AwsBrokers
from brokers.aws.hub_policies import boundary_policy, hub_trust, provisioner_policy
from brokers.aws.partner_access import PartnerAccess
from brokers.aws.partner_names import BOUNDARY_NAME, role_name
from brokers.aws.partner_roles import IamPartnerRoles
from brokers.aws.patience import Patience
from brokers.aws.session_names import grant_of
from brokers.types import (
    AcceptedExternalId,
    AccountPlace,
    Credentials,
    Partition,
    PartnerRoleSpec,
    StandingRole,
)
from tests.integration.brokers.aws.estate import BROKER_USER, BUCKET, HUB, TARGET, allow, policy
from tests.servers.aws_outcome import outcome
from tests.servers.ministack import MiniStack

PARTNER, STRANGER = "333333333333", "444444444444"
PROVISIONER = "SallyportProvisioner"
PLACE = AccountPlace(Partition.AWS, TARGET, f"arn:aws:iam::{TARGET}:role/{PROVISIONER}")
BOUNDARY = f"arn:aws:iam::{TARGET}:policy/{BOUNDARY_NAME}"
FURTHER = "Further"
HOUR = timedelta(hours=1)
HIDDEN_FOR = Patience((0.01,) * 5)


def seed_partners(aws: MiniStack) -> None:
    """Connect the target's account for partners as its owner would, and fill the other accounts."""
    target = aws.root("iam", TARGET)
    target.create_policy(PolicyName=BOUNDARY_NAME, PolicyDocument=json.dumps(boundary_policy()))
    trust = hub_trust(f"arn:aws:iam::{HUB}:user/{BROKER_USER}")
    target.create_role(RoleName=PROVISIONER, AssumeRolePolicyDocument=json.dumps(trust))
    rights = json.dumps(provisioner_policy("aws", TARGET))
    target.put_role_policy(RoleName=PROVISIONER, PolicyName="Provisioner", PolicyDocument=rights)
    anybody = {"Effect": "Allow", "Principal": {"AWS": TARGET}, "Action": "sts:AssumeRole"}
    target.create_role(RoleName=FURTHER, AssumeRolePolicyDocument=policy(anybody))
    target.put_role_policy(RoleName=FURTHER, PolicyName="May", PolicyDocument=policy(allow("s3:*")))
    for account, users in ((PARTNER, ("ci", "other")), (STRANGER, ("ci",))):
        iam = aws.root("iam", account)
        for user in users:
            iam.create_user(UserName=user)
            iam.put_user_policy(
                UserName=user, PolicyName="May", PolicyDocument=policy(allow("sts:AssumeRole"))
            )


def scope(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


READS = scope(allow(["s3:GetObject"], f"arn:aws:s3:::{BUCKET}/*"))


def role_spec(grant: UUID | None = None, **changes: Any) -> PartnerRoleSpec:
    """Return a role that lets the partner's whole account read a bucket, from an hour ago for an hour."""
    now = datetime.now(UTC)
    made = PartnerRoleSpec(
        place=PLACE,
        path="/sallyport/partners/acme/",
        name=role_name(grant or uuid4()),
        principal_arn=f"arn:aws:iam::{PARTNER}:root",
        external_ids=(AcceptedExternalId(str(uuid4())),),
        starts_at=now - HOUR,
        ends_at=now + HOUR,
        max_session=HOUR,
        policy=READS,
        description="Acme & friends read <the> project's bucket",
        tags={"SallyportPartner": "acme"},
    )
    return replace(made, **changes)


def external_id_of(spec: PartnerRoleSpec) -> str:
    return spec.external_ids[0].value


def grant_of_role(spec: PartnerRoleSpec) -> str:
    return str(grant_of(spec.name))


@dataclass(frozen=True)
class Partners:
    """The portal's maker, the accounts' own roots, and the partner's users."""

    aws: MiniStack
    brokers: AwsBrokers
    users: dict[tuple[str, str], Credentials]

    @property
    def access(self) -> PartnerAccess:
        return PartnerAccess(self.brokers.hub)

    @property
    def roles(self) -> IamPartnerRoles:
        return IamPartnerRoles(self.access, patience=HIDDEN_FOR)

    @property
    def owner(self) -> Any:
        """IAM of the target's account as its owner has it."""
        return self.aws.root("iam", TARGET)

    def made(self, **changes: Any) -> tuple[PartnerRoleSpec, StandingRole]:
        spec = role_spec(**changes)
        return spec, self.roles.make(spec)

    def assume(
        self, role_arn: str, external_id: str | None, *, account: str = PARTNER, user: str = "ci"
    ) -> Callable[[], Credentials]:
        """Return the call by which a partner's user comes in: unmodified sts:AssumeRole."""
        key = self.users[account, user]
        sts = self.aws.client("sts", key.access_key_id, key.secret_access_key)
        asked = {} if external_id is None else {"ExternalId": external_id}

        def call() -> Credentials:
            found = sts.assume_role(RoleArn=role_arn, RoleSessionName="work", **asked)["Credentials"]
            return Credentials(
                found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], found["Expiration"]
            )

        return call

    def read(self, credentials: Credentials, bucket: str = BUCKET) -> str:
        s3 = self.aws.as_session("s3", credentials)
        return outcome(lambda: s3.get_object(Bucket=bucket, Key="plan.txt"))


def users_of(aws: MiniStack) -> dict[tuple[str, str], Credentials]:
    made = {}
    for account, user in ((PARTNER, "ci"), (PARTNER, "other"), (STRANGER, "ci")):
        key = aws.root("iam", account).create_access_key(UserName=user)["AccessKey"]
        made[account, user] = Credentials(
            key["AccessKeyId"], key["SecretAccessKey"], "", datetime.now(UTC) + HOUR
        )
    return made
