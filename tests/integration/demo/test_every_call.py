"""The portal's own brokers against the sandbox: every call, its end, and what cuts one session of it and no other."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from brokers.aws import AwsBrokers, HubCredentials
from brokers.aws.account_hubs import AccountHubs
from brokers.aws.session_names import session_name
from brokers.errors import (
    AwsAccessDenied,
    AwsRefused,
    AwsUnavailable,
    LimitExceeded,
    NotPossible,
    ProofRefused,
)
from brokers.types import (
    AssumeRoleCall,
    CognitoCall,
    DenyTarget,
    DeveloperIdentityCall,
    HubKind,
    HubSpec,
    IssuedSession,
    Partition,
    PrincipalKind,
    ProbeAction,
    ProbeAnswer,
    ProbeCall,
    RootTaskCall,
    SamlCall,
    Scope,
    SessionTokenCall,
    WebIdentityCall,
)
from portal.demo.sandbox.calls.mfa import STEP_S, code_at
from tests.servers.demo_idp import DemoIdp
from tests.servers.sandbox import Sandbox

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.once, pytest.mark.thorough]

ACCOUNT, HUB_ACCOUNT, MEMBER = "333344445555", "111122223333", "555566667777"
BUCKET = "harbor-measurements"
HOUR = timedelta(hours=1)
USER = "vera"


def soon(**span: int) -> datetime:
    return datetime.now(UTC) + timedelta(**span)


@dataclass
class Calls:
    """Each call as the portal makes it, for a person of the demo."""

    aws: Sandbox
    idp: DemoIdp
    brokers: AwsBrokers
    user: dict[str, str]
    codes: int = 0

    def saml(self, person: str = "ben", **changes: Any) -> IssuedSession:
        return self.brokers.credentials.assume_role_with_saml(replace(self.saml_call(person), **changes))

    def saml_call(self, person: str = "ben") -> SamlCall:
        provider = self.aws.estate["identity_provider"]["saml_provider_arn"]
        arn = self.aws.role_arn("HarborSaml")
        found = next(each for each in PEOPLE if each.startswith(person))
        return SamlCall(
            role_arn=arn,
            provider_arn=provider,
            duration=HOUR,
            max_session=4 * HOUR,
            ends_at=soon(hours=2),
            session_name=found,
            assertion=self.idp.assertion(person, f"{arn},{provider}"),
        )

    def web(self, person: str = "ben", **changes: Any) -> IssuedSession:
        return self.brokers.credentials.assume_role_with_web_identity(
            replace(self.web_call(person), **changes)
        )

    def web_call(self, person: str = "ben") -> WebIdentityCall:
        return WebIdentityCall(
            role_arn=self.aws.role_arn("HarborWeb"),
            session_name=session_name(uuid4()),
            duration=HOUR,
            max_session=4 * HOUR,
            ends_at=soon(hours=2),
            token=self.idp.id_token(person, "harbor-web"),
        )

    def pool(self, person: str = "ben", **changes: Any) -> IssuedSession:
        return self.brokers.credentials.get_cognito_credentials(replace(self.pool_call(person), **changes))

    def pool_call(self, person: str = "ben") -> CognitoCall:
        host = self.idp.base_url.removeprefix("http://")
        return CognitoCall(
            identity_pool_id=self.pool_id("HarborBrowsers"),
            account_id=ACCOUNT,
            role_arn=self.aws.role_arn("HarborCognito"),
            ends_at=soon(hours=2),
            logins={host: self.idp.id_token(person, "harbor-browser")},
        )

    def developer(self, person: str = "ben", **changes: Any) -> IssuedSession:
        call = DeveloperIdentityCall(
            identity_pool_id=self.pool_id("HarborDevices"),
            developer_provider="login.meadow-harbor.example",
            user=person,
            role_arn=self.aws.role_arn("HarborDeveloper"),
            session_name=session_name(uuid4()),
            duration=HOUR,
            max_session=4 * HOUR,
            ends_at=soon(hours=2),
        )
        return self.brokers.credentials.get_developer_credentials(replace(call, **changes))

    def chained(self, person: str = "ben", **changes: Any) -> IssuedSession:
        del person
        call = AssumeRoleCall(
            role_arn=self.aws.role_arn("HarborFar"),
            session_name=session_name(uuid4()),
            duration=HOUR,
            max_session=12 * HOUR,
            ends_at=soon(hours=24),
            via_role_arn=self.aws.role_arn("HarborRelay"),
        )
        return self.brokers.credentials.assume_role(replace(call, **changes))

    def session_token(self, **changes: Any) -> IssuedSession:
        """Each code counts once: the next time-step's is taken each time, as far as AWS's tolerance goes."""
        step = int(time.time()) // STEP_S
        call = SessionTokenCall(
            partition=Partition.AWS,
            user_arn=self.user["arn"],
            access_key_id=self.user["AccessKeyId"],
            mfa_serial=self.user["serial"],
            duration=HOUR,
            ends_at=soon(hours=2),
            secret_access_key=self.user["SecretAccessKey"],
            mfa_code=code_at(self.user["seed"], step + self.codes),
        )
        issued = self.brokers.credentials.get_session_token(replace(call, **changes))
        self.codes += 1
        return issued

    def pool_id(self, name: str) -> str:
        pools = self.aws.estate["identity_pools"]
        return str(next(each["identity_pool_id"] for each in pools if each["name"] == name))

    def may_read(self, session: IssuedSession) -> bool:
        try:
            self.aws.client("s3", keys_of(session)).list_objects_v2(Bucket=BUCKET)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
        return True


def keys_of(session: IssuedSession) -> dict[str, str]:
    found = session.credentials
    return {
        "AccessKeyId": found.access_key_id,
        "SecretAccessKey": found.secret_access_key,
        "SessionToken": found.session_token,
    }


PEOPLE = ("ben.lindqvist@meadow-harbor.example", "chidi.rao@meadow-harbor.example")


@pytest.fixture(scope="module")
def user(aws: Sandbox) -> Iterator[dict[str, str]]:
    """An IAM user of the test's own with an MFA device, who may list buckets without a code and read with one."""
    iam = aws.root("iam", ACCOUNT)
    made = iam.create_user(UserName=USER, Path="/sallyport/")["User"]
    document = iam.get_user_policy(UserName="chidi-rao", PolicyName="Rights")["PolicyDocument"]
    document["Statement"].append({"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"})
    iam.put_user_policy(UserName=USER, PolicyName="Rights", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=USER)["VirtualMFADevice"]
    serial, seed = device["SerialNumber"], device["Base32StringSeed"].decode()
    step = int(time.time()) // STEP_S
    codes = {f"AuthenticationCode{n}": code_at(seed, step - 4 + n) for n in (1, 2)}
    iam.enable_mfa_device(UserName=USER, SerialNumber=serial, **codes)
    yield {"serial": serial, "seed": seed, "arn": made["Arn"], "id": made["UserId"], **key}
    iam.deactivate_mfa_device(UserName=USER, SerialNumber=serial)
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    for name in iam.list_user_policies(UserName=USER)["PolicyNames"]:
        iam.delete_user_policy(UserName=USER, PolicyName=name)
    iam.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=USER)


