"""The probe: its session is fit for one call and short, and only an explicit deny of ours counts as one."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from brokers.aws.hub import Hub
from brokers.aws.probe import SessionProber
from brokers.aws.session_names import CANARY, grant_of, person_of
from brokers.aws.sts import StsCredentials
from brokers.errors import AwsRefused, AwsUnavailable, LimitExceeded, NotPossible
from brokers.types import Partition, PrincipalKind, ProbeAction, ProbeAnswer, ProbeCall
from tests.unit.brokers.aws.fakes import (
    HUB_USER_ARN,
    NOW,
    ROLE_ARN,
    FakeHub,
    NobodyMayCall,
    RecordingSts,
    credentials_answer,
    fake_hub,
)
from tests.unit.brokers.aws.local_http import LocalServer, local_server

ROLE = ProbeCall(Partition.AWS, PrincipalKind.ROLE, ROLE_ARN, "sp-session", ProbeAction.ACCESS_KEY_INFO)
USER = ProbeCall(Partition.AWS, PrincipalKind.USER, HUB_USER_ARN, "sp-session", ProbeAction.LIST_BUCKETS)
WHO = "User: arn:aws:sts::222222222222:assumed-role/Developer/sp-session is not authorized to perform: x"
IDENTITY = f"{WHO} with an explicit deny in an identity-based policy"


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


def prober(server: LocalServer, sts: Any = None) -> SessionProber:
    hub = fake_hub(sts or RecordingSts(), url=server.url)
    return SessionProber(hub, StsCredentials(hub, now=lambda: NOW), now=lambda: NOW)


def query_error(message: str, code: str = "AccessDenied") -> bytes:
    return (
        f'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    ).encode()


def s3_error(message: str, code: str = "AccessDenied") -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>r</RequestId></Error>".encode()


def test_the_session_is_fit_for_the_one_call_and_a_minute(server: LocalServer) -> None:
    sts = RecordingSts()
    assert prober(server, sts).probe(ROLE) is ProbeAnswer.ALLOWED
    [asked] = sts.calls
    assert asked["RoleSessionName"] == "sp-session"
    assert asked["DurationSeconds"] == 900
    assert "SourceIdentity" not in asked
    assert "Tags" not in asked
    allow, end, chain, own = json.loads(asked["Policy"])["Statement"]
    assert allow == {"Effect": "Allow", "Action": ["sts:GetAccessKeyInfo"], "Resource": ["*"]}
    assert end["Condition"] == {"DateGreaterThanEquals": {"aws:CurrentTime": "2031-05-06T07:09:09Z"}}
    assert {chain["Effect"], own["Effect"]} == {"Deny"}


def test_a_source_identity_is_sent_where_one_is_given(server: LocalServer) -> None:
    sts = RecordingSts()
    prober(server, sts).probe(replace(ROLE, source_identity=CANARY))
    assert sts.calls[0]["SourceIdentity"] == "sp-canary"


@pytest.mark.parametrize(
    ("action", "sent"),
    [
        (
            ProbeAction.ACCESS_KEY_INFO,
            (
                "POST",
                "/",
                {"Action": "GetAccessKeyInfo", "Version": "2011-06-15", "AccessKeyId": "ASIAEXAMPLE"},
            ),
        ),
        (
            ProbeAction.LIST_ALIASES,
            ("POST", "/", {"Action": "ListAccountAliases", "Version": "2010-05-08", "MaxItems": "1"}),
        ),
        (ProbeAction.LIST_BUCKETS, ("GET", "/?max-buckets=1", {})),
    ],
)
def test_the_one_call_is_signed_for_its_service(
    server: LocalServer, action: ProbeAction, sent: tuple[str, str, dict[str, str]]
) -> None:
    assert prober(server).probe(replace(ROLE, action=action)) is ProbeAnswer.ALLOWED
    assert server.requests == [sent]
    service = str(action).partition(":")[0]
    assert f"/eu-west-1/{service}/aws4_request" in server.sent_headers["Authorization"]
    assert server.sent_headers["X-Amz-Security-Token"] == "token"


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (IDENTITY, ProbeAnswer.EXPLICIT_DENY),
        (f"{WHO} with an explicit deny", ProbeAnswer.EXPLICIT_DENY),
        (f"{'long ' * 200}{IDENTITY}", ProbeAnswer.EXPLICIT_DENY),
        (f"{WHO} with an explicit deny in a session policy", ProbeAnswer.NOT_ALLOWED),
        (f"{WHO} with an explicit deny in a service control policy", ProbeAnswer.NOT_ALLOWED),
        (f"{WHO} with an explicit deny in a permissions boundary", ProbeAnswer.NOT_ALLOWED),
        (f"{WHO} with an explicit deny in a VPC endpoint policy", ProbeAnswer.NOT_ALLOWED),
        (f"{WHO} with an explicit deny in a resource-based policy", ProbeAnswer.NOT_ALLOWED),
        (f"{WHO} because no identity-based policy allows the x action", ProbeAnswer.NOT_ALLOWED),
        (f"{WHO} because no session policy allows the x action", ProbeAnswer.NOT_ALLOWED),
        ("Access Denied", ProbeAnswer.NOT_ALLOWED),
        ("", ProbeAnswer.NOT_ALLOWED),
    ],
)
def test_only_an_explicit_deny_of_an_identity_based_policy_is_ours(
    server: LocalServer, message: str, answer: ProbeAnswer
) -> None:
    server.status, server.body = 403, query_error(message)
    assert prober(server).probe(ROLE) is answer
    server.body = s3_error(message)
    assert prober(server).probe(USER) is answer


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (403, query_error(IDENTITY, "ExpiredToken"), AwsRefused),
        (400, query_error(IDENTITY, "ValidationError"), AwsRefused),
        (403, query_error("", "InvalidClientTokenId"), AwsRefused),
        (400, query_error("", "Throttling"), AwsUnavailable),
        (503, query_error(IDENTITY), AwsUnavailable),
        (503, b"<html>busy</html>", AwsUnavailable),
        (403, b"with an explicit deny", AwsUnavailable),
        (403, b"", AwsUnavailable),
        (204, b"", AwsUnavailable),
        (307, query_error(IDENTITY), AwsUnavailable),
    ],
)
def test_anything_else_is_no_answer(
    server: LocalServer, status: int, body: bytes, error: type[Exception]
) -> None:
    server.status, server.body = status, body
    with pytest.raises(error):
        prober(server).probe(ROLE)
    assert len(server.requests) == 1


def test_nobody_listening_is_no_answer() -> None:
    server = LocalServer(url="http://127.0.0.1:9")
    with pytest.raises(AwsUnavailable, match="sts:GetAccessKeyInfo got no usable answer"):
        prober(server).probe(ROLE)


@pytest.mark.parametrize("action", [ProbeAction.ACCESS_KEY_INFO, ProbeAction.LIST_ALIASES])
def test_a_federated_session_cannot_call_sts_nor_iam(server: LocalServer, action: ProbeAction) -> None:
    with pytest.raises(NotPossible, match="probe with s3:ListAllMyBuckets"):
        prober(server).probe(replace(USER, action=action))
    assert server.requests == []


def test_a_federated_session_stands_on_the_user_that_is_meant(server: LocalServer) -> None:
    sts = RecordingSts()
    assert prober(server, sts).probe(USER) is ProbeAnswer.ALLOWED
    assert (sts.calls[0]["Name"], sts.calls[0]["DurationSeconds"]) == ("sp-session", 900)
    with pytest.raises(NotPossible, match="not as"):
        prober(server).probe(replace(USER, principal_arn="arn:aws:iam::222222222222:user/other"))


@pytest.mark.parametrize("seconds", [-31, 31])
def test_clocks_that_differ_prove_nothing(server: LocalServer, seconds: int) -> None:
    # The probe's own end might be over by AWS's clock: its deny must never pass for a revocation's.
    for apart, fails in ((seconds, True), (seconds - seconds // abs(seconds), False)):
        sts = RecordingSts(Credentials=credentials_answer(900 + apart))
        if fails:
            with pytest.raises(AwsUnavailable, match=f"{apart} s apart"):
                prober(server, sts).probe(ROLE)
        else:
            assert prober(server, sts).probe(ROLE) is ProbeAnswer.ALLOWED
    assert len(server.requests) == 1


def test_what_cannot_be_a_session_is_refused_before_any_call(server: LocalServer) -> None:
    with pytest.raises(LimitExceeded):
        prober(server).probe(replace(ROLE, session_name="*"))
    with pytest.raises(NotPossible, match="partition"):
        prober(server).probe(replace(ROLE, principal_arn=ROLE_ARN.replace("aws", "aws-cn")))
    assert server.requests == []


def test_nothing_secret_is_logged_nor_in_an_error(
    server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.status, server.body = 400, query_error("why", "ValidationError")
    with pytest.raises(AwsRefused) as caught:
        prober(server).probe(ROLE)
    for text in (caplog.text, str(caught.value), repr(caught.value)):
        assert "token" not in text
        assert "secret" not in text


def test_the_portals_own_sessions_are_no_grants() -> None:
    assert grant_of(CANARY) is None
    assert person_of(CANARY) is None


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("AROA1234567890ABCDEF:ada@example.org<2031-01-02T03:04:05Z", "issued before a time"),
        ("AIDA1234567890ABCDEF<2031-01-02T03:04:05Z", "issued before a time"),
        ("sub=eu-west-1:0b7e4f5a-0000-4000-8000-00000000000b", "somebody's own token"),
    ],
)
def test_a_deny_that_no_session_of_ours_would_meet_is_not_tried_out(
    server: LocalServer, entry: str, why: str
) -> None:
    with pytest.raises(NotPossible, match=why):
        prober(server, NobodyMayCall()).probe(replace(ROLE, entry=entry))
    plain = replace(ROLE, entry="AROA1234567890ABCDEF:sp-session")
    assert prober(server).probe(plain) is ProbeAnswer.ALLOWED


def test_a_role_behind_another_is_tried_through_it(server: LocalServer) -> None:
    sts = RecordingSts()
    gate = "arn:aws:iam::222222222222:role/Gate"
    hub = FakeHub(sts, url=server.url)
    made = cast("Hub", hub)
    broker = SessionProber(made, StsCredentials(made, now=lambda: NOW), now=lambda: NOW)
    assert broker.probe(replace(ROLE, via_role_arn=gate)) is ProbeAnswer.ALLOWED
    assert hub.asked_for == [("sts_through", gate)]
    assert broker.probe(ROLE) is ProbeAnswer.ALLOWED
    assert hub.asked_for == [("sts_through", gate)]
