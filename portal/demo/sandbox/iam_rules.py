"""What AWS IAM refuses and MiniStack lets through: quotas on policies, and credentials that may not call IAM."""

import os

from portal.demo.sandbox.callers import Kind
from portal.demo.sandbox.facts import Facts, policy_size
from portal.demo.sandbox.refusals import Refused, limit_exceeded, validation_error
from portal.demo.sandbox.sts_rules import Call

INLINE = {"Role": 10_240, "User": 2_048, "Group": 5_120}  # characters, all inline policies together
MANAGED = 6_144
TRUST = 2_048
ATTACHED = 10
PATH_AND_NAME = 512
TAGS = 50
# AWS's default. Tests of a full account set a smaller one, tests of a crowd a larger.
ROLES = int(os.environ.get("SANDBOX_ROLES_PER_ACCOUNT", "1000"))


async def check(call: Call, facts: Facts) -> None:
    if call.caller in {Kind.FEDERATED, Kind.SESSION_TOKEN}:
        # With a code, those of GetSessionToken may.
        raise Refused("InvalidClientTokenId", "The security token included in the request is invalid", 403)
    _documents(call)
    for kind in INLINE:
        if call.action == f"Put{kind}Policy":
            await _inline(call, kind, facts)
        if call.action == f"Attach{kind}Policy":
            await _attach(call, kind, facts)
    await _counts(call, facts)
    if (
        call.action == "DeletePolicy"
        and await facts.policy_versions(call.account_id, call.given["PolicyArn"]) > 1
    ):
        raise Refused(
            "DeleteConflict", "This policy has more than one version. Delete the others first.", 409
        )


def _documents(call: Call) -> None:
    given = call.given
    if call.action == "CreateRole" and len(given.get("Path", "/") + given["RoleName"]) > PATH_AND_NAME:
        raise validation_error(f"Path and role name together can't exceed {PATH_AND_NAME} characters")
    if (
        call.action in {"CreatePolicy", "CreatePolicyVersion"}
        and policy_size(given["PolicyDocument"]) > MANAGED
    ):
        raise limit_exceeded(f"Cannot exceed quota for PolicySize: {MANAGED}")
    trust = {"CreateRole": "AssumeRolePolicyDocument", "UpdateAssumeRolePolicy": "PolicyDocument"}
    if call.action in trust and policy_size(given[trust[call.action]]) > TRUST:
        raise limit_exceeded(f"Cannot exceed quota for ACLSizePerRole: {TRUST}")


async def _counts(call: Call, facts: Facts) -> None:
    if call.action == "CreateRole" and await facts.roles(call.account_id) >= ROLES:
        raise limit_exceeded(f"Cannot exceed quota for RolesPerAccount: {ROLES}")
    if call.action == "TagRole":
        new = {tag.get("Key", "").lower() for tag in call.given["Tags"]}
        if len(new | await facts.tags(call.account_id, call.given["RoleName"])) > TAGS:
            raise limit_exceeded(f"Cannot exceed quota for TagsPerRole: {TAGS}")


async def _inline(call: Call, kind: str, facts: Facts) -> None:
    name = call.given[f"{kind}Name"]
    others = await facts.inline_size(call.account_id, kind, name, without=call.given["PolicyName"])
    if others + policy_size(call.given["PolicyDocument"]) > INLINE[kind]:
        raise limit_exceeded(
            f"Maximum policy size of {INLINE[kind]} bytes exceeded for {kind.lower()} {name}"
        )


async def _attach(call: Call, kind: str, facts: Facts) -> None:
    arn = call.given["PolicyArn"]
    if not await facts.policy_exists(call.account_id, arn):
        raise Refused("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)
    attached = set(await facts.attached(call.account_id, kind, call.given[f"{kind}Name"]))
    if len(attached | {arn}) > ATTACHED:
        raise limit_exceeded(f"Cannot exceed quota for PoliciesPer{kind}: {ATTACHED}")
