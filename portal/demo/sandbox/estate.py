"""The invented estate: a hub account, two target accounts, a partner's account, their roles and buckets. Data only."""

from dataclasses import dataclass
from typing import Any

HUB_USER = "sallyport-hub"
HUB_POLICY = "SallyportHub"
REVOKER = "SallyportRevoker"
PROVISIONER = "SallyportProvisioner"
BOUNDARY = "SallyportPartnerBoundary"
PATH = "/sallyport/"
PARTNERS_PATH = f"{PATH}partners/"
SCOPES_PATH = "/sallyport-scopes/"
HOUR = 3600

Policy = dict[str, Any]


@dataclass(frozen=True)
class Account:
    account_id: str
    name: str
    kind: str  # "hub" or "target"


@dataclass(frozen=True)
class Role:
    account_id: str
    name: str
    description: str
    max_session: int  # seconds
    statements: tuple[Policy, ...]
    path: str = PATH
    trust: Policy | None = None  # None: the hub, with tags and a source identity

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account_id}:role{self.path}{self.name}"


@dataclass(frozen=True)
class Partner:
    """Another company's own AWS account: one user with a key, one role that this user may assume."""

    account_id: str
    name: str
    user: str
    role: str

    @property
    def user_arn(self) -> str:
        return f"arn:aws:iam::{self.account_id}:user/{self.user}"


@dataclass(frozen=True)
class Bucket:
    account_id: str
    name: str
    objects: dict[str, str]


HUB = Account("111122223333", "Meadow & Harbor Hub", "hub")
PRODUCTION = Account("222233334444", "Meadow Production", "target")
DATA = Account("333344445555", "Harbor Data", "target")
MEMBER = Account("555566667777", "Harbor Archive", "member")
ACCOUNTS = (HUB, PRODUCTION, DATA)
TARGETS = (PRODUCTION, DATA)
NORTHLIGHT = Partner("444455556666", "Northlight Analytics", "northlight-etl", "NorthlightPipeline")
PARTNERS = (NORTHLIGHT,)
HUB_USER_ARN = f"arn:aws:iam::{HUB.account_id}:user/{HUB_USER}"


def allow(actions: list[str], *resources: str) -> Policy:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}