@pytest.fixture(scope="module")
def calls(aws: Sandbox, idp: DemoIdp, user: dict[str, str]) -> Calls:
    return Calls(aws, idp, brokers_of(aws), user)


def brokers_of(aws: Sandbox) -> AwsBrokers:
    hub = aws.estate["hub"]
    key = HubCredentials(hub["access_key_id"], hub["secret_access_key"])
    return AwsBrokers.build(hub=key, region=aws.estate["region"], endpoint_url=aws.endpoint_url)


@pytest.fixture
def denied(aws: Sandbox, calls: Calls) -> Iterator[Callable[..., None]]:
    """Deny entries on a role (or a user), as the portal does, until the test ends."""
    written: list[DenyTarget] = []

    def deny(name: str, *entries: str, kind: PrincipalKind = PrincipalKind.ROLE) -> None:
        via = aws.role_arn("SallyportRevoker", ACCOUNT)
        target = DenyTarget(Partition.AWS, ACCOUNT, kind, name, via)
        written.append(target)
        calls.brokers.deny.write(target, entries)
        standing = calls.brokers.deny.read(target)
        assert (standing.entries, standing.intact) == (frozenset(entries), True)

    yield deny
    for target in written:
        calls.brokers.deny.write(target, [])


def before_now() -> str:
    """Return the entry's time for what was issued until now, and wait until it has come."""
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    time.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


