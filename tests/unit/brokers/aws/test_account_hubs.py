"""Hubs of accounts: each built once, on its own credentials, in its own region, asking the stand-in that all ask."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from brokers.aws import account_hubs
from brokers.aws.account_hubs import AccountHubs
from brokers.aws.every_call import HubCalls
from brokers.aws.hub import Hub, HubCredentials
from brokers.aws.probe import SessionProber
from brokers.errors import AwsRefused, BrokerError, LimitExceeded, NotPossible
from brokers.types import HubKind, HubSpec, Partition, PrincipalKind, ProbeAction, ProbeCall
from tests.unit.brokers.aws.fakes import ACCOUNT, role_call
from tests.unit.brokers.aws.local_http import LocalServer, local_server

ROLE = f"arn:aws:iam::{ACCOUNT}:role/Hub"
OWN = HubCredentials("AKIAHUBHUBHUB123", "hub-secret")
KEYS = HubSpec(HubKind.KEYS, access_key_id="AKIAOTHEROTHER12", secret_access_key="other-secret")
BY_ROLE = HubSpec(HubKind.ROLE, role_arn=ROLE, external_id="for-us")
AMBIENT = HubSpec(HubKind.AMBIENT)
BECOME = """<AssumeRole{how}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRole{how}Result>
<AssumedRoleUser><Arn>arn:aws:sts::222222222222:assumed-role/Hub/sallyport-hub</Arn>
<AssumedRoleId>AROAEXAMPLE:sallyport-hub</AssumedRoleId></AssumedRoleUser><Credentials>
<AccessKeyId>ASIATHEROLESOWN1</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRole{how}Result></AssumeRole{how}Response>"""


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Give this machine a key of its own, and nothing else of AWS."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATHEMACHINES1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "machine-secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        running.status = 403
        running.body = (
            b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
        )
        yield running


def hubs(url: str | None = None, *, region: str = "us-east-1", key: HubCredentials = OWN) -> AccountHubs:
    own = Hub(key, region=region, endpoint_url=url)
    calls = HubCalls(own)
    return AccountHubs(own, calls, SessionProber(own, calls))


def signer(server: LocalServer) -> str:
    """Return whose key signed the last call, and for which region."""
    scope = server.sent_headers.get("Authorization", "").partition("Credential=")[2].split(",")[0].split("/")
    return f"{scope[0]} {scope[2]}" if len(scope) > 2 else ""


def called_by(made: AccountHubs, hub: HubSpec | None, region: str, server: LocalServer) -> str:
    with pytest.raises(BrokerError):
        made.of(hub, region).credentials.assume_role(role_call())
    return signer(server)


def test_no_hub_and_no_region_is_the_portals_own() -> None:
    own = Hub(OWN, region="us-east-1")
    calls = HubCalls(own)
    prober = SessionProber(own, calls)
    made = AccountHubs(own, calls, prober)
    for region in ("", "us-east-1"):
        assert made.of(None, region).credentials is calls
        assert made.of(None, region).prober is prober
    assert made.of(None, "eu-west-1").credentials is not calls


@pytest.mark.parametrize(
    ("hub", "region", "who"),
    [
        (None, "", "AKIAHUBHUBHUB123 us-east-1"),
        (None, "eu-west-1", "AKIAHUBHUBHUB123 eu-west-1"),
        (KEYS, "", "AKIAOTHEROTHER12 us-east-1"),
        (KEYS, "eu-west-1", "AKIAOTHEROTHER12 eu-west-1"),
        (replace(KEYS, region="eu-west-2"), "", "AKIAOTHEROTHER12 eu-west-2"),
        (replace(KEYS, region="eu-west-2"), "eu-west-1", "AKIAOTHEROTHER12 eu-west-1"),
        (AMBIENT, "", "AKIATHEMACHINES1 us-east-1"),
    ],
)
def test_each_hub_signs_with_its_own_credentials_for_its_region(
    server: LocalServer, hub: HubSpec | None, region: str, who: str
) -> None:
    assert called_by(hubs(server.url), hub, region, server) == who


@pytest.mark.parametrize(
    ("hub", "is_chained"),
    [
        (None, False),
        (KEYS, False),
        (AMBIENT, False),
        (BY_ROLE, True),
        (HubSpec(HubKind.WEB_IDENTITY, role_arn=ROLE, token_file="/nowhere"), True),
    ],
)
def test_whether_a_hub_chains_is_known_without_a_call(
    server: LocalServer, hub: HubSpec | None, is_chained: bool
) -> None:
    assert hubs(server.url).of(hub, "").is_chained is is_chained
    assert not server.requests


def test_what_the_machine_gives_may_be_temporary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    assert hubs().of(AMBIENT, "").is_chained
    own = HubCredentials("ASIAHUB", "secret", "token")
    assert hubs(key=own).of(None, "").is_chained
    assert hubs(key=own).of(None, "eu-west-1").is_chained
    assert not hubs(key=own).of(KEYS, "").is_chained


def test_each_is_built_once_and_the_oldest_goes_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_hubs, "_KEPT", 2)
    made = hubs()
    first = made.of(KEYS, "").credentials
    assert made.of(replace(KEYS), "").credentials is first
    other = made.of(replace(KEYS, secret_access_key="another"), "").credentials
    assert other is not first
    made.of(KEYS, "")
    made.of(KEYS, "eu-west-1")
    assert made.of(KEYS, "").credentials is first
    assert made.of(replace(KEYS, secret_access_key="another"), "").credentials is not other


def test_a_role_is_taken_by_the_portals_hub_and_narrowed_to_the_calls(server: LocalServer) -> None:
    made = hubs(server.url)
    with pytest.raises(BrokerError, match="sts:AssumeRole of"):
        made.of(BY_ROLE, "eu-west-1").credentials.assume_role(role_call())
    [(_, _, sent)] = server.requests
    assert signer(server) == "AKIAHUBHUBHUB123 us-east-1"
    assert (sent["RoleArn"], sent["ExternalId"], sent["DurationSeconds"]) == (ROLE, "for-us", "3600")
    [statement] = json.loads(sent["Policy"])["Statement"]
    assert statement["Action"] == [
        "sts:AssumeRole",
        "sts:TagSession",
        "sts:SetSourceIdentity",
        "sts:AssumeRoot",
        "cognito-identity:GetOpenIdTokenForDeveloperIdentity",
    ]


def test_a_hub_tries_out_the_denies_of_its_own_roles(server: LocalServer) -> None:
    probe = ProbeCall(Partition.AWS, PrincipalKind.ROLE, ROLE, "sp-canary", ProbeAction.ACCESS_KEY_INFO)
    with pytest.raises(BrokerError):
        hubs(server.url).of(KEYS, "eu-west-1").prober.probe(probe)
    assert signer(server) == "AKIAOTHEROTHER12 eu-west-1"


def test_a_role_without_an_external_id_is_taken_without_one(server: LocalServer) -> None:
    with pytest.raises(BrokerError):
        hubs(server.url).of(replace(BY_ROLE, external_id=""), "").credentials.assume_role(role_call())
    assert "ExternalId" not in server.requests[0][2]


def test_a_roles_credentials_are_fetched_once_for_many_calls(server: LocalServer) -> None:
    server.status, server.body = 200, BECOME.format(how="").encode()
    made = hubs(server.url)
    for _ in range(2):
        # The answer is the hub's own: another session than is asked for then.
        assert called_by(made, BY_ROLE, "eu-west-1", server) == "ASIATHEROLESOWN1 eu-west-1"
    assert [sent["RoleSessionName"] for _, _, sent in server.requests] == [
        "sallyport-hub",
        "sp-session",
        "sp-session",
    ]


def test_a_token_in_a_file_takes_a_role_unsigned(server: LocalServer, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-token.of-the.cluster\n")
    hub = HubSpec(HubKind.WEB_IDENTITY, role_arn=ROLE, token_file=str(token), region="eu-west-1")
    server.status, server.body = 200, BECOME.format(how="WithWebIdentity").encode()
    assert called_by(hubs(server.url), hub, "", server) == "ASIATHEROLESOWN1 eu-west-1"
    sent = server.requests[0][2]
    assert (sent["Action"], sent["WebIdentityToken"]) == (
        "AssumeRoleWithWebIdentity",
        "a-token.of-the.cluster",
    )
    server.status, server.body = (
        400,
        b"<ErrorResponse><Error><Code>InvalidIdentityToken</Code></Error></ErrorResponse>",
    )
    with pytest.raises(AwsRefused, match="InvalidIdentityToken") as caught:
        hubs(server.url).of(hub, "").credentials.assume_role(role_call())
    # It is the hub's own token that was refused, and nobody's proof.
    assert type(caught.value) is AwsRefused
    assert signer(server) == ""


@pytest.mark.parametrize(
    "text",
    [None, "x", "", "SECRET_KEY=a.b.c", "a.b.c\nSECRET_KEY=x", "a.b." + "c" * 20_010, "a.b.\N{EURO SIGN}"],
)
def test_no_other_file_than_a_token_is_sent_or_told_apart(
    server: LocalServer, tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "token"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert_no_use(path, server)


@pytest.mark.parametrize("path", ["/dev/zero", "/proc/self/environ", "/"])
def test_what_is_no_plain_file_is_not_read(server: LocalServer, path: str) -> None:
    assert_no_use(Path(path), server)


def test_a_pipe_holds_nobody_up(server: LocalServer, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert_no_use(tmp_path / "pipe", server)


def assert_no_use(path: Path, server: LocalServer) -> None:
    hub = HubSpec(HubKind.WEB_IDENTITY, role_arn=ROLE, token_file=str(path))
    with pytest.raises(BrokerError) as caught:
        hubs(server.url).of(hub, "").credentials.assume_role(role_call())
    assert "can't be read, or is no token" in str(caught.value)
    assert not server.requests


CHINA_ROLE = "arn:aws-cn:iam::222222222222:role/Hub"


@pytest.mark.parametrize(
    ("hub", "region", "why"),
    [
        (None, "mars-1", "Region is"),
        (None, "cn-north-1", "aws-cn"),
        (KEYS, "mars-1", "Region is"),
        (replace(BY_ROLE, role_arn="Hub"), "", "role_arn is"),
        (replace(BY_ROLE, role_arn=CHINA_ROLE), "", "aws-cn"),
        (replace(BY_ROLE, role_arn=CHINA_ROLE), "cn-north-1", "aws-cn"),
        (replace(BY_ROLE, external_id="a;b"), "", "ExternalId is"),
        (HubSpec(HubKind.WEB_IDENTITY, role_arn=CHINA_ROLE, token_file="/t"), "", "aws-cn"),
    ],
)
def test_what_can_never_work_is_refused(hub: HubSpec | None, region: str, why: str) -> None:
    made = hubs()
    for _ in range(2):
        with pytest.raises((LimitExceeded, NotPossible), match=why):
            made.of(hub, region)


def test_a_key_of_another_partition_is_asked_there(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    real = Hub.__init__

    def watched(self: Hub, *args: Any, **more: Any) -> None:
        real(self, *args, **more)
        found.append(self.sts().meta.endpoint_url)

    monkeypatch.setattr(Hub, "__init__", watched)
    assert not hubs().of(replace(KEYS, region="cn-north-1"), "").is_chained
    assert found[-1] == "https://sts.cn-north-1.amazonaws.com.cn"
