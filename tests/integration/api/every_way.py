"""Every way to credentials, by the portal's API: the demo's roles as rows, and what each person brings along."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError
from django.test import Client

from brokers.saml import MetadataReader
from portal import wiring
from portal.access.models import DenyDocument, UserKey
from portal.access.operations.cutting.work_off import work_off
from portal.catalog.models import AwsAccount, AwsRole, ScopeTemplate
from portal.demo.identity_provider.people import BY_KEY, PERSISTENT
from portal.demo.story_calls import COGNITO, DEVELOPER, FAR, OWN_USER, SAML, UNLOCK, WEB, tell_of_calls
from portal.directory.models import ExternalIdentity, Person
from portal.identity.operations.keep_provider import keep_saml_provider
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.sealing import seal
from tests.integration.api.calling import caller, send
from tests.integration.api.mfa_devices import USER, Devices
from tests.servers.demo_idp import DemoIdp
from tests.servers.sandbox import Sandbox
from tests.world import make_person

PLAIN, HUBS_USER = "DataAnalyst", "Buckets by the hub's user"
BUCKET = "harbor-measurements"
HOUR = timedelta(hours=1)
TIME = r"<\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@dataclass(frozen=True)
class Way:
    """One call. `action`: as the sandbox counts it. `entry`: what cuts one session of it off. `key`: as the API says.

    `proof`: the field that goes along. `door`: where else it is exchanged by somebody who is not signed in.
    """

    name: str
    title: str
    action: str
    entry: str
    key: str = "aws:userid"
    proof: str = ""
    door: str = ""


BY_ID_AND_TIME = "aws:userid and aws:TokenIssueTime"
BY_SUB = "cognito-identity.amazonaws.com:sub and aws:TokenIssueTime"
NAMED = r"AROA[A-Z0-9]+:[\w-]+"
WAYS = {
    way.name: way
    for way in (
        Way("AssumeRole", PLAIN, "AssumeRole", NAMED),
        Way("AssumeRole, chained", FAR, "AssumeRole", NAMED),
        Way("GetFederationToken", HUBS_USER, "GetFederationToken", r"\d{12}:[\w-]+"),
        Way(
            *("AssumeRoleWithSAML", SAML, "AssumeRoleWithSAML"),
            rf"AROA[A-Z0-9]+:chidi\.rao@meadow-harbor\.example{TIME}",
            *(BY_ID_AND_TIME, "assertion", "saml"),
        ),
        Way(
            *("AssumeRoleWithWebIdentity", WEB, "AssumeRoleWithWebIdentity", NAMED),
            *("aws:userid", "id_token", "web-identity"),
        ),
        Way(
            *("Cognito, enhanced", COGNITO, "GetCredentialsForIdentity"),
            rf"sub=[a-z]+-[a-z]+-\d:[0-9a-f-]{{36}}{TIME}",
            *(BY_SUB, "id_token", "cognito"),
        ),
        Way("Cognito, developer", DEVELOPER, "AssumeRoleWithWebIdentity", NAMED),
        Way(
            *("GetSessionToken", OWN_USER, "GetSessionToken", rf"AIDA[A-Z0-9]+{TIME}"),
            *(BY_ID_AND_TIME, "mfa_code"),
        ),
    )
}
ROOT = Way("AssumeRoot", UNLOCK, "AssumeRoot", "", "nothing")


@dataclass
class House:
    """The portal with the demo's rows, and its people at its API, each with a token of their own."""

    aws: Sandbox
    idp: DemoIdp
    devices: Devices
    people: Mapping[str, Person]
    roles: Mapping[tuple[str, str], AwsRole]
    clients: Mapping[str, Client]

    def role(self, way: Way, who: str) -> AwsRole:
        """The role of a way; an IAM user is one person's alone."""
        return self.roles.get((way.title, who)) or self.roles[way.title, ""]

    def give(self, way: Way, who: str, *, lasts: timedelta = 2 * HOUR, **more: Any) -> str:
        """Have the admin grant it; returns the grant's id."""
        answer = send(self.clients["ada"], "post", "/api/v1/grants", self.order(way, who, lasts, **more))
        assert answer.status_code == 201, answer.content
        return str(answer.json()["id"])

    def order(self, way: Way, who: str, lasts: timedelta, **more: Any) -> dict[str, Any]:
        template = ScopeTemplate.objects.filter(roles=self.role(way, who)).first()
        return {
            "person": str(self.people[who].pk),
            "role": str(self.role(way, who).pk),
            "ends_at": (database_now() + lasts).isoformat(),
            "reason": "Seeing it work",
            **({"scope_template": str(template.pk)} if template else {}),
            **more,
        }

    def proof(self, way: Way, who: str) -> dict[str, str]:
        role = self.role(way, who)
        if way.proof == "assertion":
            return {"assertion": self.idp.assertion(who, f"{role.arn},{role.provider_arn}")}
        if way.proof == "id_token":
            return {"id_token": self.idp.id_token(who, role.audience)}
        return {"mfa_code": self.devices.code(who)} if way.proof else {}

    def ask(self, way: Way, who: str, grant: str, proof: Mapping[str, str] | None = None) -> Any:
        """Ask as somebody with a token of the portal's. `proof`: another than their own good one."""
        given = self.proof(way, who) if proof is None else dict(proof)
        return send(self.clients[who], "post", f"/api/v1/grants/{grant}/credentials", given)

    def exchange(self, way: Way, who: str, proof: Mapping[str, str] | None = None) -> Any:
        """Ask as a program that has nothing but the proof."""
        [given] = (self.proof(way, who) if proof is None else proof).values()
        named = "assertion" if way.door == "saml" else "token"
        body = {"role": self.role(way, who).arn, named: given}
        return send(Client(raise_request_exception=False), "post", f"/api/v1/exchange/{way.door}", body)

    def told(self, who: str, grant: str, what: str) -> Any:
        return send(self.clients[who], "get", f"/api/v1/grants/{grant}/{what}")

    def revoke(self, grant: str) -> Any:
        body = {"reason": "Seeing it end"}
        answer = send(self.clients["ada"], "post", f"/api/v1/grants/{grant}/revoke", body)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def work_off(self) -> int:
        """Do what the portal's worker does when it is woken."""
        return work_off(aws=wiring.aws_ports(), holder="tests")

    def works(self, way: Way, answer: Any) -> bool:
        """Whether boto3, as anybody has it, is let in with what the API gave."""
        assert answer.status_code == 201, answer.content
        s3 = self.aws.client("s3", answer.json())
        try:
            if way.title == HUBS_USER:
                s3.list_buckets()
            else:
                s3.list_objects_v2(Bucket=BUCKET)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
        return True


