"""The hub: clients built once with everything spelled out, whose credentials, and into which account."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from brokers.aws import AwsBrokers, HubCredentials
from brokers.aws import hub as hub_module
from brokers.aws.account_access import AccountAccess, session_policy
from brokers.aws.hub import Hub
from brokers.aws.partitions import parse_role_arn
from brokers.aws.partner_ports import partner_ports
from brokers.errors import AwsAccessDenied, AwsUnavailable, LimitExceeded, NotPossible
from brokers.types import DenyTarget, Partition, PrincipalKind, Scope
from tests.unit.brokers.aws.fakes import END

KEY = HubCredentials("AKIAEXAMPLE", "s3cret")
VIA = "arn:aws:iam::222222222222:role/SallyportRevoker"


@pytest.fixture(autouse=True)
def _no_aws_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Take this machine's own AWS settings away, and name an endpoint that must not be used."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://evil.example")
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")


@pytest.mark.parametrize(
    ("region", "partition", "sts", "iam"),
    [
        ("us-east-1", "aws", "https://sts.us-east-1.amazonaws.com", "https://iam.amazonaws.com"),
        ("eu-west-1", "aws", "https://sts.eu-west-1.amazonaws.com", "https://iam.amazonaws.com"),
        (
            "cn-north-1",
            "aws-cn",
            "https://sts.cn-north-1.amazonaws.com.cn",
            "https://iam.cn-north-1.amazonaws.com.cn",
        ),
        (
            "us-gov-west-1",
            "aws-us-gov",
            "https://sts.us-gov-west-1.amazonaws.com",
            "https://iam.us-gov.amazonaws.com",
        ),
    ],
)
def test_each_partition_has_its_own_endpoints(region: str, partition: str, sts: str, iam: str) -> None:
    hub = Hub(KEY, region=region)
    assert hub.partition == partition
    assert hub.sts().meta.endpoint_url == sts
    assert hub.iam(None, dict).meta.endpoint_url == iam
    assert hub.iam(VIA, dict).meta.endpoint_url == iam


def test_a_stand_in_is_used_only_when_given() -> None:
    assert Hub(KEY, region="us-east-1", endpoint_url="http://127.0.0.1:9").sts().meta.endpoint_url == (
        "http://127.0.0.1:9"
    )


@pytest.mark.parametrize("region", ["", "mars-1", "us-iso-east-1"])
def test_an_unknown_region_is_refused(region: str) -> None:
    with pytest.raises(LimitExceeded, match="Region is"):
        Hub(KEY, region=region)


def test_time_outs_retries_and_pool_are_our_own() -> None:
    found: Any = Hub(KEY, region="us-east-1").sts().meta.config
    assert (found.connect_timeout, found.read_timeout, found.max_pool_connections) == (3, 10, 20)
    assert found.retries == {"mode": "standard", "total_max_attempts": 3}
    assert found.proxies == {}
    assert found.tcp_keepalive


def test_clients_are_built_once_whatever_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(KEY, region="us-east-1")
    gate = threading.Barrier(8)

    def both(_: int) -> tuple[int, int]:
        gate.wait()
        return id(hub.sts()), id(hub.iam(VIA, dict))

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(both, range(8)))) == 1


def test_it_is_made_ready_without_asking_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object, **__: object) -> None:
        pytest.fail("somebody was asked")

    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", asked)
    monkeypatch.setattr("botocore.credentials.CredentialResolver.load_credentials", asked)
    brokers = AwsBrokers.build(hub=KEY, endpoint_url="http://127.0.0.1:9")
    brokers.prepare()
    monkeypatch.setattr("boto3.session.Session.client", asked)
    assert brokers.hub.sts().meta.endpoint_url == "http://127.0.0.1:9"
    # Where the machine gives the credentials, the models alone are read.
    monkeypatch.undo()
    monkeypatch.setattr("botocore.credentials.CredentialResolver.load_credentials", asked)
    by_machine = AwsBrokers.build()
    by_machine.prepare()
    with pytest.raises(pytest.fail.Exception, match="somebody was asked"):
        by_machine.hub.sts()


def test_the_client_used_longest_ago_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "_KEPT_IAM_CLIENTS", 2)
    hub = Hub(KEY, region="us-east-1")
    first, second = hub.iam("a", dict), hub.iam("b", dict)
    assert hub.iam("a", dict) is first
    hub.iam("c", dict)
    assert hub.iam("a", dict) is first
    assert hub.iam("b", dict) is not second


def test_temporary_credentials_make_a_hub_that_chains() -> None:
    assert not Hub(KEY, region="us-east-1").is_temporary()
    assert Hub(HubCredentials("ASIA", "s", "token"), region="us-east-1").is_temporary()


def test_without_credentials_the_default_chain_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotPossible, match="no AWS credentials"):
        Hub(region="us-east-1").is_temporary()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t")
    assert Hub(region="us-east-1").is_temporary()
    # A key that was given is never mixed with what the environment has.
    assert not Hub(KEY, region="us-east-1").is_temporary()


def test_a_broken_profile_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nope")
    with pytest.raises(NotPossible, match="nope"):
        AwsBrokers.build(hub=KEY)


def test_secrets_are_not_in_repr() -> None:
    assert "s3cret" not in repr(HubCredentials("AKIA", "s3cret", "s3cret"))


class FakeSts:
    """Answers AssumeRole with credentials that live `seconds`, and counts."""

    def __init__(self, seconds: int = 900) -> None:
        self.asked: list[dict[str, Any]] = []
        self.seconds = seconds
        self.account = "111111111111"
        self.broken = False

    def assume_role(self, **asked: Any) -> Any:
        self.asked.append(asked)
        return {
            "Credentials": {
                "AccessKeyId": f"ASIA{len(self.asked)}",
                "SecretAccessKey": "s",
                "SessionToken": "t",
                "Expiration": datetime.now(UTC) + timedelta(seconds=self.seconds),
            }
        }

    def get_caller_identity(self) -> Any:
        self.asked.append({})
        return (
            {} if self.broken else {"Account": self.account, "Arn": f"arn:aws:iam::{self.account}:user/hub"}
        )


def access(sts: FakeSts, monkeypatch: pytest.MonkeyPatch) -> tuple[AccountAccess, Hub]:
    hub = Hub(KEY, region="us-east-1")
    monkeypatch.setattr(hub, "sts", lambda: sts)
    return AccountAccess(hub), hub


def test_trust_policies_name_the_hubs_role_with_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    class Session(FakeSts):
        def get_caller_identity(self) -> Any:
            return {"Account": "111122223333", "Arn": "arn:aws:sts::111122223333:assumed-role/Portal/i-0a1"}

    arns = ("", "arn:aws:iam::111122223333:role/infra/Portal", "arn:aws:iam::111122223333:role/infra/Other")
    plain, told, wrong = (Hub(KEY, region="us-east-1", principal_arn=arn) for arn in arns)
    for hub in (plain, told, wrong):
        monkeypatch.setattr(hub, "sts", Session)
    assert plain.principal() == partner_ports(plain).hub_arn() == "arn:aws:iam::111122223333:role/Portal"
    assert told.principal() == partner_ports(told).hub_arn() == arns[1]
    [file, *_] = partner_ports(told).accounts.files(Partition.AWS, "222233334444")
    assert arns[1] in file.text
    with pytest.raises(NotPossible, match="STS says that it is"):
        wrong.principal()


def target(**changes: Any) -> DenyTarget:
    made: dict[str, Any] = {
        "partition": Partition.AWS,
        "account_id": "222222222222",
        "kind": PrincipalKind.ROLE,
        "name": "Developer",
        "via_role_arn": VIA,
    }
    return DenyTarget(**{**made, **changes})


def key_of(client: Any) -> str:
    return str(client._request_signer._credentials.get_frozen_credentials().access_key)


def test_a_roles_credentials_are_fetched_once_by_many_threads_and_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sts = FakeSts()
    accounts, _ = access(sts, monkeypatch)
    gate = threading.Barrier(8)

    def use(_: int) -> str:
        gate.wait()
        return key_of(accounts.iam(target()))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(use, range(8))) == {"ASIA1"}
    assert len(sts.asked) == 1
    (asked,) = sts.asked
    assert (asked["RoleArn"], asked["DurationSeconds"]) == (VIA, 900)
    assert '"iam:PutRolePolicy"' in asked["Policy"]
    assert '"*"' not in asked["Policy"].partition('"Resource"')[0]


def test_the_session_writes_policies_of_the_portals_own_alone() -> None:
    statements = json.loads(session_policy(parse_role_arn(VIA)))["Statement"]
    own = "arn:aws:iam::222222222222:policy/sallyport/*"
    anywhere, managed, attaching = statements
    assert {s["Effect"] for s in statements} == {"Allow"}
    assert [s["Resource"] for s in statements] == ["*", own, "*"]
    assert attaching["Condition"] == {"ArnLike": {"iam:PolicyARN": own}}
    assert set(attaching["Action"]) == {
        f"iam:{verb}{kind}Policy" for verb in ("Attach", "Detach") for kind in ("Role", "User")
    }
    assert {"iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicy"} <= set(managed["Action"])
    assert not [action for action in anywhere["Action"] if "Attach" in action and "List" not in action]
    assert not [
        action for action in anywhere["Action"] if action.startswith(("iam:Create", "iam:DeletePolicy"))
    ]


@pytest.mark.parametrize(
    ("region", "service", "endpoint"),
    [
        ("eu-west-1", "sts", ("https://sts.eu-west-1.amazonaws.com", "eu-west-1")),
        ("eu-west-1", "s3", ("https://s3.eu-west-1.amazonaws.com", "eu-west-1")),
        ("eu-west-1", "iam", ("https://iam.amazonaws.com", "us-east-1")),
        ("cn-northwest-1", "s3", ("https://s3.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1")),
        ("cn-northwest-1", "iam", ("https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1")),
        ("us-gov-east-1", "iam", ("https://iam.us-gov.amazonaws.com", "us-gov-west-1")),
    ],
)
def test_a_probe_goes_to_the_partitions_own_endpoints(
    region: str, service: str, endpoint: tuple[str, str]
) -> None:
    assert Hub(KEY, region=region).endpoint(service) == endpoint
    stand_in = Hub(KEY, region=region, endpoint_url="http://127.0.0.1:4566/")
    assert stand_in.endpoint(service) == ("http://127.0.0.1:4566", endpoint[1])


def test_they_are_fetched_anew_shortly_before_they_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    sts = FakeSts(seconds=290)
    accounts, _ = access(sts, monkeypatch)
    assert [key_of(accounts.iam(target())) for _ in range(2)] == ["ASIA1", "ASIA2"]


def test_an_answer_without_credentials_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    sts = FakeSts()
    monkeypatch.setattr(sts, "assume_role", lambda **_: {})
    accounts, _ = access(sts, monkeypatch)
    with pytest.raises(AwsUnavailable, match="the answer has no Credentials"):
        key_of(accounts.iam(target()))


def test_the_hubs_own_account_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sts = FakeSts()
    accounts, hub = access(sts, monkeypatch)
    own = target(account_id="111111111111", via_role_arn=None)
    assert accounts.iam(own) is accounts.iam(own)
    assert len(sts.asked) == 1
    assert hub.account_id() == "111111111111"


def test_no_account_in_the_answer_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    sts = FakeSts()
    sts.broken = True
    accounts, _ = access(sts, monkeypatch)
    with pytest.raises(AwsUnavailable, match="no Account"):
        accounts.iam(target(via_role_arn=None))


@pytest.mark.parametrize(
    ("changes", "error", "why"),
    [
        ({"via_role_arn": None}, NotPossible, "is in account 222222222222, the hub in 111111111111"),
        ({"via_role_arn": VIA.replace("2222", "3333")}, NotPossible, "the role to write with in 3"),
        ({"via_role_arn": VIA.replace("aws", "aws-cn")}, NotPossible, "in partition aws-cn"),
        ({"partition": Partition.CHINA}, NotPossible, "The principal is in partition aws-cn"),
        ({"via_role_arn": VIA + "*"}, LimitExceeded, "via_role_arn"),
        ({"account_id": "*"}, LimitExceeded, "12 digits"),
    ],
)
def test_nothing_is_written_into_another_account(
    changes: dict[str, Any], error: type[Exception], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts, _ = access(FakeSts(), monkeypatch)
    with pytest.raises(error, match=why):
        accounts.iam(target(**changes))
    assert accounts.iam(target())


def test_the_brokers_are_put_together() -> None:
    made = AwsBrokers.build(
        hub=HubCredentials("ASIA", "s", "t"), region="eu-west-1", signin_region="eu-west-1"
    )
    ports = made.ports()
    assert ports.hub_is_chained
    assert (ports.credentials, ports.console) == (made.credentials, made.console)
    assert (ports.deny, ports.principals) == (made.deny, made.principals)
    assert (ports.prober, ports.canary_name) == (made.prober, "sp-canary")
    with pytest.raises(LimitExceeded):
        ports.check_deny_entries(["*"])
    assert not AwsBrokers.build(hub=KEY).ports().hub_is_chained


def test_a_scope_is_checked_as_issuing_would() -> None:
    check = AwsBrokers.build(hub=KEY).ports().check_scope
    read = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "x" * 1_000}
    managed = ("arn:aws:iam::aws:policy/ReadOnlyAccess",)
    check(Scope({"Version": "2012-10-17", "Statement": [read]}, managed), END)
    with pytest.raises(LimitExceeded, match="at most 2,048 characters"):
        check(Scope({"Version": "2012-10-17", "Statement": [read, read]}, managed), END)
    with pytest.raises(NotPossible, match="partition aws-cn"):
        check(Scope(managed_policy_arns=("arn:aws-cn:iam::aws:policy/ReadOnlyAccess",)), END)


def test_a_refusal_inside_a_refresh_keeps_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    sts = FakeSts()

    def refuse(**_: Any) -> Any:
        raise AwsAccessDenied("sts:AssumeRole of the role", "AccessDenied", "no")

    monkeypatch.setattr(sts, "assume_role", refuse)
    accounts, _ = access(sts, monkeypatch)
    with pytest.raises(AwsAccessDenied, match="sts:AssumeRole of the role"):
        accounts.iam(target()).get_role(RoleName="Developer")


def test_clients_that_go_through_a_role_are_kept_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "_KEPT_OTHERS", 2)
    hub = Hub(KEY, region="us-east-1")
    first = hub.sts_through(VIA, dict)
    assert hub.sts_through(VIA, dict) is first
    other = hub.sts_through("another", dict)
    assert other is not first
    assert hub.sts_through(VIA, dict) is first
    hub.sts_through("a third", dict)
    assert hub.sts_through(VIA, dict) is first
    assert hub.sts_through("another", dict) is not other
