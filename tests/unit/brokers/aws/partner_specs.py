"""A partner's role as tests want it: right in everything, until a test changes one thing."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from brokers.aws.partner_checks import all_tags, plain_description
from brokers.aws.partner_names import SCOPE_POLICY, boundary_arn, role_name
from brokers.aws.role_policies import RolePolicies
from brokers.types import AcceptedExternalId, AccountPlace, Partition, PartnerRoleSpec, StandingRole

ACCOUNT, THEIRS = "222222222222", "333333333333"
PLACE = AccountPlace(Partition.AWS, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/sallyport/SallyportProvisioner")
GRANT = UUID("6f2c1a00-0000-4000-8000-00000000beef")
NAME = role_name(GRANT)
PATH = "/sallyport/partners/acme/"
ROOT = f"arn:aws:iam::{THEIRS}:root"
START = datetime(2031, 5, 6, 7, 0, tzinfo=UTC)
END = START + timedelta(days=14)
CURRENT, OLD = "4d6c0f8e-0000-4000-8000-000000000001", "4d6c0f8e-0000-4000-8000-000000000002"
SCOPE: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Read",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::joint", "arn:aws:s3:::joint/*"],
        }
    ],
}


def spec(**changes: Any) -> PartnerRoleSpec:
    made = PartnerRoleSpec(
        place=PLACE,
        path=PATH,
        name=NAME,
        principal_arn=ROOT,
        external_ids=(AcceptedExternalId(CURRENT),),
        starts_at=START,
        ends_at=END,
        max_session=timedelta(hours=1),
        policy=SCOPE,
        description="Acme reads the joint project's bucket",
        tags={"SallyportPartner": "acme"},
    )
    return replace(made, **changes)


def standing(wanted: PartnerRoleSpec, **changes: Any) -> StandingRole:
    """Return the role as AWS shows it when it was written as it should be; documents are copies of their own."""
    policies = RolePolicies()
    made = StandingRole(
        name=wanted.name,
        path=wanted.path,
        arn=f"arn:aws:iam::{ACCOUNT}:role{wanted.path}{wanted.name}",
        unique_id="AROAEXAMPLE",
        description=plain_description(wanted.description),
        max_session=wanted.max_session,
        trust=json.loads(json.dumps(policies.trust_policy(wanted))),
        inline={SCOPE_POLICY: json.loads(json.dumps(policies.permissions(wanted)))},
        attached=wanted.managed_policy_arns,
        boundary_arn=boundary_arn(wanted.place),
        tags=dict(all_tags(wanted)),
    )
    return replace(made, **changes)
