"""What can go wrong outside: small types that carry facts. A broker never lets a library's own error out."""

from dataclasses import dataclass


class BrokerError(Exception):
    """Base of all. `code` is stable and safe to show; `str()` never holds a secret."""

    code = "broker.failed"

    @property
    def retryable(self) -> bool:
        return False


@dataclass(eq=False)
class LimitExceeded(BrokerError):
    """Refused before any call: a field is out of AWS's limits."""

    field: str
    value: str
    limit: str
    code = "aws.limit"

    def __str__(self) -> str:
        return f"{self.field} is {self.value}; allowed is {self.limit}"


@dataclass(eq=False)
class NotPossible(BrokerError):
    """Refused before any call: this combination is never legal at AWS. `why` says so in a sentence."""

    why: str
    code = "aws.not_possible"

    def __str__(self) -> str:
        return self.why


@dataclass(eq=False)
class AwsRefused(BrokerError):
    """AWS answered with an error. Repeating the same call won't help unless somebody changes something.

    `advice`: what to look at, in a sentence or two; empty where AWS's own words say all.
    """

    operation: str
    aws_code: str
    detail: str
    request_id: str = ""
    advice: str = ""
    code = "aws.refused"

    def __str__(self) -> str:
        said = f"{self.operation} was refused by AWS: {self.aws_code}: {self.detail}"
        return f"{said} {self.advice}" if self.advice else said


class AwsAccessDenied(AwsRefused):
    """AccessDenied: by the role's trust policy, the hub's own rights, or an organisation's policy."""

    code = "aws.access_denied"


class PolicyTooLarge(AwsRefused):
    """PackedPolicyTooLarge: a failure, never a reason to send less policy."""

    code = "aws.policy_too_large"


class ProofRefused(AwsRefused):
    """AWS did not take the assertion, token or MFA code that came along: with a new one the call may work."""

    code = "aws.proof_refused"


@dataclass(eq=False)
class AwsUnavailable(BrokerError):
    """No usable answer: throttled, 5xx, time-out, refused connection, garbage. The same call may work later.

    `throttled`: AWS said that it is asked too often.
    """

    operation: str
    detail: str
    throttled: bool = False
    code = "aws.unavailable"

    @property
    def retryable(self) -> bool:
        return True

    def __str__(self) -> str:
        return f"{self.operation} got no usable answer from AWS: {self.detail}"


@dataclass(eq=False)
class SamlRejected(BrokerError):
    """A SAML response that must not sign anybody in. `code` names the one check that refused it.

    `detail` is for the log and the auditor, never for the page.
    """

    reason: str
    detail: str = ""

    @property
    def code(self) -> str:  # type: ignore[override]  # the reason makes the code; the base has a constant
        return f"saml.{self.reason}"

    def __str__(self) -> str:
        return f"SAML response refused ({self.code}): {self.detail}"


@dataclass(eq=False)
class SamlMetadataRejected(BrokerError):
    """Identity provider metadata that can't be trusted or used. `detail` is for the admin who gave it."""

    reason: str
    detail: str = ""

    @property
    def code(self) -> str:  # type: ignore[override]  # the reason makes the code; the base has a constant
        return f"saml.metadata.{self.reason}"

    def __str__(self) -> str:
        return f"SAML metadata refused ({self.code}): {self.detail}"


@dataclass(eq=False)
class SamlMisconfigured(BrokerError):
    """This service provider's own settings, or what its caller gave to `begin`, can't work. For operators."""

    field: str
    why: str
    code = "saml.misconfigured"

    def __str__(self) -> str:
        return f"SAML service provider: {self.field} {self.why}"


@dataclass(eq=False)
class SignInRejected(BrokerError):
    """Somebody who must not be signed in. `reason` names the one check; `detail` is for the log and the auditor."""

    protocol: str
    reason: str
    detail: str = ""

    @property
    def code(self) -> str:  # type: ignore[override]  # the reason makes the code; the base has a constant
        return f"{self.protocol}.{self.reason}"

    def __str__(self) -> str:
        return f"sign-in refused ({self.code}): {self.detail}"


@dataclass(eq=False)
class IdentityUnavailable(BrokerError):
    """An identity server gave no usable answer: down, slow, not to be trusted, or talking rubbish.

    It says nothing about anybody: nobody may be deactivated by it. `reason` is stable: unreachable, timeout, tls,
    bind, busy, malformed, discovery; of LDAP also settings, limit, referral, search.
    """

    protocol: str
    reason: str
    detail: str = ""

    @property
    def code(self) -> str:  # type: ignore[override]  # as above
        return f"{self.protocol}.{self.reason}"

    @property
    def retryable(self) -> bool:
        return True

    def __str__(self) -> str:
        return f"the identity server gave no usable answer ({self.code}): {self.detail}"