WITH_END = ["saml", "web", "developer", "chained"]


def test_every_call_gives_a_session_of_the_role_that_was_asked_for(calls: Calls, aws: Sandbox) -> None:
    for name, role in (
        ("saml", "HarborSaml"),
        ("web", "HarborWeb"),
        ("pool", "HarborCognito"),
        ("developer", "HarborDeveloper"),
        ("chained", "HarborFar"),
    ):
        issued: IssuedSession = getattr(calls, name)()
        assert issued.userid.startswith(f"{aws.role_id(role)}:"), name
        assert calls.may_read(issued), name
        left = issued.credentials.expires_at - datetime.now(UTC)
        assert timedelta(minutes=59) < left <= HOUR, name


def test_the_grants_end_stands_in_the_session_where_the_call_carries_a_policy(calls: Calls) -> None:
    ends_at = soon(seconds=6)
    ending = [getattr(calls, name)(ends_at=ends_at, duration=timedelta(seconds=900)) for name in WITH_END]
    lasting = [getattr(calls, name)() for name in WITH_END]
    assert all(map(calls.may_read, ending))
    time.sleep(max(0.0, (ends_at - datetime.now(UTC)).total_seconds()) + 1)
    assert not any(map(calls.may_read, ending))
    assert all(map(calls.may_read, lasting))


@pytest.mark.parametrize("name", WITH_END)
def test_a_scope_narrows_what_the_role_allows(calls: Calls, name: str) -> None:
    statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    narrow = Scope({"Version": "2012-10-17", "Statement": [statement]})
    assert not calls.may_read(getattr(calls, name)(scope=narrow))
    assert calls.may_read(getattr(calls, name)())


@pytest.mark.parametrize(
    ("name", "role"), [("web", "HarborWeb"), ("developer", "HarborDeveloper"), ("chained", "HarborFar")]
)
def test_a_session_that_we_named_is_cut_by_its_name(
    calls: Calls, denied: Callable[..., None], name: str, role: str
) -> None:
    cut, neighbour = getattr(calls, name)("ben"), getattr(calls, name)("ben")
    assert calls.may_read(cut)
    denied(role, cut.userid)
    assert not calls.may_read(cut)
    assert calls.may_read(neighbour)


def test_a_session_that_the_assertion_named_is_cut_up_to_a_time(
    calls: Calls, denied: Callable[..., None]
) -> None:
    cut, neighbour = calls.saml("ben"), calls.saml("chidi")
    assert calls.may_read(cut)
    denied("HarborSaml", f"{cut.userid}<{before_now()}")
    assert not calls.may_read(cut)
    assert calls.may_read(neighbour)
    # A new session of the same name is another grant's, or of one that was given again.
    again = calls.saml("ben")
    assert again.userid == cut.userid
    assert calls.may_read(again)


def test_a_pools_session_is_cut_by_its_identity(calls: Calls, denied: Callable[..., None]) -> None:
    cut, neighbour = calls.pool("ben"), calls.pool("chidi")
    assert cut.userid == neighbour.userid
    assert calls.may_read(cut)
    denied("HarborCognito", f"sub={cut.identity_id}")
    assert not calls.may_read(cut)
    assert calls.may_read(neighbour)


