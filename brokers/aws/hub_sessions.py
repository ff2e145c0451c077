"""The sessions in which the hub works in an account: of one of its roles, narrowed to what the work takes."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from brokers.aws.aws_errors import translated
from brokers.aws.hub import Hub
from brokers.aws.partitions import RoleArn
from brokers.aws.session_policy import VERSION

if TYPE_CHECKING:
    from mypy_boto3_sts.type_defs import CredentialsTypeDef

_SECONDS = 900
# For sessions that only lead on to others: an hour is what every role gives, chained or not.
HOUR = 3600
# All that a hub does with a role that it goes through, or that it is in an account.
_ONWARDS = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
_HUBS = [*_ONWARDS, "sts:AssumeRoot", "cognito-identity:GetOpenIdTokenForDeveloperIdentity"]
# What is allowed together: IAM's verbs, the resource, and a Condition or nothing.
Allowed = Sequence[tuple[Sequence[str], str, Mapping[str, Any]]]


def narrowed_to(allowed: Allowed) -> str:
    """Return the session policy that leaves a role no more than this of IAM, as compact JSON."""
    statements = [
        {"Effect": "Allow", "Action": [f"iam:{verb}" for verb in verbs], "Resource": resource, **condition}
        for verbs, resource, condition in allowed
    ]
    return json.dumps({"Version": VERSION, "Statement": statements}, separators=(",", ":"))


def onwards() -> str:
    """Return the session policy of a role that only leads to another one (role chaining)."""
    return _only(_ONWARDS)


def as_hub() -> str:
    """Return the session policy of a role that is an account's hub: the calls that give credentials, and no other."""
    return _only(_HUBS)


def become(  # noqa: PLR0913  # keyword-only facts of one call
    hub: Hub,
    via: RoleArn,
    *,
    session_name: str,
    policy: str,
    seconds: int = _SECONDS,
    external_id: str | None = None,
) -> dict[str, str]:
    """Return credentials of `via`, for 15 minutes unless told, in botocore's form.

    Raises as `aws_errors.translated`.
    """
    with translated(f"sts:AssumeRole of {via}"):
        more: Any = {} if external_id is None else {"ExternalId": external_id}
        answer = hub.sts().assume_role(
            RoleArn=str(via), RoleSessionName=session_name, DurationSeconds=seconds, Policy=policy, **more
        )
        return in_botocores_form(answer["Credentials"])


def in_botocores_form(found: "CredentialsTypeDef") -> dict[str, str]:
    """Return STS's Credentials as botocore's own providers give them."""
    return {
        "access_key": found["AccessKeyId"],
        "secret_key": found["SecretAccessKey"],
        "token": found["SessionToken"],
        "expiry_time": found["Expiration"].isoformat(),
    }


def _only(actions: Sequence[str]) -> str:
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    return json.dumps({"Version": VERSION, "Statement": [statement]}, separators=(",", ":"))
