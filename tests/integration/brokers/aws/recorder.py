"""Notes what is asked of AWS as AWS judges it: by whom, what, on which resource, with which condition keys."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import botocore.client
from botocore.exceptions import ClientError

from brokers.aws import hub_policies as says
from portal.demo.sandbox import estate
from tests.servers.sandbox import Sandbox

HUB, ACCOUNT = estate.HUB.account_id, estate.DATA.account_id
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/{estate.BOUNDARY}"
READS: dict[str, Any] = estate.document(
    estate.allow(["s3:GetObject"], "arn:aws:s3:::harbor-partner-dropbox/*")
)
POLICIES: Mapping[str, Any] = {
    "hub": says.hub_policy("aws", HUB, [ACCOUNT]),
    "revoker": says.revoker_policy("aws", ACCOUNT),
    "provisioner": says.provisioner_policy("aws", ACCOUNT),
}


@dataclass(frozen=True)
class Call:
    """One call as it was made: by whom, what, on which resource, with which condition keys; how it went."""

    who: str
    action: str
    resource: str
    context: tuple[tuple[str, str], ...]
    error: str


class Recorder:
    """Notes each call of every client of botocore, and who made it."""

    def __init__(self, aws: Sandbox) -> None:
        self.aws = aws
        self.calls: list[Call] = []
        self.plain: Callable[..., Any] = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]  # not public

    def make(self, client: Any, operation: str, parameters: Mapping[str, Any]) -> Any:
        service = client.meta.service_model.service_name
        action, error = f"{service}:{operation}", ""
        if (
            client.meta.service_model.operation_model(operation).auth_type == "none"
        ):  # what it carries is the proof
            return self.plain(client, operation, parameters)
        found = self.of(client, action, parameters)
        try:
            return self.plain(client, operation, parameters)
        except ClientError as problem:
            error = problem.response["Error"]["Code"]
            raise
        finally:
            self.calls.append(replace(found, error=error))

    def of(self, client: Any, action: str, given: Mapping[str, Any]) -> Call:
        key = client._request_signer._credentials.access_key
        who = "hub" if key == self.aws.estate["hub"]["access_key_id"] else self.role_of(key)
        account = HUB if who == "hub" else ACCOUNT
        resource, context = self.judged_by(action, account, given)
        return Call(who, action, resource, tuple(sorted(context.items())), "")

    def role_of(self, key: str) -> str:
        issued = json.loads((self.aws.directory / "sessions.json").read_text())
        arn = next((row["arn"] for row in issued if row["access_key_id"] == key), "")
        return "revoker" if estate.REVOKER in arn else "provisioner" if estate.PROVISIONER in arn else arn

    def judged_by(self, action: str, account: str, given: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        """Return what AWS judges the call by: Service Authorization Reference."""
        root, context = f"arn:aws:iam::{account}", {}
        if action in {
            "iam:AttachRolePolicy",
            "iam:DetachRolePolicy",
            "iam:AttachUserPolicy",
            "iam:DetachUserPolicy",
        }:
            context["iam:PolicyARN"] = given["PolicyArn"]
        if "RoleName" in given:
            resource, standing = self.standing(account, given["RoleName"])
            boundary = given.get("PermissionsBoundary") or standing
            if boundary:
                context["iam:PermissionsBoundary"] = boundary
            if action == "iam:CreateRole":
                resource = f"{root}:role{given['Path']}{given['RoleName']}"
            return resource, context
        if action == "sts:AssumeRoot":
            context["sts:TaskPolicyArn"] = given["TaskPolicyArn"]["arn"]
        return self.named(action, account, given), context

    def named(self, action: str, account: str, given: Mapping[str, Any]) -> str:
        """Return the resource of a call that is on no role."""
        pool = str(given.get("IdentityPoolId", ""))
        by_action = {
            "iam:CreatePolicy": f"arn:aws:iam::{account}:policy{given.get('Path')}{given.get('PolicyName')}",
            "sts:GetFederationToken": f"arn:aws:sts::{account}:federated-user/{given.get('Name')}",
            "sts:AssumeRoot": f"arn:aws:iam::{given.get('TargetPrincipal')}:root",
            "cognito-identity:GetOpenIdTokenForDeveloperIdentity": (
                f"arn:aws:cognito-identity:{pool.partition(':')[0]}:{account}:identitypool/{pool}"
            ),
        }
        if "UserName" in given:
            return self.user(account, given["UserName"])
        return str(by_action.get(action) or given.get("PolicyArn") or given.get("RoleArn") or "*")

    def user(self, account: str, name: str) -> str:
        try:
            return str(self.aws.root("iam", account).get_user(UserName=name)["User"]["Arn"])
        except ClientError:
            return f"arn:aws:iam::{account}:user/{name}"

    def standing(self, account: str, name: str) -> tuple[str, str]:
        try:
            role = self.aws.root("iam", account).get_role(RoleName=name)["Role"]
        except ClientError:  # AWS knows no path of a role that isn't there
            return f"arn:aws:iam::{account}:role/{name}", ""
        return role["Arn"], role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