def test_a_pools_sessions_are_cut_up_to_a_time_and_later_ones_are_not(
    calls: Calls, denied: Callable[..., None]
) -> None:
    cut, neighbour = calls.pool("ben"), calls.pool("chidi")
    denied("HarborCognito", f"sub={cut.identity_id}<{before_now()}")
    assert not calls.may_read(cut)
    assert calls.may_read(neighbour)
    again = calls.pool("ben")
    assert again.identity_id == cut.identity_id
    assert calls.may_read(again)


def test_a_users_session_is_cut_up_to_a_time_and_the_key_is_not(
    calls: Calls, aws: Sandbox, user: dict[str, str], denied: Callable[..., None]
) -> None:
    cut = calls.session_token()
    assert (cut.userid, cut.arn) == (user["id"], user["arn"])
    assert calls.may_read(cut)
    denied(USER, f"{cut.userid}<{before_now()}", kind=PrincipalKind.USER)
    assert not calls.may_read(cut)
    key = {name: user[name] for name in ("AccessKeyId", "SecretAccessKey")}
    assert aws.client("s3", key).list_buckets()["Buckets"]
    assert calls.may_read(calls.session_token())


def test_every_kind_of_deny_stands_on_one_role(calls: Calls, denied: Callable[..., None]) -> None:
    """The document that AWS gets is one that it takes, and none of its statements cuts another's sessions."""
    cut, neighbour = calls.web(), calls.web()
    other = f"sub=eu-central-1:{uuid4()}"
    denied("HarborWeb", cut.userid, f"{neighbour.userid}<2026-01-01T00:00:00Z", other)
    assert not calls.may_read(cut)
    assert calls.may_read(neighbour)


def test_a_root_does_its_task_for_the_time_that_is_left(calls: Calls, aws: Sandbox) -> None:
    call = RootTaskCall(
        Partition.AWS, MEMBER, "S3UnlockBucketPolicy", timedelta(seconds=900), soon(minutes=10)
    )
    with pytest.raises(LimitExceeded, match="AssumeRoot takes no policy"):
        calls.brokers.credentials.assume_root(call)
    issued = calls.brokers.credentials.assume_root(replace(call, duration=timedelta(minutes=10)))
    assert issued.credentials.expires_at <= call.ends_at
    keys = keys_of(issued)
    assert aws.client("sts", keys).get_caller_identity()["Arn"] == issued.arn
    assert "Statement" in aws.client("s3", keys).get_bucket_policy(Bucket="harbor-sealed")["Policy"]
    with pytest.raises(ClientError):
        aws.client("iam", keys).list_roles()
    elsewhere = replace(call, account_id=HUB_ACCOUNT, duration=timedelta(minutes=5))
    with pytest.raises(AwsRefused) as caught:
        calls.brokers.credentials.assume_root(elsewhere)
    assert caught.value.operation == "sts:AssumeRoot"


def test_a_proof_that_aws_does_not_take_is_told_from_a_role_that_does_not_trust(
    calls: Calls, idp: DemoIdp, aws: Sandbox
) -> None:
    host = idp.base_url.removeprefix("http://")
    old = idp.id_token("ben", "harbor-web", lives="0")
    with pytest.raises(ProofRefused) as expired:
        calls.web(token=old)
    assert expired.value.aws_code == "ExpiredTokenException"
    with pytest.raises(ProofRefused) as foreign:
        calls.web(token=idp.id_token("ben", "somebody-elses"))
    assert foreign.value.aws_code == "InvalidIdentityToken"
    with pytest.raises(AwsAccessDenied, match="trust policy must allow sts:AssumeRoleWithWebIdentity"):
        calls.web(token=idp.id_token("ben", "harbor-browser"))
    with pytest.raises(ProofRefused, match="Cognito does not take this token"):
        calls.pool(logins={host: old})
    with pytest.raises(AwsRefused, match="role mappings") as mapped:
        calls.pool(role_arn=aws.role_arn("HarborWeb"))
    assert type(mapped.value) is AwsRefused
    with pytest.raises(ProofRefused):
        calls.saml(assertion="bm90IGFuIGFzc2VydGlvbg==")
    with pytest.raises(AwsUnavailable, match="another session"):
        calls.saml(session_name=PEOPLE[1])


