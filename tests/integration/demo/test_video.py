"""Kinesis Video signaling: who may connect and to what, and two sides that meet; boto3 and signed WebSockets."""

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import urllib3
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.integration.demo.answers import refused
from tests.servers.demo_idp import DemoIdp
from tests.servers.sandbox import Sandbox

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.once]

ACCOUNT = "333344445555"
ORIGIN = {"Origin": "http://localhost:8000"}
DENIED = ("AccessDeniedException", 403)
OFFER = {"action": "SDP_OFFER", "messagePayload": base64.b64encode(b"v=0 offer").decode()}
ANSWER = {"action": "SDP_ANSWER", "messagePayload": base64.b64encode(b"v=0 answer").decode()}


@pytest.fixture
def camera(aws: Sandbox) -> dict[str, Any]:
    return aws.assume("HarborCamera", "ben-1")


def channel(aws: Sandbox, session: Mapping[str, Any]) -> str:
    name = aws.estate["signaling_channel"]["name"]
    found = aws.client("kinesisvideo", session).describe_signaling_channel(ChannelName=name)
    return str(found["ChannelInfo"]["ChannelARN"])


def endpoints(aws: Sandbox, session: Mapping[str, Any], arn: str, role: str = "VIEWER") -> dict[str, str]:
    wanted = {"Protocols": ["WSS", "HTTPS"], "Role": role}
    call = aws.client("kinesisvideo", session).get_signaling_channel_endpoint
    found = call(ChannelARN=arn, SingleMasterChannelEndpointConfiguration=wanted)
    return {each["Protocol"]: each["ResourceEndpoint"] for each in found["ResourceEndpointList"]}


def presigned(session: Mapping[str, Any], url: str, region: str, **query: str) -> str:
    key = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session.get("SessionToken"))
    request = AWSRequest(
        "GET", url.replace("ws", "http", 1) + "?" + urlencode({f"X-Amz-{k}": v for k, v in query.items()})
    )
    SigV4QueryAuth(key, "kinesisvideo", region, expires=299).add_auth(request)
    return str(request.url).replace("http", "ws", 1)


async def connected(url: str) -> int:
    """Return the status of an attempt to connect; 101: let in."""
    async with aiohttp.ClientSession() as client:
        try:
            socket = await client.ws_connect(url, timeout=aiohttp.ClientWSTimeout(ws_close=5))
        except aiohttp.WSServerHandshakeError as error:
            return error.status
        await socket.close()
        return 101


def test_a_page_finds_its_channel(aws: Sandbox, camera: dict[str, Any]) -> None:
    arn = channel(aws, camera)
    assert arn.startswith(f"arn:aws:kinesisvideo:eu-central-1:{ACCOUNT}:channel/harbor-pier-3/")
    found = endpoints(aws, camera, arn)
    assert found == {"HTTPS": aws.endpoint_url, "WSS": aws.endpoint_url.replace("http", "ws") + "/signaling"}
    ice = aws.client("kinesis-video-signaling", camera, url=found["HTTPS"]).get_ice_server_config(
        ChannelARN=arn
    )
    assert ice["IceServerList"][0]["Ttl"] == 300


def test_only_who_may(aws: Sandbox, camera: dict[str, Any]) -> None:
    given = {"ChannelARN": channel(aws, camera)}
    stranger = aws.client("kinesisvideo", aws.assume("DataAnalyst", "somebody"))
    assert refused(stranger.describe_signaling_channel, **given) == DENIED
    forged = aws.client("kinesisvideo", {**camera, "SecretAccessKey": "x" * 40})
    assert refused(forged.describe_signaling_channel, **given)[0] in {
        "InvalidSignatureException", "SignatureDoesNotMatch"
    }  # fmt: skip
    ours = aws.client("kinesisvideo", camera)
    assert refused(ours.create_signaling_channel, ChannelName="another") == DENIED
    other = {"ChannelARN": given["ChannelARN"].replace("pier-3", "pier-4")}
    assert refused(ours.describe_signaling_channel, **other) == DENIED
    assert ours.describe_signaling_channel(**given)["ChannelInfo"]["ChannelStatus"] == "ACTIVE"


def test_the_session_policy_narrows_it(aws: Sandbox, camera: dict[str, Any]) -> None:
    look = {"Effect": "Allow", "Action": "kinesisvideo:Describe*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": look})
    given = {"ChannelARN": channel(aws, camera)}
    narrow = aws.client("kinesisvideo", aws.assume("HarborCamera", "ben-2", Policy=policy))
    wanted = {"SingleMasterChannelEndpointConfiguration": {"Protocols": ["WSS"], "Role": "VIEWER"}}
    assert refused(narrow.get_signaling_channel_endpoint, **given, **wanted) == DENIED
    assert narrow.describe_signaling_channel(**given)["ChannelInfo"]


