"""sts:GetSessionToken and sts:AssumeRoot: calls without a session policy, so that their duration is all that ends them.

Source: AWS STS API reference, GetSessionToken and AssumeRoot (regional endpoints only; TaskPolicyArn).
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from brokers.aws import limits, sts_answers
from brokers.aws.aws_errors import translated
from brokers.aws.call_arns import UserName, parse_user_arn, root_task_arn
from brokers.aws.grant_end import before_end, over_by
from brokers.aws.hub import Hub
from brokers.aws.limits import SHORTEST_SESSION
from brokers.aws.partitions import require_account_id, require_partition
from brokers.errors import LimitExceeded, NotPossible
from brokers.types import IssuedSession, RootTaskCall, SessionTokenCall

_SECOND = timedelta(seconds=1)
_USER_ID = "AIDA"
_TEMPORARY = "ASIA"


class BareCredentials:
    """The STS calls that no policy of ours goes along with. Safe to share between threads."""

    def __init__(self, hub: Hub, *, now: Callable[[], datetime]) -> None:
        self._hub = hub
        self._now = now

    def get_session_token(self, call: SessionTokenCall) -> IssuedSession:
        """Obtain a session of an IAM user, with that user's own key and MFA code.

        STS is asked first whose key it is: a code counts once, and the answer to it names nobody.

        Raises:
            NotPossible: another user's key, a temporary one, or the grant ends too soon.
            ProofRefused: the code or the serial number is wrong.
        """
        operation = "sts:GetSessionToken"
        user = parse_user_arn(call.user_arn)
        for found in (user.partition, call.partition):
            require_partition(found, self._hub.partition, what="The user")
        seconds = limits.session_token_duration(call.duration)
        now = self._now()
        duration = before_end(
            seconds * _SECOND, call.ends_at, now, shortest=SHORTEST_SESSION, call="GetSessionToken"
        )
        self._check_key(call)
        sts = self._hub.sts_as(call.access_key_id, call.secret_access_key)
        with translated("sts:GetCallerIdentity", with_proof=True):
            who = sts.get_caller_identity()
            arn, userid = who["Arn"], who["UserId"]
        _require_own_key(arn, userid, user, call.user_arn)
        with translated(operation, with_proof=True):
            answer = sts.get_session_token(
                DurationSeconds=duration // _SECOND, SerialNumber=call.mfa_serial, TokenCode=call.mfa_code
            )
        issued = sts_answers.issued(operation, answer, arn, userid, now + duration, self._now())
        return over_by(issued, call.ends_at, operation)

    def assume_root(self, call: RootTaskCall) -> IssuedSession:
        """Obtain a member account's root for one task of AWS's own list, 15 minutes at most."""
        operation = "sts:AssumeRoot"
        require_account_id(call.account_id)
        require_partition(call.partition, self._hub.partition, what="The account")
        task = root_task_arn(call.partition, call.task)
        limits.root_duration(call.duration)
        now = self._now()
        duration = before_end(call.duration, call.ends_at, now, shortest=_SECOND, call="AssumeRoot")
        sts = self._hub.sts_in(call.region)
        with translated(operation):
            answer = sts.assume_root(
                TargetPrincipal=call.account_id,
                TaskPolicyArn={"arn": task},
                DurationSeconds=duration // _SECOND,
            )
        arn = f"arn:{call.partition}:iam::{call.account_id}:root"
        issued = sts_answers.issued(operation, answer, arn, call.account_id, now + duration, self._now())
        return over_by(issued, call.ends_at, operation)

    @staticmethod
    def _check_key(call: SessionTokenCall) -> None:
        limits.access_key_id(call.access_key_id)
        if call.access_key_id.startswith(_TEMPORARY):
            raise NotPossible(
                "GetSessionToken needs the IAM user's long-lived access key (AKIA…); this one is temporary."
            )
        if not call.secret_access_key:
            raise LimitExceeded("SecretAccessKey", "empty", "the secret of that access key")
        limits.mfa_serial(call.mfa_serial)
        limits.mfa_code(call.mfa_code)


def _require_own_key(arn: str, userid: str, user: UserName, meant: str) -> None:
    try:
        found = parse_user_arn(arn)
    except LimitExceeded:
        found = None
    if found != user or not userid.startswith(_USER_ID):
        raise NotPossible(f"The access key is that of {arn}, not of {meant}. Give a key of that user.")
