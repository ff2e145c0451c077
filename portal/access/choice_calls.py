"""All calls that give temporary credentials, and why each is or isn't the one for a role. Pure; see `choice`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Call(StrEnum):
    """A way to temporary credentials. AssumeRole is three: AWS treats them apart."""

    ASSUME_ROLE = "assume_role"
    ASSUME_ROLE_CHAINED = "assume_role_chained"
    CROSS_ACCOUNT = "cross_account"
    FEDERATION_TOKEN = "federation_token"  # noqa: S105  # a call's name
    SAML = "saml"
    WEB_IDENTITY = "web_identity"
    SESSION_TOKEN = "session_token"  # noqa: S105  # a call's name
    COGNITO = "cognito"
    COGNITO_DEVELOPER = "cognito_developer"
    ROOT_TASK = "root_task"


NAMES: Mapping[Call, str] = {
    Call.ASSUME_ROLE: "AssumeRole",
    Call.ASSUME_ROLE_CHAINED: "AssumeRole, through another role",
    Call.CROSS_ACCOUNT: "AssumeRole, from a partner's own account",
    Call.FEDERATION_TOKEN: "GetFederationToken",
    Call.SAML: "AssumeRoleWithSAML",
    Call.WEB_IDENTITY: "AssumeRoleWithWebIdentity",
    Call.SESSION_TOKEN: "GetSessionToken",
    Call.COGNITO: "GetCredentialsForIdentity (Cognito)",
    Call.COGNITO_DEVELOPER: "GetOpenIdTokenForDeveloperIdentity (Cognito)",
    Call.ROOT_TASK: "AssumeRoot",
}


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """What a role's definition and its account's hub say. `name`: the role's or user's in AWS.

    `hub`: as whom AWS is called, in words. `hub_has_keys`: by an IAM user's long-lived keys. `is_chained`: AssumeRole
    is called with a role's credentials. `vouched_by`: the provider whose proofs open it.
    """

    method: str
    name: str
    account: str
    max_session: timedelta
    is_role: bool = True
    needs_proof: bool = False
    allows_console: bool = True
    has_kill_switch: bool = True
    via: str = ""
    hub: str = "the portal's own hub"
    hub_has_keys: bool = True
    is_chained: bool = False
    vouched_by: str = ""
    trusts_provider: bool = False
    identity_pool: bool = False
    root_task: str = ""


@dataclass(frozen=True, slots=True)
class CallOption:
    """One call for one role: whether it could be made of it, whether it is the one that is, and why."""

    call: Call
    name: str
    is_possible: bool
    is_taken: bool
    why: str


def call_of(role: RoleFacts) -> Call:
    """Return the call that the role's definition names."""
    is_chained = role.method == Call.ASSUME_ROLE and role.is_chained
    return Call.ASSUME_ROLE_CHAINED if is_chained else Call(role.method)


def options_of(role: RoleFacts, *, stops: str = "") -> tuple[CallOption, ...]:
    """Return every call, in the enum's order. `stops`: why the one that is named can't be made just now."""
    taken = call_of(role)
    options = []
    for call in Call:
        if call == taken:
            why = stops or how_it_is_got(role)
            options.append(CallOption(call, NAMES[call], not stops, is_taken=True, why=why))
        else:
            options.append(
                CallOption(call, NAMES[call], is_possible=False, is_taken=False, why=_WHY_NOT[call](role))
            )
    return tuple(options)


def how_it_is_got(role: RoleFacts) -> str:
    """Say in a sentence or two which call gets the credentials, and why that one."""
    return _HOW[call_of(role)](role)


def _chained(role: RoleFacts) -> str:
    hour = "An hour at most: AWS gives no more when one role's credentials take another."
    if role.via:
        return (
            f"AssumeRole on {role.name}, with the credentials of {role.via}, which {role.hub} takes first: "
            f"its definition says so. {hour}"
        )
    return f"AssumeRole on {role.name}, called by {role.hub} on a role's credentials: its definition says so. {hour}"