def test_making_and_deleting_a_channel(aws: Sandbox) -> None:
    iam = aws.root("iam", ACCOUNT)
    may = {"Effect": "Allow", "Action": "kinesisvideo:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": may})
    iam.put_role_policy(RoleName="DataAnalyst", PolicyName="Video", PolicyDocument=document)
    try:
        video = aws.client("kinesisvideo", aws.assume("DataAnalyst", "somebody"))
        arn = video.create_signaling_channel(ChannelName="pier-9")["ChannelARN"]
        assert refused(video.create_signaling_channel, ChannelName="pier-9") == (
            "ResourceInUseException",
            400,
        )
        assert refused(video.create_signaling_channel, ChannelName="a b") == ("InvalidArgumentException", 400)
        video.delete_signaling_channel(ChannelARN=arn)
        gone = refused(video.describe_signaling_channel, ChannelName="pier-9")
        assert gone == ("ResourceNotFoundException", 404)
    finally:
        iam.delete_role_policy(RoleName="DataAnalyst", PolicyName="Video")


def test_the_socket_checks_the_presigned_url(aws: Sandbox, camera: dict[str, Any]) -> None:
    arn, region = channel(aws, camera), aws.estate["region"]
    url = endpoints(aws, camera, arn)["WSS"]
    viewer = {"ChannelARN": arn, "ClientId": "ben"}

    def status(session: Mapping[str, Any], **query: str) -> int:
        return asyncio.run(connected(presigned(session, url, region, **query)))

    good = presigned(camera, url, region, **viewer)
    assert asyncio.run(connected(good.replace("ClientId=ben", "ClientId=eve"))) == 403
    assert asyncio.run(connected(f"{url}?{urlencode({'X-Amz-ChannelARN': arn})}")) == 403
    assert status({**camera, "SecretAccessKey": "x" * 40}, **viewer) == 403
    assert status(aws.assume("DataAnalyst", "somebody"), **viewer) == 403
    assert status(camera, ChannelARN=arn.replace("pier-3", "pier-4"), ClientId="ben") == 403
    assert asyncio.run(connected(good)) == 101
    may = {"Effect": "Allow", "Action": "kinesisvideo:ConnectAsViewer", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": may})
    watching = aws.assume("HarborCamera", "ben-3", Policy=policy)
    assert status(watching, ChannelARN=arn) == 403, "a viewer is no master"
    assert status(watching, **viewer) == 101


def test_offer_and_answer_meet(aws: Sandbox, camera: dict[str, Any]) -> None:
    arn, region = channel(aws, camera), aws.estate["region"]
    url = endpoints(aws, camera, arn)["WSS"]

    async def meet() -> list[dict[str, Any]]:
        async with asyncio.timeout(20), aiohttp.ClientSession() as client:
            as_master = presigned(camera, url, region, ChannelARN=arn)
            as_viewer = presigned(camera, url, region, ChannelARN=arn, ClientId="ben")
            viewer = await client.ws_connect(as_viewer)
            await viewer.send_json({**OFFER, "correlationId": "early"})
            nobody = await viewer.receive_json()
            master = await client.ws_connect(as_master)
            await viewer.send_json(OFFER)
            offer = await master.receive_json()
            await master.send_json({**ANSWER, "recipientClientId": offer["senderClientId"]})
            answer = await viewer.receive_json()
            await viewer.send_json({"action": "SHOUT", "messagePayload": "", "correlationId": "wrong"})
            wrong = await viewer.receive_json()
            await viewer.close()
            await master.close()
            return [nobody, offer, answer, wrong]

    nobody, offer, answer, wrong = asyncio.run(meet())
    assert nobody["statusResponse"]["correlationId"] == "early"
    assert offer == {
        "messageType": "SDP_OFFER",
        "messagePayload": OFFER["messagePayload"],
        "senderClientId": "ben",
    }
    assert answer == {"messageType": "SDP_ANSWER", "messagePayload": ANSWER["messagePayload"]}
    assert wrong["statusResponse"]["errorType"] == "InvalidArgumentException"


@pytest.mark.parametrize("path", ["/", "/describeSignalingChannel", "/v1/get-ice-server-config"])
def test_pages_of_another_origin_may_call(aws: Sandbox, path: str) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-amz-date",
    }
    answer = urllib3.request("OPTIONS", aws.endpoint_url + path, headers=ORIGIN | asked, timeout=10)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert "authorization" in answer.headers["Access-Control-Allow-Headers"]
    # What is refused is told to the page too.
    answer = urllib3.request("POST", aws.endpoint_url + path, headers=ORIGIN, timeout=10)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (403, "*")


def test_but_not_the_console(aws: Sandbox) -> None:
    asked = {"Access-Control-Request-Method": "POST"}
    answer = urllib3.request("OPTIONS", f"{aws.endpoint_url}/federation", headers=ORIGIN | asked, timeout=10)
    assert "Access-Control-Allow-Origin" not in answer.headers
    page = urllib3.request("GET", f"{aws.endpoint_url}/console/", headers=ORIGIN, timeout=10, redirect=False)
    assert "Access-Control-Allow-Origin" not in page.headers


def test_a_browser_with_an_id_token_alone(aws: Sandbox, idp: DemoIdp) -> None:
    """The camera's role trusts the company's provider too, for its own client."""
    call = aws.anonymous("sts").assume_role_with_web_identity
    asked = {"RoleArn": aws.role_arn("HarborCamera"), "RoleSessionName": "ben-4"}
    wrong = idp.id_token("ben", "harbor-web")
    assert refused(call, **asked, WebIdentityToken=wrong) == ("AccessDenied", 403)
    session = call(**asked, WebIdentityToken=idp.id_token("ben", "harbor-cameras"))["Credentials"]
    assert channel(aws, session)
