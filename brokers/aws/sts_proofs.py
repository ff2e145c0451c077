"""sts:AssumeRoleWithSAML and sts:AssumeRoleWithWebIdentity: unsigned, the proof itself is the credential.

Source: AWS STS API reference, AssumeRoleWithSAML and AssumeRoleWithWebIdentity ("Calling … does not require the use
of AWS security credentials"); botocore's model has no signature for them.
"""

from collections.abc import Callable
from datetime import datetime

from brokers.aws import proof_requests, sts_answers
from brokers.aws.aws_errors import translated
from brokers.aws.hub import Hub
from brokers.aws.partitions import parse_role_arn, require_partition
from brokers.types import IssuedSession, SamlCall, WebIdentityCall


class ProofCredentials:
    """The calls with a proof, of `brokers.ports.EveryCall`. Safe to share between threads."""

    def __init__(self, hub: Hub, *, now: Callable[[], datetime]) -> None:
        self._hub = hub
        self._now = now

    def assume_role_with_saml(self, call: SamlCall) -> IssuedSession:
        """Hand a verified assertion to AWS. A session of another name than was verified is no answer."""
        operation = "sts:AssumeRoleWithSAML"
        role = parse_role_arn(call.role_arn)
        require_partition(role.partition, self._hub.partition, what="The role")
        asked = proof_requests.with_saml(call, role, now=self._now())
        with translated(operation, with_proof=True):
            answer = self._hub.sts().assume_role_with_saml(**asked)
        return sts_answers.assumed_role(
            operation, answer, role, call.session_name, duration=call.duration, now=self._now()
        )

    def check_web_identity(self, call: WebIdentityCall) -> None:
        """Raise what the next one would raise before its call."""
        role = parse_role_arn(call.role_arn)
        require_partition(role.partition, self._hub.partition, what="The role")
        proof_requests.with_web_identity(call, role, now=self._now())

    def assume_role_with_web_identity(self, call: WebIdentityCall) -> IssuedSession:
        """Hand a verified ID token to AWS, under a session name of the portal's own."""
        operation = "sts:AssumeRoleWithWebIdentity"
        role = parse_role_arn(call.role_arn)
        require_partition(role.partition, self._hub.partition, what="The role")
        asked = proof_requests.with_web_identity(call, role, now=self._now())
        with translated(operation, with_proof=True):
            answer = self._hub.sts().assume_role_with_web_identity(**asked)
        return sts_answers.assumed_role(
            operation, answer, role, call.session_name, duration=call.duration, now=self._now()
        )
