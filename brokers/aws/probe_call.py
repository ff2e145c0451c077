"""The probe's one call, signed for credentials that are used once: a client of botocore for each would cost 60 ms.

Source: "AWS Signature Version 4 for API requests" (botocore signs); STS, IAM and S3 API references for the calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

from botocore import credentials as botocore_credentials
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError, create_parser

from brokers import http
from brokers.aws.aws_errors import from_client_error
from brokers.aws.hub import Hub
from brokers.errors import AwsAccessDenied, AwsUnavailable
from brokers.types import Credentials, ProbeAction

_FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
_OK = 200
_CLIENT_ERROR = 400


@dataclass(frozen=True, slots=True)
class Refusal:
    """AWS's AccessDenied, with its whole message."""

    message: str


def made(hub: Hub, action: ProbeAction, credentials: Credentials) -> Refusal | None:
    """Make the call; return AWS's AccessDenied, or None: it was allowed. One attempt, 20 s at most.

    Raises:
        AwsRefused: another error, which says nothing about rights.
        AwsUnavailable: no answer, throttled, 5xx, something that can't be read.
    """
    request = _signed(hub, action, credentials)
    try:
        answer = http.send(request.method, request.url, request.headers, request.body)
    except http.HttpError as error:
        raise AwsUnavailable(str(action), error.detail) from None
    if answer.status == _OK:
        return None
    return _refusal(action, answer)


def _signed(hub: Hub, action: ProbeAction, credentials: Credentials) -> Any:
    service = str(action).partition(":")[0]
    url, region = hub.endpoint(service)
    if action is ProbeAction.LIST_BUCKETS:
        request = AWSRequest("GET", f"{url}/?max-buckets=1")
        signer: Any = S3SigV4Auth
    else:
        request = AWSRequest(
            "POST", f"{url}/", headers=_FORM, data=urlencode(_fields(action, credentials)).encode()
        )
        signer = SigV4Auth
    signing = botocore_credentials.ReadOnlyCredentials(
        credentials.access_key_id, credentials.secret_access_key, credentials.session_token
    )
    signer(signing, service, region).add_auth(request)
    return request.prepare()


def _fields(action: ProbeAction, credentials: Credentials) -> Mapping[str, str]:
    if action is ProbeAction.ACCESS_KEY_INFO:
        return {
            "Action": "GetAccessKeyInfo",
            "Version": "2011-06-15",
            "AccessKeyId": credentials.access_key_id,
        }
    return {"Action": "ListAccountAliases", "Version": "2010-05-08", "MaxItems": "1"}


@cache
def _parser(protocol: str) -> Any:
    return create_parser(protocol)


def _refusal(action: ProbeAction, answer: http.HttpAnswer) -> Refusal:
    protocol = "rest-xml" if action is ProbeAction.LIST_BUCKETS else "query"
    found: dict[str, Any] = {"status_code": answer.status, "headers": {}, "body": answer.body}
    if answer.status < _CLIENT_ERROR:
        raise AwsUnavailable(str(action), f"HTTP status {answer.status}")
    try:
        parsed = _parser(protocol).parse(found, None)
    except ResponseParserError:
        raise AwsUnavailable(str(action), f"HTTP status {answer.status} with a body that isn't XML") from None
    error = from_client_error(str(action), ClientError(parsed, str(action)))
    if not isinstance(error, AwsAccessDenied):
        raise error
    # The error's own text is cut short for logs; the words that count come last.
    return Refusal(str(parsed["Error"].get("Message", "")))
