"""What to look at when AWS refuses a call for credentials: AWS's own words name the check, seldom the remedy.

Source: AWS STS API reference, the errors of each action; Amazon Cognito Federated Identities API reference.
"""

from collections.abc import Mapping

# What AWS answers about the assertion, token or code that came along. Of a call without one, the same codes
# speak of the hub's own credentials.
PROOF_CODES = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IDPRejectedClaim",
        "InvalidIdentityToken",
        "NotAuthorizedException",
    }
)
_OF_PROOFS: Mapping[str, str] = {
    "ExpiredToken": "The assertion or token is too old for AWS: sign in at the identity provider again.",
    "ExpiredTokenException": "The assertion or token is too old for AWS: sign in at the identity provider again.",
    "IDPRejectedClaim": "AWS asked the identity provider, which does not stand by this token (any more).",
    "InvalidIdentityToken": "AWS can't check it: compare the provider in IAM (metadata, thumbprint, audience) with "
    "the identity provider's own.",
    "NotAuthorizedException": "Cognito does not take this token: compare the identity pool's providers, their client "
    "ids and the role's trust policy with the token's issuer and audience.",
}
_MFA = "MultiFactorAuthentication"
_OF_MFA = "The MFA code or the device's serial number is wrong. A code counts once: wait for the next one."
_OF_ALL: Mapping[str, str] = {
    "ExpiredToken": "The hub's own credentials have expired.",
    "ExpiredTokenException": "The hub's own credentials have expired.",
    "InvalidClientTokenId": "The access key does not exist, or is switched off.",
    "RegionDisabledException": "STS is switched off in that region: an administrator of the account switches it on "
    "(IAM, account settings), or another region is called.",
    "PackedPolicyTooLarge": "The session policy and tags are too large once AWS has packed them: shorten the scope.",
    "InvalidIdentityPoolConfigurationException": "The identity pool can't give this role: look at its roles, its role "
    "mappings and the role's trust policy for cognito-identity.",
    "NotAuthorizedException": "The identity pool takes the login, but not for this: look at its roles, role mappings "
    "and developer provider.",
    "ResourceConflictException": "This login belongs to another identity of the pool already.",
    "DeveloperUserAlreadyRegisteredException": "This developer user belongs to another identity of the pool already.",
    "ResourceNotFoundException": "The identity pool is not there: compare its id, region and account.",
}
_OF_CALLS: Mapping[str, str] = {
    "sts:AssumeRoleWithSAML": "The role's trust policy must allow sts:AssumeRoleWithSAML to that provider, and "
    "sts:TagSession and sts:SetSourceIdentity where the assertion has such attributes.",
    "sts:AssumeRoleWithWebIdentity": "The role's trust policy must allow sts:AssumeRoleWithWebIdentity to the "
    "token's provider, for its audience and subject.",
    "sts:AssumeRoot": "The hub must be in the organisation's management account or its delegated administrator for "
    "IAM, may call sts:AssumeRoot for this task, and root access must be managed centrally.",
}


def is_about_proof(code: str, message: str) -> bool:
    """Say whether AWS refused what came along with the call, and not the caller's rights."""
    return code in PROOF_CODES or _MFA in message


def advice(operation: str, code: str, message: str, *, with_proof: bool, denied: bool) -> str:
    """Return what to look at; empty where nothing is known that AWS did not say."""
    if with_proof and is_about_proof(code, message):
        return _OF_MFA if _MFA in message else _OF_PROOFS[code]
    return _OF_CALLS.get(operation, "") if denied else _OF_ALL.get(code, "")
