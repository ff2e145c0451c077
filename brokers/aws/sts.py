"""sts:AssumeRole and sts:GetFederationToken: validated, the grant's end inside, the answer looked at.

Source: AWS STS API reference, AssumeRole and GetFederationToken.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from brokers.aws import sts_answers, sts_requests
from brokers.aws.aws_errors import translated
from brokers.aws.hub import Hub
from brokers.aws.hub_sessions import HOUR, become, onwards
from brokers.aws.partitions import parse_role_arn, require_partition
from brokers.errors import NotPossible
from brokers.types import AssumeRoleCall, FederationTokenCall, IssuedSession

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

_SESSION_NAME = "sallyport-hub"


def utc_now() -> datetime:
    return datetime.now(UTC)


class StsCredentials:
    """`brokers.ports.CredentialsBroker` over the hub's STS client. Safe to share between threads."""

    def __init__(self, hub: Hub, *, now: Callable[[], datetime] = utc_now) -> None:
        self._hub = hub
        self._now = now

    def assume_role(self, call: AssumeRoleCall) -> IssuedSession:
        """Obtain a role's credentials. See the port for what is raised."""
        role = parse_role_arn(call.role_arn)
        require_partition(role.partition, self._hub.partition, what="The role")
        chained = call.via_role_arn is not None or self._hub.is_temporary()
        asked = sts_requests.assume_role(call, role, chained=chained, now=self._now())
        sts = self._through(call.via_role_arn) if call.via_role_arn else self._hub.sts()
        with translated("sts:AssumeRole"):
            answer = sts.assume_role(**asked)
        return sts_answers.assumed_role(
            "sts:AssumeRole", answer, role, call.session_name, duration=call.duration, now=self._now()
        )

    def get_federation_token(self, call: FederationTokenCall) -> IssuedSession:
        """Obtain credentials of a federated user of the hub's account. See the port for what is raised."""
        require_partition(call.partition, self._hub.partition, what="The federated user")
        if self._hub.is_temporary():
            raise NotPossible(
                "GetFederationToken needs an IAM user's long-lived access key, and the hub works on "
                "temporary credentials. Use AssumeRole for this role, or give the hub a user's key."
            )
        asked = sts_requests.federation_token(call, now=self._now())
        if call.user_arn is not None:
            _require_same_user(self._hub.caller_arn(), call.user_arn)
        with translated("sts:GetFederationToken"):
            answer = self._hub.sts().get_federation_token(**asked)
        return sts_answers.federated_user(answer, call, now=self._now())

    def _through(self, arn: str) -> "STSClient":
        """Return the client that works as the role that the hub goes through; its hour is kept and renewed."""
        via = parse_role_arn(arn, field="via_role_arn")
        require_partition(via.partition, self._hub.partition, what="The role to go through")
        return self._hub.sts_through(
            str(via),
            lambda: become(self._hub, via, session_name=_SESSION_NAME, policy=onwards(), seconds=HOUR),
        )


def _require_same_user(caller: str, meant: str) -> None:
    """Refuse a session that would stand on another user than the one whose deny ends it.

    Compared by account and name, which is what the deny is written to; a user's path tells none apart.
    """
    if _account_and_name(caller) != _account_and_name(meant):
        raise NotPossible(
            f"The hub calls GetFederationToken as {caller}, not as {meant}: a deny there would cut off nobody. "
            "Make the role's account and AWS name those of the hub's own user."
        )


def _account_and_name(arn: str) -> tuple[str, ...]:
    *start, resource = arn.split(":", 5)
    kind, _, path_and_name = resource.partition("/")
    return *start, kind, path_and_name.rpartition("/")[2]
