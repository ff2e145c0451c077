"""What AWS STS refuses and MiniStack lets through, beyond the model's own constraints."""

from dataclasses import dataclass
from typing import Any

from portal.demo.sandbox.callers import Kind
from portal.demo.sandbox.facts import Facts
from portal.demo.sandbox.refusals import access_denied, validation_error

SESSION_POLICY = 2048  # characters, inline and managed together
MANAGED_POLICIES = 10
CHAINED_MAX = 3600  # seconds
DEFAULT_DURATION = 3600

SESSION_CREDENTIALS_MAY = {
    Kind.FEDERATED: {"GetCallerIdentity"},
    Kind.SESSION_TOKEN: {"GetCallerIdentity", "AssumeRole"},
    Kind.SESSION_TOKEN_WITH_MFA: {"GetCallerIdentity", "AssumeRole"},
    Kind.ROOT_TASK: {"GetCallerIdentity"},
}


@dataclass(frozen=True)
class Call:
    """One STS or IAM call: who (None: unsigned), in which account, what, with which parameters."""

    caller: Kind | None
    account_id: str
    action: str
    given: dict[str, Any]


async def check(call: Call, facts: Facts) -> None:
    if call.caller in SESSION_CREDENTIALS_MAY and call.action not in SESSION_CREDENTIALS_MAY[call.caller]:
        raise access_denied(f"Cannot call {call.action} with session credentials")
    _session_policies(call.given)
    if call.action.startswith("AssumeRole") and "RoleArn" in call.given:
        await _role(call, facts)


def _session_policies(given: dict[str, Any]) -> None:
    policy = given.get("Policy", "")
    arns = [each.get("arn", "") for each in given.get("PolicyArns", [])]
    if len(arns) > MANAGED_POLICIES:
        raise validation_error(
            "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MANAGED_POLICIES}"
        )
    if len(policy) + sum(map(len, arns)) > SESSION_POLICY:
        raise validation_error(
            "1 validation error detected: Value at 'policy' failed to satisfy constraint: "
            f"Member must have length less than or equal to {SESSION_POLICY}"
        )


async def _role(call: Call, facts: Facts) -> None:
    arn = str(call.given["RoleArn"])
    seconds = int(call.given.get("DurationSeconds", DEFAULT_DURATION))
    chained = call.action == "AssumeRole" and call.caller is Kind.ROLE
    if chained and seconds > CHAINED_MAX:
        raise validation_error(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    parts = arn.split(":")
    role = await facts.role(parts[4], arn.rsplit("/", 1)[-1]) if len(parts) == 6 else None  # noqa: PLR2004
    if role is None:
        return  # MiniStack says no by itself
    if role.arn != arn:  # MiniStack looks at the last part of the name only
        raise access_denied(f"User is not authorized to perform: sts:{call.action} on resource: {arn}")
    if seconds > role.max_session:
        raise validation_error(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
