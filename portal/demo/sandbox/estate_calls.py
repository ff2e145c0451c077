"""The part of the estate that is for the other calls to credentials. Data only.

What depends on where the demo's identity provider listens, and on the ids that identity pools get, is told to
`roles()`. In `estate.json` these roles stand among the others; `purpose` says which call they are for.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from portal.demo.sandbox.estate import (
    DATA,
    HOUR,
    HUB,
    LIST_BUCKETS,
    MEMBER,
    PATH,
    PROBE,
    PRODUCTION,
    READ,
    Bucket,
    Policy,
    Role,
    allow,
    bucket_arns,
    document,
    trust,
)

ISSUER = "http://127.0.0.1:8010"  # where the demo's identity provider usually is
SAML_PROVIDER = "MeadowHarborLogin"
SAML_PROVIDER_ARN = f"arn:aws:iam::{DATA.account_id}:saml-provider/{SAML_PROVIDER}"
# IAM's condition key takes the assertion's Recipient, not its Audience.
SAML_AUDIENCE = "https://signin.aws.amazon.com/saml"
WEB_CLIENT, BROWSER_CLIENT, CAMERA_CLIENT = "harbor-web", "harbor-browser", "harbor-cameras"
CLIENTS = (WEB_CLIENT, BROWSER_CLIENT, CAMERA_CLIENT)
COGNITO = "cognito-identity.amazonaws.com"

# Who manages the simulated organization, and whom sts:AssumeRoot reaches.
MANAGEMENT = HUB
MEMBERS = (PRODUCTION, DATA, MEMBER)

CHANNEL = "harbor-pier-3"
CHANNEL_REGION = "eu-central-1"


@dataclass(frozen=True)
class Pool:
    """`logs_in`: people of the demo's OpenID Connect provider, as clients of `client`."""

    account_id: str
    name: str
    role: str
    client: str = ""
    developer_provider: str = ""

    @property
    def logs_in(self) -> bool:
        return bool(self.client)


BROWSERS = Pool(DATA.account_id, "HarborBrowsers", "HarborCognito", client=BROWSER_CLIENT)
# Its tokens are the hub's to ask for, so it is in the hub's account; the role is where the data is.
DEVELOPER = Pool(
    HUB.account_id, "HarborDevices", "HarborDeveloper", developer_provider="login.meadow-harbor.example"
)
POOLS = (BROWSERS, DEVELOPER)


@dataclass(frozen=True)
class MfaUser:
    """A person's own IAM user, who may do nothing without a code."""

    account_id: str
    name: str
    person: str  # the key of one of the demo's people

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account_id}:user{PATH}{self.name}"


MFA_USERS = (MfaUser(DATA.account_id, "chidi-rao", "chidi"),)
WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}

SEALED = Bucket(
    MEMBER.account_id,
    "harbor-sealed",
    {"ledger-1998.txt": "A ledger that nobody can open: its bucket's policy keeps out everybody.\n"},
)


def sealing() -> Policy:
    """Keep out everybody. In a real account only its root, or AssumeRoot with S3UnlockBucketPolicy, takes it away."""
    return document(
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{SEALED.name}", f"arn:aws:s3:::{SEALED.name}/*"],
        }
    )


def host_of(issuer: str) -> str:
    return issuer.split("://", 1)[-1].rstrip("/")


def oidc_provider_arn(issuer: str) -> str:
    return f"arn:aws:iam::{DATA.account_id}:oidc-provider/{host_of(issuer)}"


def _federated(provider: str, action: str, condition: Policy) -> Policy:
    found = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": action}
    return {**found, "Condition": condition}


def _by_saml() -> Policy:
    audience = {"StringEquals": {"SAML:aud": SAML_AUDIENCE}}
    return document(_federated(SAML_PROVIDER_ARN, "sts:AssumeRoleWithSAML", audience))


def _by_token(issuer: str, client: str) -> Policy:
    audience = {"StringEquals": {f"{host_of(issuer)}:aud": client}}
    return _federated(oidc_provider_arn(issuer), "sts:AssumeRoleWithWebIdentity", audience)


def _by_pool(pool_id: str) -> Policy:
    condition = {
        "StringEquals": {f"{COGNITO}:aud": pool_id},
        "ForAnyValue:StringLike": {f"{COGNITO}:amr": "authenticated"},
    }
    return document(_federated(COGNITO, "sts:AssumeRoleWithWebIdentity", condition))


def channel_arns() -> str:
    return f"arn:aws:kinesisvideo:{CHANNEL_REGION}:{DATA.account_id}:channel/{CHANNEL}/*"


MEASUREMENTS = (PROBE, LIST_BUCKETS, allow(READ, *bucket_arns("harbor-measurements")))
CAMERA = [
    *("kinesisvideo:DescribeSignalingChannel", "kinesisvideo:GetSignalingChannelEndpoint"),
    *("kinesisvideo:GetIceServerConfig", "kinesisvideo:ConnectAsViewer", "kinesisvideo:ConnectAsMaster"),
]
RELAY = "HarborRelay"
RELAY_ARN = f"arn:aws:iam::{PRODUCTION.account_id}:role{PATH}{RELAY}"
FAR_ARN = f"arn:aws:iam::{DATA.account_id}:role{PATH}HarborFar"


def roles(issuer: str, pool_ids: Mapping[str, str]) -> dict[str, list[Role]]:
    """Return the roles by what they are for."""
    data = DATA.account_id
    far = document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": RELAY_ARN},
            "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        }
    )
    camera = {**trust(), "Statement": [*trust()["Statement"], _by_token(issuer, CAMERA_CLIENT)]}
    return {
        "saml": [
            Role(data, "HarborSaml", "Read measurements, by the company's SAML sign-in", 4 * HOUR,
                 MEASUREMENTS, trust=_by_saml()),
        ],
        "web-identity": [
            Role(data, "HarborWeb", "Read measurements, by an ID token of the company's", 4 * HOUR,
                 MEASUREMENTS, trust=document(_by_token(issuer, WEB_CLIENT))),
        ],
        "cognito": [
            Role(data, BROWSERS.role, "Read measurements, by an identity pool for browsers", HOUR,
                 MEASUREMENTS, trust=_by_pool(pool_ids[BROWSERS.name])),
        ],
        "developer": [
            Role(data, DEVELOPER.role, "Read measurements, by an identity that the portal vouches for", 4 * HOUR,
                 MEASUREMENTS, trust=_by_pool(pool_ids[DEVELOPER.name])),
        ],
        "camera": [
            Role(data, "HarborCamera", "Watch the camera on pier 3, in a browser", HOUR,
                 (PROBE, LIST_BUCKETS, allow(CAMERA, channel_arns())), trust=camera),
        ],
        "relay": [
            Role(PRODUCTION.account_id, RELAY, "Nothing but the way to HarborFar", 12 * HOUR,
                 (PROBE, allow(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], FAR_ARN))),
        ],
        "chained": [
            Role(data, "HarborFar", "Read measurements, by way of another account's role", 12 * HOUR,
                 MEASUREMENTS, trust=far),
        ],
    }  # fmt: skip


def mfa_rights() -> Policy:
    """Let the user find out who they are; all else wants a code."""
    return document({**allow(READ, *bucket_arns("harbor-measurements")), "Condition": WITH_MFA},
                    {**LIST_BUCKETS, "Condition": WITH_MFA}, {**PROBE, "Condition": WITH_MFA})  # fmt: skip
