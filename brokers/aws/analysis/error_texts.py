"""Reads an error message of AWS as the CLI, the SDKs, Terraform or the console show it.

Source: IAM User Guide, "Troubleshoot access denied error messages"; STS API reference, "AssumeRole", errors; the
messages of the AWS CLI and of the SDKs for Python, Go, Java and JavaScript.
"""

import re

from brokers.aws.analysis import actions as table
from brokers.types import DeniedCall

MOST_READ = 20_000
_CODE = (
    re.compile(
        r"An error occurred \((?P<code>[A-Za-z0-9.]+)\) when calling the (?P<operation>\w+) operation"
    ),
    re.compile(
        r"operation error (?P<service>[\w ]+): (?P<operation>\w+),.{0,400}?api error (?P<code>\w+)", re.DOTALL
    ),
    re.compile(r"Error Code: (?P<code>\w+)"),
    re.compile(r"<Code>(?P<code>\w+)</Code>"),
    re.compile(r'"(?:__type|code|Code)"\s*:\s*"(?:[\w.]+#)?(?P<code>\w+)'),
    re.compile(
        r"(?P<code>[A-Z]\w{1,100}(?:Exception|Denied|Token|TokenId|DoesNotMatch|Operation|Error|Document|TooLarge))\b"
    ),
)
_CALLER = re.compile(r"User: (?P<caller>arn:[^\s\"']+|anonymous)")
_ACTION = re.compile(r"(?:not authorized to perform|perform):? (?P<action>[a-z0-9-]+:[A-Za-z0-9*]+)")
_RESOURCE = re.compile(
    r"on (?:the )?resource:? (?:\"(?P<quoted>[^\"\r\n]{1,2048})\"|'?(?P<resource>arn:[^\s\"']+|\*))"
)
_BECAUSE = re.compile(
    r"(?:because (?P<because>(?:no|the) [^\"<\r\n]{1,300}?)|with an (?P<deny>explicit deny[^\"<\r\n]{0,200}?))"
    r"(?=[\s.]*(?:$|[\r\n\"<]|\(Service:|, request id))"
)
_ENCODED = re.compile(r"Encoded authorization failure message: ?[A-Za-z0-9_-]{8}")
_REST = re.compile(
    r"(?:operation(?: \([^)]{0,200}\))?|api error \w+|<Message>|Error Code: \w{1,100}[^:]{0,200}"
    r"|\b\w{1,100}(?:Exception|Error|Document|Token))"
    r": ?(?P<rest>[^<\r\n]{1,300})|<Message>(?P<message>[^<]{1,300})"
)
# What is said in no other words: whether it is a duration, an end, a signature.
_KNOWN = (
    (re.compile(r"DurationSeconds exceeds the MaxSessionDuration", re.IGNORECASE), "ValidationError"),
    (re.compile(r"DurationSeconds exceeds the 1 hour session limit", re.IGNORECASE), "ValidationError"),
    (re.compile(r"security token included in the request is expired", re.IGNORECASE), "ExpiredToken"),
    (re.compile(r"security token included in the request is invalid", re.IGNORECASE), "InvalidClientTokenId"),
    (
        re.compile(r"Unable to (?:locate|find) credentials|NoCredential", re.IGNORECASE),
        "NoCredentials",
    ),
    (
        re.compile(r"signature (?:we calculated|expired|not yet current)", re.IGNORECASE),
        "SignatureDoesNotMatch",
    ),
    (
        re.compile(r"\bAccess ?Denied\b|\b403\b|\bForbidden\b|not authorized to perform", re.IGNORECASE),
        "AccessDenied",
    ),
)
# Operations that ask for a permission of another name. Whoever may not list is not told whether an object exists.
_OPERATIONS = {
    "HeadObject": "s3:GetObject",
    "GetObject": "s3:GetObject",
    "CopyObject": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "ListObjects": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "HeadBucket": "s3:ListBucket",
    "ListBuckets": "s3:ListAllMyBuckets",
    "DeleteObjects": "s3:DeleteObject",
    "ListObjectVersions": "s3:ListBucketVersions",
    "AssumeRole": "sts:AssumeRole",
}


def read_error(text: str) -> DeniedCall:
    """Read what the message tells; fields that it doesn't tell are empty. Only its first 20,000 characters."""
    text = text[:MOST_READ]
    code, operation = _code(text)
    caller, resource = _CALLER.search(text), _RESOURCE.search(text)
    action = _ACTION.search(text)
    return DeniedCall(
        error_code=code,
        caller_arn=caller["caller"].rstrip(".,;") if caller else "",
        action=action["action"] if action else _action(operation),
        resource=(resource["quoted"] or resource["resource"].rstrip(".,;")) if resource else "",
        because=_because(text),
    )


def _code(text: str) -> tuple[str, str]:
    """Return the error's code and the operation that was called, as far as the text tells them."""
    code = operation = ""
    for pattern in _CODE:
        if found := pattern.search(text):
            code = code or found["code"]
            operation = operation or found.groupdict().get("operation", "") or ""
    known = next((name for pattern, name in _KNOWN if pattern.search(text)), "")
    if code in {"", "403", "ClientError", "Error", "S3ServiceException"}:
        code = known or code
    return code, operation


def _action(operation: str) -> str:
    """Return the permission that an operation asks for, where its name alone says which."""
    if not operation or operation in _OPERATIONS:
        return _OPERATIONS.get(operation, "")
    found = [each for prefix in table.prefixes() for each in table.expand(f"{prefix}:{operation}")]
    return str(found[0]) if len(found) == 1 else ""


def _because(text: str) -> str:
    if found := _BECAUSE.search(text):
        return (found["because"] or found["deny"]).strip()
    if _ENCODED.search(text):
        return "encoded: whoever may call sts:DecodeAuthorizationMessage in that account can read it"
    if "not authorized to perform" in text:
        return ""
    rest = _REST.search(text)
    return (rest["rest"] or rest["message"] or "").strip() if rest else ""
