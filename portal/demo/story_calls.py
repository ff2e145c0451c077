"""The demo's story of every other way to temporary credentials: a role for each call, and who may try it by hand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from portal.access.models import UserKey
from portal.catalog.models import AwsAccount, AwsRole
from portal.directory.models import ExternalIdentity, IdentityProvider, OidcSettings, Person
from portal.kernel.clock import database_now
from portal.kernel.sealing import seal

Estate = Mapping[str, Any]
Method = AwsRole.Method
HOUR = 3600
# Root tasks ask for a second factor: its person adds an authenticator app or a passkey first.
FACTOR_MINUTES = 15
OPENID = "meadow-harbor-openid"
# As whom the portal itself is known to the demo's OpenID provider.
CLIENT = "sallyport"


@dataclass(frozen=True, slots=True)
class Way:
    """One role of the estate, by what it is for there, as the portal has it."""

    purpose: str
    title: str
    shows: str
    method: AwsRole.Method
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Vouchers:
    """Who vouches: the company by SAML, and by OpenID Connect."""

    saml: IdentityProvider
    openid: IdentityProvider


@dataclass(frozen=True, slots=True)
class Try:
    """Who may try a way, and for how long."""

    who: str
    title: str
    lasts: timedelta
    reason: str


CAMERA, FAR, OWN_USER = "Harbour camera", "Measurements from afar", "Chidi's own IAM user"
SAML, WEB, COGNITO = "Measurements by assertion", "Measurements by ID token", "Measurements by Cognito"
DEVELOPER, UNLOCK = "Measurements for devices", "Unlock a bucket policy"
TRIES = (
    Try("chidi", CAMERA, timedelta(hours=12), "Watching pier 3 while it is rebuilt"),
    Try("ben", CAMERA, timedelta(hours=12), "Keeping the camera running"),
    Try("chidi", SAML, timedelta(days=5), "The tide model's sign-in"),
    Try("chidi", WEB, timedelta(days=5), "The tide model's own web page"),
    Try("chidi", COGNITO, timedelta(days=5), "The tide model in browsers"),
    Try("chidi", DEVELOPER, timedelta(days=5), "The gauges along the quay"),
    Try("chidi", FAR, timedelta(days=5), "Reading from the production network"),
    Try("chidi", OWN_USER, timedelta(days=5), "Until the last script is off it"),
    Try("ben", UNLOCK, timedelta(hours=3), "The old ledger's bucket keeps out everybody"),
)


def ways_of(estate: Estate, vouchers: Vouchers) -> Iterator[Way]:
    """Yield the roles that stand in the estate, in the order in which one leads to another."""
    told = estate["identity_provider"]
    pools = {pool["role_arn"].rpartition("/")[2]: pool for pool in estate["identity_pools"]}
    yield Way(
        "camera",
        CAMERA,
        "Watch pier 3 from a browser app that holds no key. Shows AssumeRoleWithWebIdentity by the exchange, renewed.",
        Method.WEB_IDENTITY,
        {"vouched_by": vouchers.openid, "audience": "harbor-cameras", "allows_console": False},
    )
    yield Way(
        "saml",
        SAML,
        "Read measurements by an application's SAML assertion. Shows AssumeRoleWithSAML.",
        Method.SAML,
        {"vouched_by": vouchers.saml, "provider_arn": told["saml_provider_arn"]},
    )
    yield Way(
        "web-identity",
        WEB,
        "Read measurements by an ID token of one's own. Shows AssumeRoleWithWebIdentity.",
        Method.WEB_IDENTITY,
        {"vouched_by": vouchers.openid, "audience": "harbor-web"},
    )
    browsers = pools["HarborCognito"]
    yield Way(
        "cognito",
        COGNITO,
        "Read measurements by an identity pool. Shows Cognito's own call: an hour, always, and no session policy.",
        Method.COGNITO,
        {
            "vouched_by": vouchers.openid,
            "audience": browsers["client_id"],
            "identity_pool_id": browsers["identity_pool_id"],
            "login_name": host_of(told["issuer"]),
            "max_session_seconds": HOUR,
        },
    )
    devices = pools["HarborDeveloper"]
    yield Way(
        "developer",
        DEVELOPER,
        "Read measurements by an identity that the portal vouches for. Shows GetOpenIdTokenForDeveloperIdentity.",
        Method.COGNITO_DEVELOPER,
        {"identity_pool_id": devices["identity_pool_id"], "login_name": devices["developer_provider"]},
    )
    yield Way(
        "relay",
        "The way to the measurements",
        "Nothing but a step on the way: its credentials take the next role. Granted to nobody.",
        Method.ASSUME_ROLE,
        {"allows_console": False},
    )
    yield Way(
        "chained",
        FAR,
        "Read measurements by way of another account's role. Shows role chaining: an hour at most.",
        Method.ASSUME_ROLE,
    )


def host_of(issuer: str) -> str:
    """Return an issuer as Cognito's Logins name it: without its scheme."""
    return issuer.partition("://")[2].rstrip("/")


