"""The camera sample signs in the browser. botocore, which knows nothing of it, must come to the same signatures."""

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.servers.process import need_command

ROOT = Path(__file__).resolve().parents[3]
SIGNING = ROOT / "portal/demo/samples/static/sigv4.js"
AT = datetime(2026, 11, 21, 10, 0, 7, tzinfo=UTC)
KEYS = {
    "accessKeyId": "ASIAEXAMPLEEXAMPLE12",
    "secretAccessKey": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "sessionToken": "IQoJb3JpZ2luX2Vj+/=TOKEN==" * 9,
}
ARN = "arn:aws:kinesisvideo:eu-central-1:333344445555:channel/harbor-gate/1763719207000"
SCRIPT = """
import { presigned, signedHeaders } from "./sigv4.mjs";
const told = JSON.parse(process.argv[1]);
told.at = new Date(told.at);
console.log(JSON.stringify(await { presigned, signedHeaders }[process.argv[2]](told)));
"""
pytestmark = pytest.mark.services


def signed_by_us(directory: Path, function: str, **told: Any) -> Any:
    node = need_command("node", package="nodejs")
    (directory / "sigv4.mjs").write_bytes(SIGNING.read_bytes())
    told |= {"credentials": KEYS, "region": "eu-central-1", "service": "kinesisvideo", "at": AT.isoformat()}
    run = subprocess.run(
        [node, "--input-type=module", "-e", SCRIPT, json.dumps(told), function],
        cwd=directory,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return json.loads(run.stdout)


@pytest.fixture
def botocore(monkeypatch: pytest.MonkeyPatch) -> Credentials:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: AT.replace(tzinfo=None))
    return Credentials(KEYS["accessKeyId"], KEYS["secretAccessKey"], KEYS["sessionToken"])


@pytest.mark.parametrize("host", ["kinesisvideo.eu-central-1.amazonaws.com", "127.0.0.1:8020"])
def test_a_signed_call(tmp_path: Path, botocore: Credentials, host: str) -> None:
    url, body = f"https://{host}/describeSignalingChannel", '{"ChannelName":"harbor-gate-ü"}'
    ours = signed_by_us(tmp_path, "signedHeaders", url=url, body=body)
    request = AWSRequest(
        method="POST", url=url, data=body.encode(), headers={"content-type": "application/json"}
    )
    SigV4Auth(botocore, "kinesisvideo", "eu-central-1").add_auth(request)
    assert ours["authorization"] == request.headers["Authorization"]
    assert ours["x-amz-date"] == request.headers["X-Amz-Date"]
    assert "host" not in ours


@pytest.mark.parametrize("client", [None, "viewer-1 (a+b)*'!"])
def test_a_presigned_address(tmp_path: Path, botocore: Credentials, client: str | None) -> None:
    url = "wss://v-1a2b3c4d.kinesisvideo.eu-central-1.amazonaws.com/"
    query = {"X-Amz-ChannelARN": ARN} | ({"X-Amz-ClientId": client} if client else {})
    ours = signed_by_us(tmp_path, "presigned", url=url, query=query)
    request = AWSRequest(method="GET", url=f"{url}?{urlencode(query)}")
    request.context["payload_signing_enabled"] = True
    SigV4QueryAuth(botocore, "kinesisvideo", "eu-central-1", expires=299).add_auth(request)
    assert dict(parse_qsl(urlsplit(ours).query)) == dict(parse_qsl(urlsplit(str(request.url)).query))
