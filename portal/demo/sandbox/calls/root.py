"""sts:AssumeRoot: 15 minutes as a member account's root, for one of AWS's task policies. MiniStack lacks it.

Source: IAM User Guide, "Perform a privileged task on an AWS Organizations member account"; the task policies are
AWS's managed ones under `root-task/`, as far as MiniStack's services go.
"""

import re
from typing import Any

from portal.demo.sandbox import estate_calls
from portal.demo.sandbox.calls.answers import sts_answer
from portal.demo.sandbox.calls.inside import Answer, Inside, Parameters
from portal.demo.sandbox.calls.sessions import Order, make
from portal.demo.sandbox.refusals import Refused

ACTION = "AssumeRoot"
SECONDS = 900  # the most, and what is given where nothing is asked for
TASKS = "arn:aws:iam::aws:policy/root-task/"
ACCOUNT = re.compile(r"(?:arn:aws:iam::)?(\d{12})(?::root)?", re.ASCII)

_READ = ["iam:ListAccessKeys", "iam:ListSigningCertificates", "iam:GetLoginProfile", "iam:ListMFADevices",
         "iam:GetAccountSummary", "iam:GetUser", "iam:GetAccessKeyLastUsed"]  # fmt: skip
_DELETE = [
    "iam:DeleteAccessKey",
    "iam:DeleteSigningCertificate",
    "iam:DeleteLoginProfile",
    "iam:DeactivateMFADevice",
]
UNLOCKS = ["s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketPolicy"]
_QUEUES = ["sqs:SetQueueAttributes", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueues"]
ALLOWED = {
    "IAMAuditRootUserCredentials": _READ,
    "IAMCreateRootUserPassword": ["iam:CreateLoginProfile", "iam:GetLoginProfile"],
    "IAMDeleteRootUserCredentials": [*_READ, *_DELETE],
    "S3UnlockBucketPolicy": [*UNLOCKS, "s3:ListAllMyBuckets"],
    "SQSUnlockQueuePolicy": _QUEUES,
}


async def assume_root(inside: Inside, parameters: Parameters, headers: Any, query: Any) -> Answer:
    """Answer the call. MiniStack has judged sts:AssumeRoot on the member's root, with sts:TaskPolicyArn."""
    caller = inside.sts._caller_identity(headers, query)  # noqa: SLF001
    if not isinstance(caller, dict):
        return inside.sts._credential_error_response(caller)  # type: ignore[no-any-return] # noqa: SLF001
    account, task = target(inside, parameters), inside.given(parameters, "TaskPolicyArn.arn")
    name = task.removeprefix(TASKS)
    if not task.startswith(TASKS) or name not in ALLOWED:
        raise Refused("ValidationError", f"{task} is not a task policy of AWS's")
    seconds = int(inside.given(parameters, "DurationSeconds") or SECONDS)
    members = {member.account_id for member in estate_calls.MEMBERS}
    if caller["accountId"] != estate_calls.MANAGEMENT.account_id or account not in members:
        where = f"arn:aws:iam::{account}:root"
        message = f"User: {caller['userArn']} is not authorized to perform: sts:{ACTION} on resource: {where}"
        raise Refused("AccessDenied", message, 403)
    order = Order(
        f"arn:aws:iam::{account}:root",
        account,
        account,
        seconds,
        kind="Root",
        keys={"aws:AssumedRoot": "true", "sts:TaskPolicyArn": task},
        more={"RootTask": name, "SourcePrincipalArn": caller["userArn"]},
    )
    return sts_answer(inside, ACTION, make(inside, order), {})


def target(inside: Inside, parameters: Parameters) -> str:
    """Return the account that is to be entered: its number, or its root's ARN."""
    match = ACCOUNT.fullmatch(inside.given(parameters, "TargetPrincipal"))
    if match is None:
        raise Refused("ValidationError", "TargetPrincipal must be a member account's number or root ARN")
    return match[1]


def narrow_to_the_task(inside: Inside) -> None:
    """Have such a session do its task and nothing else, though a bucket's own policy forbids to unlock it."""
    evaluator = inside.evaluator
    plain_resolve, plain_combine = evaluator.resolve_principal, evaluator.combine_resource_policy

    def resolve_principal(access_key_id: str, *args: Any, **kwargs: Any) -> Any:
        found = plain_resolve(access_key_id, *args, **kwargs)
        task = (inside.sts._sessions.get(access_key_id) or {}).get("RootTask")  # noqa: SLF001
        if task and isinstance(found, evaluator.PrincipalInfo):
            statement = {"Effect": "Allow", "Action": ALLOWED[task], "Resource": "*"}
            found.policies = [evaluator.parse_policy_document({"Statement": statement})]
        return found

    def combine_resource_policy(
        identity: Any, context: Any, policy: Any, owner: Any, *args: Any, **more: Any
    ) -> Any:
        unlocks = context.principal_type == "Root" and context.action in UNLOCKS
        if unlocks and identity.decision == "Allow" and owner in {None, context.principal_account}:
            return identity
        return plain_combine(identity, context, policy, owner, *args, **more)

    evaluator.resolve_principal = resolve_principal
    evaluator.combine_resource_policy = combine_resource_policy


def judge_by_the_members_root(inside: Inside) -> None:
    """Have MiniStack judge AssumeRoot on `arn:aws:iam::MEMBER:root`, with the condition key sts:TaskPolicyArn."""
    actions = inside.actions
    plain_arn, plain_keys = actions.extract_resource_arn, actions.request_tag_context

    def extract_resource_arn(service: str, *args: Any) -> str:
        *_, parameters, _region, _account = args
        if service == "sts" and actions._query_param(parameters, "Action") == ACTION:  # noqa: SLF001
            match = ACCOUNT.fullmatch(str(actions._query_param(parameters, "TargetPrincipal") or ""))  # noqa: SLF001
            return f"arn:aws:iam::{match[1]}:root" if match else "*"
        return str(plain_arn(service, *args))

    def request_tag_context(service: str, action: str, body: bytes, parameters: Parameters) -> dict[str, Any]:
        context: dict[str, Any] = plain_keys(service, action, body, parameters)
        if action == f"sts:{ACTION}":
            context = {**context, "sts:TaskPolicyArn": actions._query_param(parameters, "TaskPolicyArn.arn")}  # noqa: SLF001
        return context

    actions.extract_resource_arn = extract_resource_arn
    actions.request_tag_context = request_tag_context
