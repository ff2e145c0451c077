"""A second start goes on where the first left, however the first ended."""

import os
import signal
import time
from pathlib import Path

import pytest
import urllib3

from portal.demo.sandbox.calls.mfa import code_at
from portal.demo.sandbox.estate import HUB_USER
from tests.integration.demo.answers import ALL, deny_session, refused
from tests.servers.aws_outcome import ALLOWED, outcome
from tests.servers.demo_idp import demo_idp
from tests.servers.process import free_port, port_answers, wait_until
from tests.servers.sandbox import Sandbox, sandbox

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.thorough]


@pytest.mark.parametrize("end", [pytest.param(signal.SIGTERM, marks=pytest.mark.thorough), signal.SIGKILL])
def test_everything_survives(tmp_path: Path, end: signal.Signals) -> None:
    port = free_port()
    with sandbox(tmp_path, port=port) as aws:
        before = aws.estate
        kept, cut = (aws.assume("ProductionOperator", name) for name in ("kept", "cut"))
        federated = aws.federate("somebody", ALL)
        aws.client("s3", kept).put_object(Bucket="meadow-logs", Key="new", Body=b"written")
        deny = {"RoleName": "ProductionOperator", "PolicyName": "SallyportDeny"}
        userid = f"{aws.role_id('ProductionOperator')}:cut"
        aws.root("iam", "222233334444").put_role_policy(**deny, PolicyDocument=deny_session(userid))
        stand_in = int(aws.ministack_url.rsplit(":", 1)[1])
        time.sleep(0.5)  # what a killed process may lose
        os.kill(aws.process_id, end)
        wait_until(
            lambda: not port_answers(port) and not port_answers(stand_in), seconds=15, what="both to end"
        )
    with sandbox(tmp_path, port=port) as aws:
        assert aws.estate == before
        s3 = aws.client("s3", kept)
        assert s3.get_object(Bucket="meadow-logs", Key="new")["Body"].read() == b"written"
        assert refused(aws.client("s3", cut).list_objects_v2, Bucket="meadow-logs") == ("AccessDenied", 403)
        # The façade still knows what these credentials are.
        user = {"UserName": "sallyport-hub"}
        assert refused(aws.client("iam", federated).get_user, **user) == ("InvalidClientTokenId", 403)
        assert aws.client("sts", federated).get_caller_identity()["UserId"] == "111122223333:somebody"
        hub = aws.hub("sts").get_caller_identity()
        assert (hub["Account"], hub["Arn"]) == ("111122223333", f"arn:aws:iam::111122223333:user/{HUB_USER}")


def test_pools_devices_and_sessions_of_the_other_calls_survive(tmp_path: Path) -> None:
    port = free_port()
    with demo_idp(tmp_path / "idp") as idp:
        with sandbox(tmp_path / "aws", port=port, identity_provider=idp.base_url) as aws:
            before = aws.estate
            pool = before["identity_pools"][1]
            vouched = {
                "IdentityPoolId": pool["identity_pool_id"],
                "Logins": {pool["developer_provider"]: "noor"},
            }
            cognito = aws.hub("cognito-identity")
            identity = cognito.get_open_id_token_for_developer_identity(**vouched)["IdentityId"]
            user = before["mfa_users"][0]
            key = {"AccessKeyId": user["access_key_id"], "SecretAccessKey": user["secret_access_key"]}
            used = {
                "SerialNumber": user["mfa_serial"],
                "TokenCode": code_at(user["mfa_seed"], int(time.time()) // 30),
            }
            session = aws.client("sts", key).get_session_token(**used)["Credentials"]
            time.sleep(0.5)
        with sandbox(tmp_path / "aws", port=port, identity_provider=idp.base_url) as aws:
            assert aws.estate == before
            cognito = aws.hub("cognito-identity")
            assert cognito.get_open_id_token_for_developer_identity(**vouched)["IdentityId"] == identity
            assert refused(aws.client("sts", key).get_session_token, **used) == ("AccessDenied", 403)
            assert aws.client("s3", session).list_objects_v2(Bucket="harbor-measurements")["KeyCount"] == 2


def test_ministack_comes_back_when_it_dies(tmp_path: Path) -> None:
    with sandbox(tmp_path) as aws:
        session = aws.client("s3", aws.assume("ProductionReadOnly", "somebody"))
        time.sleep(0.5)
        os.kill(child_of(aws.process_id), signal.SIGKILL)
        answer = urllib3.request("GET", f"{aws.endpoint_url}/_sandbox/health", timeout=10)
        assert answer.status == 200
        stand_in = int(aws.ministack_url.rsplit(":", 1)[1])
        wait_until(lambda: not port_answers(stand_in), seconds=5, what="MiniStack to be gone")
        # On a busy machine it may be back before we ask: what must not come is anything that isn't AWS-shaped.
        assert outcome(aws.hub("sts").get_caller_identity) in {"ServiceUnavailable", ALLOWED}
        wait_until(lambda: port_answers(stand_in), seconds=20, what="MiniStack to be back")
        assert session.list_objects_v2(Bucket="meadow-logs")["KeyCount"] == 2


def child_of(process_id: int) -> int:
    for entry in Path("/proc").glob("[0-9]*/stat"):
        fields = entry.read_text().rsplit(")", 1)[1].split()
        if int(fields[1]) == process_id:
            return int(entry.parent.name)
    raise AssertionError("no child")


def test_a_taken_port_is_named(aws: Sandbox, tmp_path: Path) -> None:
    port = int(aws.endpoint_url.rsplit(":", 1)[1])
    named = pytest.raises(AssertionError, match=f"(?s)ended with 2:.*127.0.0.1:{port}")
    with named, sandbox(tmp_path, port=port):
        pass
