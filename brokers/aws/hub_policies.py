"""The one source of what the portal may do in AWS: hub, revoker, provisioner, and the boundary of partners' roles.

The templates (`account_files`, `hub_files`), the documents in `docs/aws/` and the demo's estate say the same, held
together by tests. `partition` and `account` are put in as they are, so that a template can have its variables
there.

Sources: Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access
Management" (which actions know iam:PermissionsBoundary and iam:PolicyARN); IAM User Guide, "Permissions boundaries".
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from brokers.aws.partner_names import BOUNDARY_NAME, PARTNERS_PATH
from brokers.aws.session_policy import OWN_PATH, VERSION
from brokers.aws.shown import shown
from brokers.errors import NotPossible

Policy = Mapping[str, Any]

HUB_USER_NAME: Final = "sallyport-hub"
HUB_POLICY_NAME: Final = "SallyportHub"
REVOKER_NAME: Final = "SallyportRevoker"
PROVISIONER_NAME: Final = "SallyportProvisioner"
# Where an account's owner puts managed policies that partners' roles may have. The portal can't write there.
SCOPES_PATH: Final = "/sallyport-scopes/"
# Of AWS's own policies, those that only look.
ATTACHABLE: Final = ("ReadOnlyAccess", "SecurityAudit", "job-function/ViewOnlyAccess")

_ASSUMED = re.compile(
    r"arn:(?P<partition>[a-z-]+):sts::(?P<account>\d{12}):assumed-role/(?P<name>[^/]+)/.+", re.ASCII
)


def hub_policy(partition: str, hub_account: str, accounts: Sequence[str] = ("*",)) -> Policy:
    """Return what the hub's user may do. `accounts`: those it goes into; `*`: each that trusts it.

    The first statement is all that a hub without GetFederationToken needs; the next ones write the denies of its
    tokens. A hub that vouches for nobody in identity pools, or whose account doesn't manage the organization, can do
    without the two statements about that.
    """
    user = f"arn:{partition}:iam::{hub_account}:user/{HUB_USER_NAME}"
    gone_into = [f"role{OWN_PATH}*", f"role/{REVOKER_NAME}", f"role/{PROVISIONER_NAME}"]
    roles = [f"arn:{partition}:iam::{account}:{role}" for account in accounts for role in gone_into]
    assume = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    tokens = f"arn:{partition}:sts::{hub_account}:federated-user/sp-*"
    pools = f"arn:{partition}:cognito-identity:*:{hub_account}:identitypool/*"
    roots = [f"arn:{partition}:iam::{account}:root" for account in accounts]
    tasks = {"ArnLike": {"sts:TaskPolicyArn": f"arn:{partition}:iam::aws:policy/root-task/*"}}
    return _document(
        _allow("BecomeTheManagedRolesTheRevokersAndTheProvisioners", assume, roles),
        _allow("FederationTokens", ["sts:GetFederationToken", "sts:TagSession"], tokens),
        _allow("DeniesOfFederationTokensStandOnTheHubItself", _inline("User"), user),
        *_denies_with_no_room(partition, hub_account, "User", user),
        _allow(
            "VouchForPeopleInIdentityPools", ["cognito-identity:GetOpenIdTokenForDeveloperIdentity"], pools
        ),
        _allow("RootTasksWhereTheHubManagesTheOrganization", ["sts:AssumeRoot"], roots, tasks),
        _allow("ProbeFederationTokens", ["s3:ListAllMyBuckets"], "*"),
    )


def revoker_policy(partition: str, account: str) -> Policy:
    """Return what the revoker may do: write the portal's denies on roles, and people's own users, under its path."""
    roles, users = (f"arn:{partition}:iam::{account}:{kind}{OWN_PATH}*" for kind in ("role", "user"))
    return _document(
        _allow("WriteDeniesOnManagedRoles", _inline("Role"), roles),
        *_denies_with_no_room(partition, account, "Role", roles),
        _allow("WriteDeniesOnPeoplesOwnUsers", _inline("User"), users),
        _attach("AttachThoseToUsersToo", partition, account, "User", users),
    )


def provisioner_policy(partition: str, account: str) -> Policy:
    """Return what the provisioner may do: make partners' roles under their path, within their boundary.

    What gives rights needs the boundary. What takes away doesn't: a role whose boundary somebody removed must still go.
    UpdateAssumeRolePolicy, UpdateRole and tagging know no boundary at AWS; the path bounds them.
    """
    own = f"arn:{partition}:iam::{account}"
    roles, boundary = f"{own}:role{PARTNERS_PATH}*", f"{own}:policy/{BOUNDARY_NAME}"
    bounded = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    attachable = [f"arn:{partition}:iam::aws:policy/{name}" for name in ATTACHABLE]
    attachable.append(f"{own}:policy{SCOPES_PATH}*")
    tend = [
        *("iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:TagRole", "iam:UntagRole"),
        *("iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:DeleteRole"),
    ]
    read = [
        "iam:ListRolePolicies",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListInstanceProfilesForRole",
    ]
    make = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
    return _document(
        _allow("MakePartnersRolesWithinTheirBoundary", make, roles, bounded),
        _allow(
            "AttachWhatOnlyLooksOrIsMeantForPartners",
            ["iam:AttachRolePolicy"],
            roles,
            {**bounded, "ArnLike": {"iam:PolicyARN": attachable}},
        ),
        _allow("TendAndRemovePartnersRoles", [*tend, *read], roles),
        _allow("SeeThatARoleIsGone", ["iam:GetRole"], f"{own}:role/*"),
        _allow("FindPartnersRoles", ["iam:ListRoles"], "*"),
        _allow("ReadTheBoundary", ["iam:GetPolicy", "iam:GetPolicyVersion"], boundary),
    )


def boundary_policy() -> Policy:
    """Return the most that a partner's role can do, whatever its own policies say: no rights, no way to others' rights.

    Everything but identities, organization and sign-in; of these, reading. Explicitly never: becoming another role,
    passing one, and opening what is here to others by a policy on the thing itself, since that outlives the role.
    """
    closed = ["iam:*", "sts:*", "organizations:*", "account:*", "sso:*", "sso-directory:*", "identitystore:*"]
    reads = ["iam:Get*", "iam:List*", "organizations:Describe*", "organizations:List*", "account:Get*"]
    reads += ["sts:GetCallerIdentity", "sts:GetAccessKeyInfo", "sts:DecodeAuthorizationMessage"]
    return _document(
        {"Sid": "AllButIdentities", "Effect": "Allow", "NotAction": closed, "Resource": "*"},
        _allow("LookAtIdentities", reads, "*"),
        _deny("BecomeNobodyElse", _BECOME),
        _deny("OpenNothingToOthers", _GIVE),
    )


_BECOME: Final = ("sts:AssumeRole", "sts:AssumeRoot", "sts:GetFederationToken", "iam:PassRole")
_GIVE: Final = (
    *(
        "s3:PutBucketPolicy",
        "s3:DeleteBucketPolicy",
        "s3:PutBucketAcl",
        "s3:PutObjectAcl",
        "s3:PutObjectVersionAcl",
    ),
    *("s3:PutBucketPublicAccessBlock", "s3:PutAccountPublicAccessBlock", "s3:PutBucketOwnershipControls"),
    *(
        "s3:PutReplicationConfiguration",
        "s3:PutAccessPointPolicy",
        "s3:CreateAccessPoint",
        "s3:CreateAccessGrant*",
    ),
    *("s3:PutMultiRegionAccessPointPolicy", "s3:PutAccessPointPolicyForObjectLambda"),
    *("kms:PutKeyPolicy", "kms:CreateGrant", "kms:ReplicateKey"),
    *("secretsmanager:PutResourcePolicy", "secretsmanager:ReplicateSecretToRegions"),
    *("dynamodb:PutResourcePolicy", "kinesis:PutResourcePolicy", "glue:PutResourcePolicy"),
    *("logs:PutResourcePolicy", "logs:PutSubscriptionFilter", "logs:PutDestinationPolicy"),
    *("ssm:PutResourcePolicy", "ssm:ModifyDocumentPermission", "events:PutPermission"),
    *("sqs:AddPermission", "sqs:SetQueueAttributes", "sns:AddPermission", "sns:SetTopicAttributes"),
    *(
        "lambda:AddPermission",
        "lambda:AddLayerVersionPermission",
        "lambda:CreateFunctionUrlConfig",
        "lambda:UpdateFunctionUrlConfig",
    ),
    *("ecr:SetRepositoryPolicy", "ecr:PutRegistryPolicy", "ecr:PutReplicationConfiguration"),
    *("codeartifact:PutDomainPermissionsPolicy", "codeartifact:PutRepositoryPermissionsPolicy"),
    *(
        "lakeformation:GrantPermissions",
        "lakeformation:BatchGrantPermissions",
        "lakeformation:PutDataLakeSettings",
    ),
    *(
        "elasticfilesystem:PutFileSystemPolicy",
        "backup:PutBackupVaultAccessPolicy",
        "glacier:SetVaultAccessPolicy",
    ),
    *("ec2:ModifySnapshotAttribute", "ec2:ModifyImageAttribute", "ec2:ModifyVpcEndpointServicePermissions"),
    *("rds:ModifyDBSnapshotAttribute", "rds:ModifyDBClusterSnapshotAttribute"),
    *(
        "redshift:AuthorizeSnapshotAccess",
        "redshift:AuthorizeDataShare",
        "redshift-serverless:PutResourcePolicy",
    ),
    *("eks:CreateAccessEntry", "eks:AssociateAccessPolicy", "ses:PutIdentityPolicy"),
    *("ram:CreateResourceShare", "ram:AssociateResourceShare"),
)


def hub_trust(hub_principal: str) -> Policy:
    """Return whom the revoker and the provisioner trust: the hub, for AssumeRole and nothing besides."""
    return _trust(hub_principal, "sts:AssumeRole")


def granted_role_trust(hub_principal: str) -> Policy:
    """Return whom a role under the portal's path trusts: the hub, with the tags and source identity that it sends."""
    return _trust(hub_principal, ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"])


def hub_principal(caller_arn: str, told: str = "") -> str:
    """Return what a trust policy names for the hub that STS calls `caller_arn`: a user, or the role of a session.

    STS tells no role's path: where the hub's role has one, its owner tells its whole ARN, `told`. It must be that very
    role's: who is named here can make partners' roles.

    Raises:
        NotPossible: neither a user nor a role's session; an account's root is never the hub. Or `told` is another's.
    """
    found = _principal(caller_arn)
    if not told or told == found:
        return told or found
    start, _, name = found.rpartition("/")
    # A user's ARN from STS has its path already.
    if ":user/" in found or not re.fullmatch(rf"{start}/(?:[!-.0-~]+/)+{re.escape(name)}", told, re.ASCII):
        raise NotPossible(f"The hub is told to be {shown(told)}, and STS says that it is {found}.")
    return told


def _principal(caller_arn: str) -> str:
    if (match := _ASSUMED.fullmatch(caller_arn)) is not None:
        return f"arn:{match['partition']}:iam::{match['account']}:role/{match['name']}"
    if re.fullmatch(r"arn:[a-z-]+:iam::\d{12}:user/.+", caller_arn, re.ASCII):
        return caller_arn
    raise NotPossible("The hub must be an IAM user or a role.")


def _document(*statements: Policy) -> Policy:
    return {"Version": VERSION, "Statement": list(statements)}


def _allow(
    sid: str, actions: Sequence[str], resources: str | Sequence[str], condition: Policy | None = None
) -> Policy:
    found: dict[str, Any] = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resources}
    return {**found, "Condition": condition} if condition else found


