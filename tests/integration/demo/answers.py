"""What AWS answered, and policies to ask with."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

ALL: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def refused(call: Callable[..., Any], **given: Any) -> tuple[str, int]:
    """Return error code and status of a call that must fail."""
    with pytest.raises(ClientError) as caught:
        call(**given)
    answer = caught.value.response
    assert answer["ResponseMetadata"].get("RequestId"), "AWS names the request"
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def policy_of(size: int) -> str:
    """Return a valid policy of exactly `size` characters, none of them white space."""
    document: dict[str, Any] = {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "", "Effect": "Deny", "Action": "s3:Nothing", "Resource": "*"}],
    }
    bare = len(json.dumps(document, separators=(",", ":")))
    document["Statement"][0]["Sid"] = "x" * (size - bare)
    return json.dumps(document, separators=(",", ":"))


def deny_session(userid: str) -> str:
    statement = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:userid": [userid]}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