def test_a_wrong_code_and_anothers_key_are_refused_each_in_its_words(calls: Calls, aws: Sandbox) -> None:
    with pytest.raises(ProofRefused, match="A code counts once"):
        calls.session_token(mfa_code="000000")
    chidi = aws.estate["mfa_users"][0]
    with pytest.raises(NotPossible, match="Give a key of that user"):
        calls.session_token(user_arn=chidi["user_arn"])
    with pytest.raises(AwsRefused, match="SignatureDoesNotMatch") as caught:
        calls.session_token(secret_access_key="not-the-secret")
    assert "not-the-secret" not in str(caught.value)


def test_an_accounts_own_hub_makes_the_same_calls(
    calls: Calls, idp: DemoIdp, aws: Sandbox, tmp_path: Any
) -> None:
    hubs = AccountHubs(calls.brokers.hub, calls.brokers.credentials, calls.brokers.prober)
    far = AssumeRoleCall(
        role_arn=aws.role_arn("HarborFar"),
        session_name=session_name(uuid4()),
        duration=HOUR,
        max_session=12 * HOUR,
        ends_at=soon(hours=24),
    )
    by_role = hubs.of(HubSpec(HubKind.ROLE, role_arn=aws.role_arn("HarborRelay")), "eu-west-1")
    assert by_role.is_chained
    assert calls.may_read(by_role.credentials.assume_role(far))
    with pytest.raises(LimitExceeded, match="when roles are chained"):
        by_role.credentials.assume_role(replace(far, duration=2 * HOUR))
    with pytest.raises(AwsAccessDenied):
        calls.brokers.credentials.assume_role(far)
    probe = ProbeCall(
        Partition.AWS, PrincipalKind.ROLE, far.role_arn, "sp-canary", ProbeAction.ACCESS_KEY_INFO
    )
    assert by_role.prober.probe(probe) is ProbeAnswer.ALLOWED
    token = tmp_path / "token"
    token.write_text(idp.id_token("ben", "harbor-web"))
    by_token = hubs.of(
        HubSpec(HubKind.WEB_IDENTITY, role_arn=aws.role_arn("HarborWeb"), token_file=str(token)), ""
    )
    # The role is taken; that it may go no further is its own policy's matter.
    with pytest.raises(AwsAccessDenied, match="assumed-role/HarborWeb/sallyport-hub") as caught:
        by_token.credentials.assume_role(far)
    assert caught.value.operation == "sts:AssumeRole"


@pytest.mark.parametrize(
    ("name", "action", "code"),
    [
        ("chained", "AssumeRole", "Throttling"),
        ("web", "AssumeRoleWithWebIdentity", "Throttling"),
        ("pool", "GetCredentialsForIdentity", "TooManyRequestsException"),
    ],
)
def test_being_throttled_is_told_after_three_tries(
    calls: Calls, aws: Sandbox, name: str, action: str, code: str
) -> None:
    make = getattr(calls, name)
    make()  # whatever is fetched once and kept
    asked = aws.calls(action)
    with (
        aws.faults({"action": action, "code": code, "times": 3}),
        pytest.raises(AwsUnavailable, match=code) as caught,
    ):
        make()
    assert caught.value.throttled
    assert aws.calls(action) == asked + 3
    with aws.faults({"action": action, "code": code, "times": 2}):
        assert calls.may_read(make())
    assert aws.calls(action) == asked + 6