def bucket_arns(*names: str) -> list[str]:
    return [arn for name in names for arn in (f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*")]


# What the portal probes with, to prove that a session is cut off: the role has to allow it.
PROBE = allow(["sts:GetAccessKeyInfo"], "*")
READ = ["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"]
READ_WRITE = [*READ, "s3:PutObject", "s3:DeleteObject"]
LIST_BUCKETS = allow(["s3:ListAllMyBuckets"], "*")

ROLES = (
    Role(
        PRODUCTION.account_id,
        "ProductionReadOnly",
        "Look at releases and logs of Meadow Production",
        12 * HOUR,
        (PROBE, LIST_BUCKETS, allow(READ, *bucket_arns("meadow-logs", "meadow-releases"))),
    ),
    Role(
        PRODUCTION.account_id,
        "ProductionOperator",
        "Run Meadow Production: read and write its buckets, look at its roles",
        4 * HOUR,
        (
            PROBE,
            LIST_BUCKETS,
            allow(READ_WRITE, *bucket_arns("meadow-logs", "meadow-releases")),
            allow(["iam:ListRoles", "iam:GetRole"], "*"),
        ),
    ),
    Role(
        DATA.account_id,
        "DataAnalyst",
        "Read and write Harbor's measurements",
        8 * HOUR,
        (
            PROBE,
            LIST_BUCKETS,
            allow(READ_WRITE, *bucket_arns("harbor-measurements")),
            allow(READ, *bucket_arns("harbor-partner-dropbox")),
        ),
    ),
    Role(
        DATA.account_id,
        "PartnerDropbox",
        "Exchange files with a partner company, in one bucket",
        HOUR,
        (PROBE, allow(READ_WRITE, *bucket_arns("harbor-partner-dropbox"))),
    ),
    # Another team's: the story has the portal keep its hands off, so that there is a role without a kill switch.
    Role(
        DATA.account_id,
        "TideArchive",
        "Read the archive of tides, a role that another team keeps",
        4 * HOUR,
        (PROBE, allow(READ, *bucket_arns("harbor-measurements"))),
        path=f"{PATH}central/",
    ),
)

BUCKETS = (
    Bucket(
        HUB.account_id,
        "meadow-harbor-handbook",
        {
            "welcome.txt": "Welcome to Meadow & Harbor.\n\nAccess ends when its time is up. Ask again when you"
            " need it again.\n",
            "oncall/rota-week-47.txt": "Mon Ben\nTue Ben\nWed Chidi\nThu Dora\nFri Ben\n",
        },
    ),
    Bucket(
        PRODUCTION.account_id,
        "meadow-logs",
        {
            "2026/11/20/shop.log": "08:00:01 INFO  shop started\n08:00:04 INFO  142 articles loaded\n"
            "08:12:47 WARN  slow answer from stock (1.8 s)\n",
            "2026/11/20/stock.log": "08:00:02 INFO  stock started\n08:12:47 WARN  index rebuilt in 1.7 s\n",
        },
    ),
    Bucket(
        PRODUCTION.account_id,
        "meadow-releases",
        {
            "CURRENT": "shop 4.12.1\nstock 2.7.0\n",
            "shop-4.12.1/notes.md": "# shop 4.12.1\n\n- Baskets keep their articles overnight.\n",
        },
    ),
    Bucket(
        DATA.account_id,
        "harbor-measurements",
        {
            "tides/2026-11-19.csv": "time,level_m\n00:00,1.42\n06:00,3.05\n12:00,1.51\n18:00,2.98\n",
            "tides/2026-11-20.csv": "time,level_m\n00:00,1.47\n06:00,3.11\n12:00,1.56\n18:00,3.02\n",
        },
    ),
    Bucket(
        DATA.account_id,
        "harbor-partner-dropbox",
        {
            "briefing.txt": "Joint project with Northlight Analytics\n\nTwo weeks, this bucket, nothing else.\n",
            "samples/berths-2026-11.csv": "berth,vessel,hours\nA1,Marguerite,14\nA2,Stella,9\nB4,Oriole,31\n",
        },
    ),
    Bucket(
        DATA.account_id,
        "harbor-payroll",
        {"2026-11/summary.csv": "team,people,total_eur\nharbour,14,58211\noffice,6,24780\n"},
    ),
)


def document(*statements: Policy) -> Policy:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust() -> Policy:
    """Trust the hub's user for what the portal's calls carry: session tags and a source identity."""
    return document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": HUB_USER_ARN},
            "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        }
    )


def hub_policy() -> Policy:
    """All that the portal's own key may do. Managed, so that the user's 2,048 inline characters stay free for denies.

    The statement on the handbook is the upper bound of federation sessions: they get what it and their own session
    policy both allow. The last one is for the account that only root tasks reach.
    """
    accounts = [account.account_id for account in TARGETS]
    roles = [f"arn:aws:iam::{account}:role{PATH}*" for account in accounts]
    roles += [
        f"arn:aws:iam::{account}:role/{name}" for account in accounts for name in (REVOKER, PROVISIONER)
    ]
    return document(
        allow(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], *roles),
        # AWS would take federated-user/* for a resource here; MiniStack judges the call against *.
        allow(["sts:GetFederationToken", "sts:TagSession"], "*"),
        *deny_writing("User", HUB.account_id, HUB_USER_ARN),
        allow(
            ["cognito-identity:GetOpenIdTokenForDeveloperIdentity"],
            f"arn:aws:cognito-identity:*:{HUB.account_id}:identitypool/*",
        ),
        assume_root(*accounts),
        LIST_BUCKETS,  # what federation sessions are probed with
        allow(READ, *bucket_arns("meadow-harbor-handbook")),
        assume_root(MEMBER.account_id),
    )


def assume_root(*accounts: str) -> Policy:
    tasks = {"ArnLike": {"sts:TaskPolicyArn": "arn:aws:iam::aws:policy/root-task/*"}}
    return {
        **allow(["sts:AssumeRoot"], *(f"arn:aws:iam::{each}:root" for each in accounts)),
        "Condition": tasks,
    }


def inline_of(kind: str) -> list[str]:
    """Name what reads and writes the inline policies of a Role or User."""
    own = [f"Get{kind}", f"List{kind}Policies", *(f"{verb}{kind}Policy" for verb in ("Get", "Put", "Delete"))]
    return [f"iam:{verb}" for verb in (*own, f"ListAttached{kind}Policies")]


def deny_writing(kind: str, account_id: str, principals: str) -> tuple[Policy, ...]:
    """Allow what writing denies needs: inline policies of `principals`, managed ones under PATH for the overflow."""
    own = f"arn:aws:iam::{account_id}:policy{PATH}*"
    managed = [f"{verb}Policy{what}" for what in ("", "Version") for verb in ("Get", "Create", "Delete")]
    return (
        allow(inline_of(kind), principals),
        allow([f"iam:{verb}" for verb in (*managed, "ListPolicyVersions")], own),
        attach_own(kind, account_id, principals),
        allow(["iam:ListPolicies"], "*"),
    )


def attach_own(kind: str, account_id: str, principals: str) -> Policy:
    attach = allow([f"iam:{verb}{kind}Policy" for verb in ("Attach", "Detach")], principals)
    own = f"arn:aws:iam::{account_id}:policy{PATH}*"
    return {**attach, "Condition": {"ArnLike": {"iam:PolicyARN": own}}}