def make_house(aws: Sandbox, idp: DemoIdp, devices: Devices) -> House:
    saml = keep_saml_provider(
        slug="meadow-harbor",
        name="Meadow & Harbor",
        metadata=idp.metadata().decode(),
        read=MetadataReader(),
        actor=Actor.command("tests"),
    )
    people = {
        who: make_person(BY_KEY[who].display_name, is_staff=who == "ada", is_superuser=who == "ada")
        for who in ("ada", "ben", "chidi")
    }
    for who, person in people.items():
        known = {"provider": saml, "subject": BY_KEY[who].name_id, "subject_format": PERSISTENT}
        ExternalIdentity.objects.create(person=person, **known)
    for each in aws.estate["accounts"]:
        AwsAccount.objects.create(
            account_id=each["account_id"], name=each["name"], revoker_role_arn=each["revoker_role_arn"] or ""
        )
    told = tell_of_calls(estate=aws.estate, saml=saml, people=people)
    roles = {(title, ""): role for title, role in told.items()}
    roles |= {(PLAIN, ""): _plain(aws), (HUBS_USER, ""): _hubs_user(aws)}
    roles[OWN_USER, "ben"] = _own_user(devices.users["ben"], people["ben"])
    clients = {who: caller(person) for who, person in people.items()}
    return House(aws, idp, devices, people, roles, clients)


def _plain(aws: Sandbox) -> AwsRole:
    found = next(role for role in aws.estate["roles"] if role["name"] == PLAIN)
    account = AwsAccount.objects.get(account_id=found["account_id"])
    return AwsRole.objects.create(
        account=account, title=PLAIN, name=PLAIN, path=found["path"], unique_id=found["role_id"]
    )


def _hubs_user(aws: Sandbox) -> AwsRole:
    hub = aws.estate["hub"]
    role = AwsRole.objects.create(
        account=AwsAccount.objects.get(account_id=hub["account_id"]),
        title=HUBS_USER,
        name=hub["user_name"],
        method=AwsRole.Method.FEDERATION_TOKEN,
        requires_scope=True,
    )
    statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    template = ScopeTemplate.objects.create(name="Buckets", summary="See the buckets", policy=policy)
    template.roles.add(role)
    return role


def _own_user(user: Mapping[str, str], person: Person) -> AwsRole:
    role = AwsRole.objects.create(
        account=AwsAccount.objects.get(account_id=user["account_id"]),
        title="Ben's own IAM user",
        name=USER,
        method=AwsRole.Method.SESSION_TOKEN,
        path="/sallyport/",
        allows_console=False,
    )
    UserKey.objects.create(
        role=role,
        person=person,
        access_key_id=user["access_key_id"],
        secret=seal(user["secret_access_key"].encode()),
        mfa_serial=user["mfa_serial"],
        kept_at=database_now(),
    )
    return role


@contextmanager
def denies_taken_away() -> Iterator[None]:
    """AWS outlives the test's database: what was denied there would meet the next test's sessions."""
    try:
        yield
    finally:
        for document in DenyDocument.objects.select_related("account"):
            wiring.aws_ports().deny.write(document.target, [])


def forged(proof: Mapping[str, str], *, of: str, as_of: str) -> dict[str, str]:
    """Have somebody's own good proof say that it is somebody else: all but the signature is right."""
    [(name, text)] = proof.items()
    one, other = BY_KEY[of], BY_KEY[as_of]
    if name == "assertion":
        said = base64.b64decode(text).decode()
        for mine, theirs in ((one.name_id, other.name_id), (one.email, other.email)):
            assert mine in said
            said = said.replace(mine, theirs)
        return {name: base64.b64encode(said.encode()).decode()}
    header, claims, signature = text.split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    told |= {"sub": other.name_id, "email": other.email}
    changed = base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()
    return {name: f"{header}.{changed}.{signature}"}
