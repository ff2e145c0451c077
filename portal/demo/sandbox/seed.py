"""Makes what is missing of the estate, and writes `estate.json` for the portal's demo to read."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from portal.demo.sandbox import estate
from portal.demo.sandbox.bootstrap import REGION, Bootstrap

if TYPE_CHECKING:
    from mypy_boto3_iam.client import IAMClient

Json = dict[str, Any]


def seed(root: Bootstrap, directory: Path, base_url: str) -> Json:
    """Bring the estate up to what `estate.py` says, leave all else alone, return what estate.json holds."""
    hub_key = _hub_user(root.iam(estate.HUB.account_id), _known_key(directory))
    roles = [*estate.ROLES, *(estate.revoker(account.account_id) for account in estate.TARGETS)]
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
        "roles": [_role(root.iam(role.account_id), role) for role in roles],
        "buckets": [_bucket(root, bucket) for bucket in estate.BUCKETS],
    }
    _write(directory / "estate.json", facts)
    return facts


def _write(path: Path, facts: Json) -> None:
    """Replace the file in one step, readable by us alone: it holds the hub's key."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(facts, file, indent=2)
    draft.replace(path)


def _known_key(directory: Path) -> Json:
    try:
        hub: Json = json.loads((directory / "estate.json").read_text())["hub"]
    except (OSError, ValueError, KeyError):
        return {}
    return {name: hub.get(name) for name in ("access_key_id", "secret_access_key")}


def _missing(call: Callable[[], Any], code: str) -> bool:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] == code:
            return True
        raise
    return False


def _hub_user(iam: "IAMClient", known: Json) -> Json:
    user = estate.HUB_USER
    policy_arn = f"arn:aws:iam::{estate.HUB.account_id}:policy/{estate.HUB_POLICY}"
    if _missing(lambda: iam.get_user(UserName=user), "NoSuchEntity"):
        iam.create_user(UserName=user)
    document = json.dumps(estate.hub_policy())
    if _missing(lambda: iam.get_policy(PolicyArn=policy_arn), "NoSuchEntity"):
        iam.create_policy(PolicyName=estate.HUB_POLICY, PolicyDocument=document)
    else:
        _bring_up_to_date(iam, policy_arn, document)
    attached = iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]
    if policy_arn not in {policy["PolicyArn"] for policy in attached}:
        iam.attach_user_policy(UserName=user, PolicyArn=policy_arn)
    return _hub_key(iam, known)


def _bring_up_to_date(iam: "IAMClient", policy_arn: str, document: str) -> None:
    """Give a policy of an older sandbox's what this one's portal needs. A managed policy keeps five versions."""
    default = iam.get_policy(PolicyArn=policy_arn)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=policy_arn, VersionId=default)["PolicyVersion"]["Document"]
    if found != json.loads(document):
        iam.create_policy_version(PolicyArn=policy_arn, PolicyDocument=document, SetAsDefault=True)
        iam.delete_policy_version(PolicyArn=policy_arn, VersionId=default)


def _hub_key(iam: "IAMClient", known: Json) -> Json:
    """Go on with the key that estate.json holds; AWS shows a secret once, so a lost one means a new key."""
    keys = iam.list_access_keys(UserName=estate.HUB_USER)["AccessKeyMetadata"]
    if known.get("access_key_id") in {key["AccessKeyId"] for key in keys}:
        return known
    for key in keys:
        iam.delete_access_key(UserName=estate.HUB_USER, AccessKeyId=key["AccessKeyId"])
    made = iam.create_access_key(UserName=estate.HUB_USER)["AccessKey"]
    return {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}


def _account(account: estate.Account) -> Json:
    revoker = None if account.kind == "hub" else estate.revoker(account.account_id).arn
    return {
        "account_id": account.account_id,
        "name": account.name,
        "kind": account.kind,
        "revoker_role_arn": revoker,
    }


def _role(iam: "IAMClient", role: estate.Role) -> Json:
    if _missing(lambda: iam.get_role(RoleName=role.name), "NoSuchEntity"):
        iam.create_role(
            RoleName=role.name,
            Path=role.path,
            Description=role.description,
            MaxSessionDuration=role.max_session,
            AssumeRolePolicyDocument=json.dumps(estate.trust()),
        )
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
        "purpose": "revoker" if role.name == estate.REVOKER else "access",
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