_HOW: Mapping[Call, Callable[[RoleFacts], str]] = {
    Call.ASSUME_ROLE: lambda role: (
        f"AssumeRole on {role.name}, called by {role.hub}: its definition says so."
    ),
    Call.ASSUME_ROLE_CHAINED: _chained,
    Call.CROSS_ACCOUNT: lambda role: (
        f"The partner comes in from its own AWS account: it calls AssumeRole on {role.name}, which was made for "
        "this grant alone, with its ExternalId. The portal issues nothing."
    ),
    Call.FEDERATION_TOKEN: lambda role: (
        f"GetFederationToken, called with the long-lived keys of the user {role.name}: its definition says so. "
        "Up to 36 hours; no IAM calls, and of STS GetCallerIdentity alone."
    ),
    Call.SAML: lambda role: (
        f"AssumeRoleWithSAML on {role.name}, with your own assertion of {role.vouched_by} for AWS, which the portal "
        "verifies first: its definition says so. The assertion names the session."
    ),
    Call.WEB_IDENTITY: lambda role: (
        f"AssumeRoleWithWebIdentity on {role.name}, with your own ID token of {role.vouched_by}, which the portal "
        "verifies first: its definition says so."
    ),
    Call.SESSION_TOKEN: lambda role: (
        f"GetSessionToken, with the key of your own IAM user {role.name} and its MFA code: its definition says so. "
        "It gives all that the user may."
    ),
    Call.COGNITO: lambda role: (
        f"Cognito's GetId and GetCredentialsForIdentity for {role.name}, with your own ID token of {role.vouched_by}, "
        "which the portal verifies first: its definition says so. An hour, always."
    ),
    Call.COGNITO_DEVELOPER: lambda role: (
        f"Cognito vouches for you to {role.name} (GetOpenIdTokenForDeveloperIdentity, called by {role.hub}), then "
        "AssumeRoleWithWebIdentity: its definition says so."
    ),
    Call.ROOT_TASK: lambda role: (
        f"AssumeRoot on {role.account}, for one task of AWS's: {role.root_task}. 15 minutes at most."
    ),
}


def _named(role: RoleFacts) -> str:
    return NAMES[call_of(role)]


def _why_not_assume_role(role: RoleFacts) -> str:
    if not role.is_role:
        return f"{role.name} is no IAM role, and only a role can be assumed."
    if role.is_chained and role.method == Call.ASSUME_ROLE:
        through = (
            f"goes through {role.via}" if role.via else f"starts from {role.hub}, on temporary credentials"
        )
        return f"The way to {role.name} {through}: that is chaining."
    return f"The role's definition names {_named(role)}: it is not meant to trust the portal itself."


def _why_not_chained(role: RoleFacts) -> str:
    if not role.is_role:
        return f"{role.name} is no IAM role, and only a role can be assumed."
    if role.method == Call.ASSUME_ROLE:
        return "No other role leads to it, and the portal calls with long-lived keys: direct gives longer sessions."
    return "Only AssumeRole goes through another role."


def _why_not_federation(role: RoleFacts) -> str:
    if not role.hub_has_keys:
        return f"It needs an IAM user's long-lived keys, and {role.hub} works on temporary credentials."
    if role.is_role:
        return "It would give the rights of the portal's own IAM user, not this role's."
    return f"The definition names {_named(role)}."


def _why_not_session_token(role: RoleFacts) -> str:
    if role.is_role or role.method == Call.ROOT_TASK:
        return "It is for a person's own IAM user, and takes no role."
    return f"{role.name} is the portal's own IAM user, not a person's, and has no MFA code to give."


def _why_not_by_proof(role: RoleFacts, provider: str) -> str:
    if not role.is_role:
        return f"{role.name} is no IAM role, and only a role can trust an identity provider."
    return f"The definition names no {provider} provider that the role trusts."


def _why_not_developer(role: RoleFacts) -> str:
    if role.identity_pool:
        return "The identity pool is reached by people's own tokens, not as a developer provider."
    return "The definition names no Cognito identity pool."


_WHY_NOT: Mapping[Call, Callable[[RoleFacts], str]] = {
    Call.ASSUME_ROLE: _why_not_assume_role,
    Call.ASSUME_ROLE_CHAINED: _why_not_chained,
    Call.CROSS_ACCOUNT: lambda _: "That is for a grant to a partner's AWS account; this one is a person's.",
    Call.FEDERATION_TOKEN: _why_not_federation,
    Call.SAML: lambda role: _why_not_by_proof(role, "SAML"),
    Call.WEB_IDENTITY: lambda role: _why_not_by_proof(role, "OpenID Connect"),
    Call.SESSION_TOKEN: _why_not_session_token,
    Call.COGNITO: lambda role: (
        "The identity pool is reached as a developer provider, not by people's own tokens."
        if role.identity_pool
        else "The definition names no Cognito identity pool."
    ),
    Call.COGNITO_DEVELOPER: _why_not_developer,
    Call.ROOT_TASK: lambda _: "It is for five tasks of a member account's root user, and this is none.",
}
