"""What somebody brings along for a call that asks for a proof of their own. Secrets: no `repr` shows any."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from portal.kernel.errors import ForbiddenError, InvalidError


@dataclass(frozen=True, slots=True)
class SamlProof:
    """A SAML assertion that is meant for AWS: the base64 SAMLResponse, as the identity provider's form posts it."""

    assertion: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenProof:
    """An OpenID Connect ID token."""

    id_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MfaProof:
    """The code of an IAM user's MFA device: 6 digits. The user's key too, where the portal keeps none."""

    code: str = field(repr=False)
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class VerifiedProof:
    """An assertion or a token that was verified for a role: whose it is, by whose word, and until when it counts.

    `session_name` and `source_identity`: what an assertion has AWS call the session. `roles`: the pairs of role and
    provider that it names. `digest`: by which an assertion counts once; empty for a token. `is_taken`: it was counted.
    `factor_at`: when its person gave a second factor there, where the provider says so. `said_at`: when the provider
    said who it is.
    """

    proof: SamlProof | TokenProof = field(repr=False)
    provider_id: UUID
    subject: str
    subject_format: str
    over_at: datetime
    session_name: str = ""
    source_identity: str = ""
    roles: tuple[tuple[str, str], ...] = ()
    digest: str = ""
    factor_at: datetime | None = None
    said_at: datetime | None = None
    is_taken: bool = False


@dataclass(frozen=True, slots=True)
class ReadyKey:
    """An IAM user's own key and MFA code, together, for one call."""

    access_key_id: str
    mfa_serial: str
    secret_access_key: str = field(repr=False)
    code: str = field(repr=False)


Proof = SamlProof | TokenProof | MfaProof | VerifiedProof
ReadyProof = VerifiedProof | ReadyKey


class ProofNeededError(InvalidError):
    """The call takes somebody's own proof along, and none came, or one of another kind. `field` names which."""

    code = "proof_needed"


class ProofRefusedError(ForbiddenError):
    """What was handed over proves nothing here. `reason` is for the audit trail: whoever asked is told none."""

    code = "proof_refused"

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(
            message
            or "What was handed over does not open this role. Sign in again there, and hand over what is new."
        )
        self.reason = reason