def revoker(account_id: str) -> Role:
    """The role that the portal assumes to write denies. Outside of PATH: it must not be able to change itself."""
    return Role(
        account_id,
        REVOKER,
        "Writes and removes the portal's denies on roles under /sallyport/",
        HOUR,
        (
            *deny_writing("Role", account_id, f"arn:aws:iam::{account_id}:role{PATH}*"),
            allow(inline_of("User"), f"arn:aws:iam::{account_id}:user{PATH}*"),
            attach_own("User", account_id, f"arn:aws:iam::{account_id}:user{PATH}*"),
        ),
        path="/",
    )


# What the provisioner may attach to a partner's role: AWS's own for looking around, and what the account's owner
# puts under a path that neither the provisioner nor the revoker writes.
ATTACHABLE = ("ReadOnlyAccess", "SecurityAudit", "job-function/ViewOnlyAccess")


def provisioner(account_id: str) -> Role:
    """The role that the portal assumes to make and remove partners' roles. Outside of PATH, as the revoker is."""
    account = f"arn:aws:iam::{account_id}"
    roles, boundary = f"{account}:role{PARTNERS_PATH}*", f"{account}:policy/{BOUNDARY}"
    bounded = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    attachable = [f"arn:aws:iam::aws:policy/{name}" for name in ATTACHABLE]
    attachable.append(f"{account}:policy{SCOPES_PATH}*")
    writes = ["CreateRole", "PutRolePermissionsBoundary", "PutRolePolicy"]
    tends = [
        *("UpdateAssumeRolePolicy", "UpdateRole", "TagRole", "UntagRole"),
        *("DeleteRolePolicy", "DetachRolePolicy", "DeleteRole"),
    ]
    reads = ["ListRolePolicies", "GetRolePolicy", "ListAttachedRolePolicies", "ListInstanceProfilesForRole"]
    return Role(
        account_id,
        PROVISIONER,
        "Makes and removes the roles of partners under /sallyport/partners/, within their boundary",
        HOUR,
        (
            {**allow([f"iam:{verb}" for verb in writes], roles), "Condition": bounded},
            {
                **allow(["iam:AttachRolePolicy"], roles),
                "Condition": {**bounded, "ArnLike": {"iam:PolicyARN": attachable}},
            },
            allow([f"iam:{verb}" for verb in (*tends, *reads)], roles),
            # Of a role that is gone AWS knows no path: without this its absence could not be seen.
            allow(["iam:GetRole"], f"{account}:role/*"),
            allow(["iam:ListRoles"], "*"),
            allow(["iam:GetPolicy", "iam:GetPolicyVersion"], boundary),
        ),
        path="/",
        trust=document({"Effect": "Allow", "Principal": {"AWS": HUB_USER_ARN}, "Action": "sts:AssumeRole"}),
    )


def partner_boundary() -> Policy:
    """The most that a partner's role can do, whatever its own policies say."""
    closed = ["iam:*", "sts:*", "organizations:*", "account:*", "sso:*", "sso-directory:*", "identitystore:*"]
    reads = ["iam:Get*", "iam:List*", "organizations:Describe*", "organizations:List*", "account:Get*"]
    reads += ["sts:GetCallerIdentity", "sts:GetAccessKeyInfo", "sts:DecodeAuthorizationMessage"]
    becomes = ["sts:AssumeRole", "sts:AssumeRoot", "sts:GetFederationToken", "iam:PassRole"]
    gives = [
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
        *(
            "ec2:ModifySnapshotAttribute",
            "ec2:ModifyImageAttribute",
            "ec2:ModifyVpcEndpointServicePermissions",
        ),
        *("rds:ModifyDBSnapshotAttribute", "rds:ModifyDBClusterSnapshotAttribute"),
        *(
            "redshift:AuthorizeSnapshotAccess",
            "redshift:AuthorizeDataShare",
            "redshift-serverless:PutResourcePolicy",
        ),
        *("eks:CreateAccessEntry", "eks:AssociateAccessPolicy", "ses:PutIdentityPolicy"),
        *("ram:CreateResourceShare", "ram:AssociateResourceShare"),
    ]
    return document(
        {"Effect": "Allow", "NotAction": closed, "Resource": ["*"]},
        allow(reads, "*"),
        {**allow(becomes, "*"), "Effect": "Deny"},
        {**allow(gives, "*"), "Effect": "Deny"},
    )


def partner_rights() -> Policy:
    """What a partner lets its own user and role do: become whoever trusts them, and read. The other half is ours."""
    return document(
        allow(["sts:AssumeRole"], "*"),
        allow(["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation", "s3:ListAllMyBuckets"], "*"),
        allow(["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:DescribeTable"], "*"),
    )


def partner_trust(partner: Partner) -> Policy:
    return document({"Effect": "Allow", "Principal": {"AWS": partner.user_arn}, "Action": "sts:AssumeRole"})