def tell_of_calls(
    *, estate: Estate, saml: IdentityProvider, people: Mapping[str, Person]
) -> dict[str, AwsRole]:
    """Make what is missing and bring up what moved with the ports; return the roles by title."""
    openid = _openid(estate["identity_provider"]["issuer"])
    for identity in ExternalIdentity.objects.filter(provider=saml, person__in=people.values()):
        known = {"provider": openid, "subject": identity.subject, "subject_format": ""}
        ExternalIdentity.objects.get_or_create(**known, defaults={"person": identity.person})
    found = {way.title: _role(estate, way) for way in ways_of(estate, Vouchers(saml, openid))}
    relay = next(role for role in found.values() if role.name == "HarborRelay")
    AwsRole.objects.filter(pk=found[FAR].pk, via=None).update(via=relay)
    for user in estate["mfa_users"]:
        found[OWN_USER] = _own_user(user, people[user["person"]])
    found[UNLOCK] = _root_task(estate)
    return found


def _openid(issuer: str) -> IdentityProvider:
    provider, _ = IdentityProvider.objects.get_or_create(
        slug=OPENID,
        defaults={
            "name": "OpenID Connect (simulated)",
            "kind": IdentityProvider.Kind.OIDC,
            "name_attribute": "name",
        },
    )
    # Its address is its name: on another port it is known by another.
    OidcSettings.objects.update_or_create(
        provider=provider, defaults={"issuer": issuer, "client_id": CLIENT, "scopes": "openid"}
    )
    return provider


def _role(estate: Estate, way: Way) -> AwsRole:
    described = next(each for each in estate["roles"] if each["purpose"] == way.purpose)
    facts = {"max_session_seconds": described["max_session_seconds"], **way.facts}
    role, is_new = AwsRole.objects.get_or_create(
        account=AwsAccount.objects.get(account_id=described["account_id"]),
        name=described["name"],
        defaults={
            "title": way.title,
            "description": way.shows,
            "method": way.method,
            "path": described["path"],
            "unique_id": described["role_id"],
            **facts,
        },
    )
    if not is_new:
        AwsRole.objects.filter(pk=role.pk).update(**facts)
    return role


def _own_user(user: Mapping[str, Any], person: Person) -> AwsRole:
    path, _, name = user["user_arn"].partition(":user")[2].rpartition("/")
    role, _ = AwsRole.objects.get_or_create(
        account=AwsAccount.objects.get(account_id=user["account_id"]),
        title=OWN_USER,
        defaults={
            "name": name,
            "method": Method.SESSION_TOKEN,
            "path": f"{path}/",
            "description": "An IAM user that can do nothing without a code. Shows GetSessionToken with MFA.",
            "max_session_seconds": 12 * HOUR,
            "allows_console": False,
            "sends_tags": False,
            "sets_source_identity": False,
        },
    )
    kept = {
        "person": person,
        "access_key_id": user["access_key_id"],
        "secret": seal(user["secret_access_key"].encode()),
        "mfa_serial": user["mfa_serial"],
    }
    UserKey.objects.get_or_create(role=role, defaults={**kept, "kept_at": database_now()})
    return role


def _root_task(estate: Estate) -> AwsRole:
    sealed = estate["sealed_bucket"]
    member = next(each for each in estate["members"] if each["account_id"] == sealed["account_id"])
    account, _ = AwsAccount.objects.get_or_create(
        account_id=member["account_id"], defaults={"name": member["name"], "partition": estate["partition"]}
    )
    role, _ = AwsRole.objects.get_or_create(
        account=account,
        title=UNLOCK,
        defaults={
            "name": "root",
            "method": Method.ROOT_TASK,
            "root_task": AwsRole.RootTask.UNLOCK_BUCKET,
            "description": f"Take away the policy that seals {sealed['name']}. Shows AssumeRoot: one task, 15 minutes.",
            "max_session_seconds": 900,
            "factor_minutes": FACTOR_MINUTES,
            "allows_console": False,
            "sends_tags": False,
            "sets_source_identity": False,
        },
    )
    AwsRole.objects.filter(pk=role.pk, factor_minutes=0).update(
        factor_minutes=FACTOR_MINUTES
    )  # of an older demo
    return role
