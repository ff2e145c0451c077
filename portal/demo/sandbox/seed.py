"""Makes what is missing of the estate, and writes `estate.json` for the portal's demo to read."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from portal.demo.sandbox import estate, estate_calls, seed_calls
from portal.demo.sandbox.bootstrap import REGION, Bootstrap

if TYPE_CHECKING:
    from mypy_boto3_iam.client import IAMClient

Json = dict[str, Any]
PURPOSES = {estate.REVOKER: "revoker", estate.PROVISIONER: "provisioner"}


def seed(root: Bootstrap, directory: Path, base_url: str, identity_provider: str | None = None) -> Json:
    """Bring the estate up to what `estate.py` says, leave all else alone, return what estate.json holds.

    `identity_provider`: the address of the demo's own, which signs ID tokens and assertions for AWS.
    """
    known = _known_keys(directory)
    hub_key = _hub_user(root.iam(estate.HUB.account_id), known)
    makers = (estate.revoker, estate.provisioner)
    roles = [*estate.ROLES, *(made(account.account_id) for made in makers for account in estate.TARGETS)]
    for account in estate.TARGETS:
        iam = root.iam(account.account_id)
        _managed_policy(iam, account.account_id, estate.BOUNDARY, estate.partner_boundary())
    providers = seed_calls.providers(root, identity_provider)
    pool_ids = seed_calls.pools(root, providers["issuer"])
    by_purpose = estate_calls.roles(providers["issuer"], pool_ids)
    others = [
        {**_role(root.iam(role.account_id), role), "purpose": purpose}
        for purpose, found in by_purpose.items()
        for role in found
    ]
    facts = {
        "simulation": True,
        "partition": "aws",
        "region": REGION,
        "endpoint_url": base_url,
        "sign_in_url": f"{base_url}/federation",
        "console_url": f"{base_url}/console/",
        "hub": {
            "account_id": estate.HUB.account_id,
            "user_name": estate.HUB_USER,
            "user_arn": estate.HUB_USER_ARN,
            **hub_key,
        },
        "accounts": [_account(account) for account in estate.ACCOUNTS],
        "roles": [*(_role(root.iam(role.account_id), role) for role in roles), *others],
        "buckets": [_bucket(root, bucket) for bucket in estate.BUCKETS],
        "identity_provider": providers,
        "identity_pools": seed_calls.pool_roles(
            root, pool_ids, {role["name"]: role["arn"] for role in others}
        ),
        "mfa_users": [_mfa_user(root.iam(user.account_id), user, known) for user in estate_calls.MFA_USERS],
        "members": seed_calls.members(),
        "signaling_channel": {
            "account_id": estate.DATA.account_id,
            "region": estate_calls.CHANNEL_REGION,
            "name": estate_calls.CHANNEL,
        },
        "sealed_bucket": _bucket(root, estate_calls.SEALED),
        "partners": [_partner(root.iam(partner.account_id), partner, known) for partner in estate.PARTNERS],
    }
    seed_calls.sealed_bucket(root)
    _write(directory / "estate.json", facts)
    return facts


def _mfa_user(iam: "IAMClient", user: estate_calls.MfaUser, known: dict[str, str]) -> Json:
    return seed_calls.mfa_user(iam, user, lambda: _key(iam, user.name, known), known)


def _write(path: Path, facts: Json) -> None:
    """Replace the file in one step, readable by us alone: it holds the hub's key."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(facts, file, indent=2)
    draft.replace(path)


def _known_keys(directory: Path) -> dict[str, str]:
    """Return the secrets that estate.json holds: of keys by access key id, of MFA devices by serial number."""
    try:
        facts: Json = json.loads((directory / "estate.json").read_text())
    except (OSError, ValueError):
        return {}
    holders = [facts.get("hub", {}), *facts.get("partners", []), *facts.get("mfa_users", [])]
    devices = {each["mfa_serial"]: each["mfa_seed"] for each in facts.get("mfa_users", [])}
    keys = {each["access_key_id"]: each["secret_access_key"] for each in holders if "access_key_id" in each}
    return keys | devices


def _missing(call: Callable[[], Any], code: str) -> bool:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] == code:
            return True
        raise
    return False


def _hub_user(iam: "IAMClient", known: dict[str, str]) -> Json:
    user = estate.HUB_USER
    if _missing(lambda: iam.get_user(UserName=user), "NoSuchEntity"):
        iam.create_user(UserName=user)
    policy_arn = _managed_policy(iam, estate.HUB.account_id, estate.HUB_POLICY, estate.hub_policy())
    attached = iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]
    if policy_arn not in {policy["PolicyArn"] for policy in attached}:
        iam.attach_user_policy(UserName=user, PolicyArn=policy_arn)
    return _key(iam, user, known)