def _deny(sid: str, actions: Sequence[str]) -> Policy:
    return {"Sid": sid, "Effect": "Deny", "Action": list(actions), "Resource": "*"}


def _trust(principal: str, actions: str | Sequence[str]) -> Policy:
    return _document({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions})


def _inline(kind: str) -> Sequence[str]:
    verbs = [
        f"Get{kind}",
        f"List{kind}Policies",
        *(f"{verb}{kind}Policy" for verb in ("Get", "Put", "Delete")),
    ]
    return [f"iam:{verb}" for verb in (*verbs, f"ListAttached{kind}Policies")]


def _denies_with_no_room(partition: str, account: str, kind: str, principals: str) -> Sequence[Policy]:
    """Allow the managed policies of the portal's own, which hold the denies that an inline policy has no room for."""
    own = _own_policies(partition, account)
    verbs = [f"iam:{verb}Policy{what}" for what in ("", "Version") for verb in ("Get", "Create", "Delete")]
    return (
        _allow("MoreDeniesGoToManagedPoliciesOfThePortalsOwn", [*verbs, "iam:ListPolicyVersions"], own),
        _attach("AttachThoseAndNoOthers", partition, account, kind, principals),
        _allow("FindWhatWasLeftBehind", ["iam:ListPolicies"], "*"),
    )


def _own_policies(partition: str, account: str) -> str:
    return f"arn:{partition}:iam::{account}:policy{OWN_PATH}*"


def _attach(sid: str, partition: str, account: str, kind: str, principals: str) -> Policy:
    verbs = [f"iam:{verb}{kind}Policy" for verb in ("Attach", "Detach")]
    return _allow(sid, verbs, principals, {"ArnLike": {"iam:PolicyARN": _own_policies(partition, account)}})
