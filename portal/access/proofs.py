"""What somebody brings along for a call that asks for a proof of their own. Secrets: no `repr` shows any."""

from dataclasses import dataclass, field


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


Proof = SamlProof | TokenProof | MfaProof