def _managed_policy(iam: "IAMClient", account_id: str, name: str, policy: Json) -> str:
    arn = f"arn:aws:iam::{account_id}:policy/{name}"
    document = json.dumps(policy)
    if _missing(lambda: iam.get_policy(PolicyArn=arn), "NoSuchEntity"):
        iam.create_policy(PolicyName=name, PolicyDocument=document)
    else:
        _bring_up_to_date(iam, arn, document)
    return arn


def _bring_up_to_date(iam: "IAMClient", policy_arn: str, document: str) -> None:
    """Give a policy of an older sandbox's what this one's portal needs. A managed policy keeps five versions."""
    default = iam.get_policy(PolicyArn=policy_arn)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=policy_arn, VersionId=default)["PolicyVersion"]["Document"]
    if found != json.loads(document):
        iam.create_policy_version(PolicyArn=policy_arn, PolicyDocument=document, SetAsDefault=True)
        iam.delete_policy_version(PolicyArn=policy_arn, VersionId=default)


def _key(iam: "IAMClient", user: str, known: dict[str, str]) -> Json:
    """Go on with the key that estate.json holds; AWS shows a secret once, so a lost one means a new key."""
    keys = [key["AccessKeyId"] for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]]
    kept = next((key for key in keys if key in known), None)
    if kept is not None:
        return {"access_key_id": kept, "secret_access_key": known[kept]}
    for key in keys:
        iam.delete_access_key(UserName=user, AccessKeyId=key)
    made = iam.create_access_key(UserName=user)["AccessKey"]
    return {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}


def _partner(iam: "IAMClient", partner: estate.Partner, known: dict[str, str]) -> Json:
    """Make a partner's own account: nothing there is ours, so the portal has no rights in it."""
    rights = json.dumps(estate.partner_rights())
    if _missing(lambda: iam.get_user(UserName=partner.user), "NoSuchEntity"):
        iam.create_user(UserName=partner.user)
    iam.put_user_policy(UserName=partner.user, PolicyName="Rights", PolicyDocument=rights)
    if _missing(lambda: iam.get_role(RoleName=partner.role), "NoSuchEntity"):
        trust = json.dumps(estate.partner_trust(partner))
        iam.create_role(RoleName=partner.role, AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName=partner.role, PolicyName="Rights", PolicyDocument=rights)
    return {
        "account_id": partner.account_id,
        "name": partner.name,
        "user_name": partner.user,
        "user_arn": partner.user_arn,
        **_key(iam, partner.user, known),
        "role_name": partner.role,
        "role_arn": iam.get_role(RoleName=partner.role)["Role"]["Arn"],
    }


def _account(account: estate.Account) -> Json:
    is_hub, number = account.kind == "hub", account.account_id
    return {
        "account_id": account.account_id,
        "name": account.name,
        "kind": account.kind,
        "revoker_role_arn": None if is_hub else estate.revoker(number).arn,
        "provisioner_role_arn": None if is_hub else estate.provisioner(number).arn,
    }


def _role(iam: "IAMClient", role: estate.Role) -> Json:
    if _missing(lambda: iam.get_role(RoleName=role.name), "NoSuchEntity"):
        iam.create_role(
            RoleName=role.name,
            Path=role.path,
            Description=role.description,
            MaxSessionDuration=role.max_session,
            AssumeRolePolicyDocument=json.dumps(role.trust or estate.trust()),
        )
    elif role.trust is not None:  # it may name what has another address or id now
        iam.update_assume_role_policy(RoleName=role.name, PolicyDocument=json.dumps(role.trust))
    policy = json.dumps(estate.document(*role.statements))
    iam.put_role_policy(RoleName=role.name, PolicyName="Permissions", PolicyDocument=policy)
    found = iam.get_role(RoleName=role.name)["Role"]
    return {
        "account_id": role.account_id,
        "name": role.name,
        "arn": found["Arn"],
        "role_id": found["RoleId"],
        "path": found["Path"],
        "max_session_seconds": found["MaxSessionDuration"],
        "description": role.description,
        "purpose": PURPOSES.get(role.name, "access"),
    }


def _bucket(root: Bootstrap, bucket: estate.Bucket) -> Json:
    s3 = root.s3(bucket.account_id)
    if _missing(lambda: s3.head_bucket(Bucket=bucket.name), "404"):
        s3.create_bucket(Bucket=bucket.name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        for key, text in bucket.objects.items():
            s3.put_object(
                Bucket=bucket.name, Key=key, Body=text.encode(), ContentType="text/plain; charset=utf-8"
            )
    return {
        "name": bucket.name,
        "account_id": bucket.account_id,
        "region": REGION,
        "objects": sorted(bucket.objects),
    }
