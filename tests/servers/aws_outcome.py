"""What AWS says to one live call: allowed, or the code of its refusal."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

ALLOWED = "Allowed"
DENIED = "AccessDenied"


def outcome(call: Callable[[], Any]) -> str:
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ALLOWED
