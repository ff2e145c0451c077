"""The façade passes on what it doesn't check, unchanged, and lets nobody in by another door."""

import gzip
import json
import secrets

import boto3
import botocore
import pytest
import urllib3
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from tests.integration.demo.answers import refused
from tests.servers.sandbox import Sandbox

pytestmark = pytest.mark.xdist_group("sandbox")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_objects_of_any_size_and_name(aws: Sandbox) -> None:
    s3 = aws.client("s3", aws.assume("ProductionOperator", "somebody"))
    body = secrets.token_bytes(5 * 1024 * 1024)
    name = {"Bucket": "meadow-releases", "Key": "a folder/ünï+%20//..x/big.bin"}
    s3.put_object(**name, Body=body, Metadata={"colour": "green"}, ContentType="application/x-thing")
    got = s3.get_object(**name)
    assert got["Body"].read() == body
    assert (got["Metadata"], got["ContentType"]) == ({"colour": "green"}, "application/x-thing")
    assert s3.head_object(**name)["ContentLength"] == len(body)
    assert s3.get_object(**name, Range="bytes=5-9")["Body"].read() == body[5:10]
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="meadow-releases")["Contents"]]
    assert name["Key"] in keys
    s3.delete_object(**name)
    assert refused(s3.head_object, **name) == ("404", 404)


def test_multipart_and_encoded_objects(aws: Sandbox) -> None:
    s3 = aws.client("s3", aws.assume("ProductionOperator", "somebody"))
    name = {"Bucket": "meadow-releases", "Key": "packed.txt.gz"}
    s3.put_object(**name, Body=gzip.compress(b"text"), ContentEncoding="gzip")
    got = s3.get_object(**name)
    assert got["ContentEncoding"] == "gzip"
    assert gzip.decompress(got["Body"].read()) == b"text"
    upload = s3.create_multipart_upload(**name)["UploadId"]
    parts = []
    for number, body in enumerate((b"a" * 5 * 1024 * 1024, b"end"), 1):
        tag = s3.upload_part(**name, UploadId=upload, PartNumber=number, Body=body)["ETag"]
        parts.append({"PartNumber": number, "ETag": tag})
    s3.complete_multipart_upload(**name, UploadId=upload, MultipartUpload={"Parts": parts})
    assert s3.head_object(**name)["ContentLength"] == 5 * 1024 * 1024 + 3
    s3.delete_object(**name)


def test_presigned_urls(aws: Sandbox) -> None:
    s3 = aws.client("s3", aws.assume("ProductionReadOnly", "somebody"))
    url = s3.generate_presigned_url(
        "get_object", {"Bucket": "meadow-releases", "Key": "CURRENT"}, ExpiresIn=60
    )
    assert urllib3.request("GET", url, timeout=10).data.startswith(b"shop")
    assert urllib3.request("GET", url.replace("CURRENT", "OTHER"), timeout=10).status == 403


def test_signatures_are_verified(aws: Sandbox) -> None:
    good = aws.assume("ProductionReadOnly", "somebody")
    names = {"Bucket": "meadow-logs"}
    assert aws.client("s3", good).list_objects_v2(**names)["KeyCount"] >= 1
    wrong = aws.client("s3", {**good, "SecretAccessKey": "x" * 40})
    assert refused(wrong.list_objects_v2, **names) == ("SignatureDoesNotMatch", 403)
    wrong = aws.client("s3", {**good, "SessionToken": "other"})
    assert refused(wrong.list_objects_v2, **names) == ("InvalidToken", 400)


@pytest.mark.parametrize("key", ["222233334444", "test"])
def test_keys_that_are_root_to_ministack_are_unknown(aws: Sandbox, key: str) -> None:
    root = {"AccessKeyId": key, "SecretAccessKey": "test"}
    assert refused(aws.client("s3", root).list_buckets) == ("InvalidAccessKeyId", 403)
    assert refused(aws.client("iam", root).list_users) == ("InvalidClientTokenId", 403)
    assert refused(aws.client("sts", root).get_caller_identity) == ("InvalidClientTokenId", 403)


def test_unsigned_calls_are_refused(aws: Sandbox) -> None:
    session = boto3.Session(region_name="eu-central-1")
    unsigned = Config(signature_version=botocore.UNSIGNED)
    s3 = session.client("s3", endpoint_url=aws.endpoint_url, config=unsigned)
    assert refused(s3.list_buckets) == ("AccessDenied", 403)
    assert refused(s3.list_objects_v2, Bucket="harbor-payroll") == ("AccessDenied", 403)
    sts = session.client("sts", endpoint_url=aws.endpoint_url, config=unsigned)
    assert refused(sts.get_caller_identity) == ("MissingAuthenticationToken", 403)


@pytest.mark.parametrize("path", ["/_ministack/reset", "/_ministack/health", "/_localstack/health"])
def test_ministacks_administration_is_out_of_reach(aws: Sandbox, path: str) -> None:
    for method in ("GET", "POST"):
        assert urllib3.request(method, aws.endpoint_url + path, timeout=10).status in {400, 403}
    assert aws.hub("sts").get_caller_identity()["Account"] == "111122223333"


def signed(aws: Sandbox, scope: str, form: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
    """Post `form` with a valid signature by the hub, scoped to the service `scope`."""
    hub = aws.estate["hub"]
    request = AWSRequest(method="POST", url=aws.endpoint_url + "/", data=form, headers=headers)
    credentials = Credentials(hub["access_key_id"], hub["secret_access_key"])
    (S3SigV4Auth if scope == "s3" else SigV4Auth)(credentials, scope, "us-east-1").add_auth(request)
    return urllib3.request(
        "POST", str(request.url), body=form, headers=dict(request.headers.items()), timeout=10
    )


@pytest.mark.parametrize("scope", ["sts", "s3", "ec2", "execute-api", "iam"])
def test_a_call_to_sts_must_be_signed_for_sts(aws: Sandbox, scope: str) -> None:
    form = "Action=GetFederationToken&Version=2011-06-15&Name=somebody&DurationSeconds=900"
    answer = signed(aws, scope, form, FORM)
    expected = {"sts": (200, b"<AccessKeyId>"), "iam": (400, b"InvalidAction")}
    status, text = expected.get(scope, (403, b"SignatureDoesNotMatch"))
    assert (answer.status, text in answer.data) == (status, True)


def test_the_other_protocol_of_sts_is_no_way_round(aws: Sandbox) -> None:
    target = "AWSSecurityTokenServiceV20110615.GetFederationToken"
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    answer = signed(aws, "s3", '{"Name": "somebody"}', headers)
    assert (answer.status, b"InvalidAction" in answer.data) == (400, True)


def test_a_parameter_counts_once(aws: Sandbox) -> None:
    form = "Action=GetFederationToken&Name=somebody&DurationSeconds=900&DurationSeconds=999999"
    answer = signed(aws, "sts", form, FORM)
    assert (answer.status, b"MalformedQueryString" in answer.data) == (400, True)


def test_health_and_estate(aws: Sandbox) -> None:
    answer = urllib3.request("GET", f"{aws.endpoint_url}/_sandbox/health", timeout=10)
    assert json.loads(answer.data) == {"status": "ok", "simulation": True}
    assert ((aws.directory / "estate.json").stat().st_mode & 0o777) == 0o600
    assert {role["max_session_seconds"] for role in aws.estate["roles"]} == {3600, 14_400, 28_800, 43_200}
    assert all(role["role_id"].startswith("AROA") for role in aws.estate["roles"])
