"""The probe: a session of the portal's own makes one harmless call, and AWS says whether it is denied.

sts:GetCallerIdentity would prove nothing: it needs no permission, so no deny stops it. Source: STS API reference,
GetCallerIdentity; IAM User Guide, "Troubleshoot access denied error messages" (the wording of an explicit deny).
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from brokers.aws import probe_call
from brokers.aws.hub import Hub
from brokers.aws.probe_call import Refusal
from brokers.aws.session_policy import VERSION
from brokers.aws.sts import utc_now
from brokers.errors import AwsUnavailable, NotPossible
from brokers.ports import CredentialsBroker
from brokers.types import (
    AssumeRoleCall,
    Credentials,
    FederationTokenCall,
    PrincipalKind,
    ProbeAction,
    ProbeAnswer,
    ProbeCall,
    Scope,
)

# STS's shortest session; its own policy ends it long before.
_DURATION = timedelta(seconds=900)
_ANY_ROLES_MAXIMUM = timedelta(hours=1)
_USABLE_FOR = timedelta(seconds=60)
_CLOCKS_APART = timedelta(seconds=30)
# Ours is an identity-based policy. A deny of another kind (the organisation's, the probe's own end) isn't ours.
_EXPLICIT = re.compile(r"with an explicit deny(?! in an? (?!identity-based policy))")


class SessionProber:
    """`brokers.ports.Prober` over the hub: two calls, the second never retried. Safe to share between threads."""

    def __init__(
        self, hub: Hub, credentials: CredentialsBroker, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._hub = hub
        self._credentials = credentials
        self._now = now

    def probe(self, call: ProbeCall) -> ProbeAnswer:
        """Say how AWS answers a session of that name. Its credentials never leave this function.

        Raises:
            NotPossible: GetFederationToken's sessions can't call STS or IAM; a deny that no session of the
                portal's own would meet.
            LimitExceeded, NotPossible, AwsRefused, AwsUnavailable: as when a session is issued.
            AwsRefused, AwsUnavailable: the call itself had an answer that says nothing about rights, or none.
        """
        _require_own(call.entry)
        if call.kind is PrincipalKind.USER and call.action is not ProbeAction.LIST_BUCKETS:
            raise NotPossible(
                f"A session of GetFederationToken can't call {call.action}: probe with s3:ListAllMyBuckets."
            )
        refusal = probe_call.made(self._hub, call.action, self._session(call))
        if refusal is None:
            return ProbeAnswer.ALLOWED
        return ProbeAnswer.EXPLICIT_DENY if _is_explicit(refusal) else ProbeAnswer.NOT_ALLOWED

    def _session(self, call: ProbeCall) -> Credentials:
        asked_at = self._now()
        scope = Scope(
            {
                "Version": VERSION,
                "Statement": [{"Effect": "Allow", "Action": [str(call.action)], "Resource": ["*"]}],
            }
        )
        if call.kind is PrincipalKind.USER:
            issued = self._credentials.get_federation_token(
                FederationTokenCall(
                    partition=call.partition,
                    name=call.session_name,
                    duration=_DURATION,
                    ends_at=asked_at + _USABLE_FOR,
                    scope=scope,
                    user_arn=call.principal_arn,
                )
            )
        else:
            issued = self._credentials.assume_role(
                AssumeRoleCall(
                    role_arn=call.principal_arn,
                    session_name=call.session_name,
                    duration=_DURATION,
                    max_session=_ANY_ROLES_MAXIMUM,
                    ends_at=asked_at + _USABLE_FOR,
                    scope=scope,
                    source_identity=call.source_identity,
                    via_role_arn=call.via_role_arn,
                )
            )
        # By AWS's clock the session might have ended already, and its own end would pass for a deny of ours.
        apart = issued.credentials.expires_at - _DURATION - asked_at
        if not -_CLOCKS_APART <= apart <= _CLOCKS_APART:
            raise AwsUnavailable(
                "The probe", f"the clocks of AWS and this machine are {apart.total_seconds():.0f} s apart"
            )
        return issued.credentials


def _require_own(entry: str) -> None:
    """Refuse a deny that a new session of that name would not meet: its answer would say the opposite."""
    if entry.startswith("sub="):
        raise NotPossible(
            "Cognito's sessions are made with somebody's own token, which the portal doesn't have any more: "
            "that they are cut can't be tried out."
        )
    if "<" in entry:
        raise NotPossible(
            "What is cut are sessions that AWS issued before a time; one that the portal made now would not be among "
            "them: that they are cut can't be tried out."
        )


def _is_explicit(refusal: Refusal) -> bool:
    return _EXPLICIT.search(refusal.message) is not None
