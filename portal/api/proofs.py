"""What callers send along of their own: read here, judged by the operations."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from portal.access.proofs import MfaProof, Proof, SamlProof, TokenProof

# AWS STS API Reference: SAMLAssertion, WebIdentityToken.
ASSERTION_LIMIT, TOKEN_LIMIT = 100_000, 20_000


class ProofOrder(serializers.Serializer[dict[str, Any]]):
    """What a role's call takes along, for those that need it: one of these, never kept and never logged."""

    assertion = serializers.CharField(
        max_length=ASSERTION_LIMIT,
        required=False,
        help_text="AssumeRoleWithSAML: the base64 SAMLResponse that is meant for AWS. It counts once.",
    )
    id_token = serializers.CharField(
        max_length=TOKEN_LIMIT,
        required=False,
        help_text="AssumeRoleWithWebIdentity, Cognito: an OpenID Connect ID token.",
    )
    mfa_code = serializers.CharField(
        max_length=12, required=False, help_text="GetSessionToken: the 6 digits of your MFA device."
    )
    access_key_id = serializers.CharField(
        max_length=128, required=False, help_text="With mfa_code, where the portal keeps no key of yours."
    )
    secret_access_key = serializers.CharField(max_length=128, required=False, help_text="As above.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Take one proof at most, and a key with an MFA code alone."""
        if len({"assertion", "id_token", "mfa_code"} & set(attrs)) > 1:
            raise serializers.ValidationError("Send one of assertion, id_token and mfa_code.")
        if {"access_key_id", "secret_access_key"} & set(attrs) and "mfa_code" not in attrs:
            raise serializers.ValidationError({"mfa_code": "A key goes with an MFA code."})
        return attrs


class CredentialsOrder(ProofOrder):
    """What may be sent along to be given credentials."""

    fresh = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Ask AWS for new ones, also where it refused a moment ago. What is younger than 5 seconds counts as "
        "new, and is given again. Where the role needs a proof, send it along.",
    )


def proof_of(told: Mapping[str, Any]) -> Proof | None:
    if "assertion" in told:
        return SamlProof(told["assertion"])
    if "id_token" in told:
        return TokenProof(told["id_token"])
    if "mfa_code" in told:
        return MfaProof(told["mfa_code"], told.get("access_key_id", ""), told.get("secret_access_key", ""))
    return None
