"""Error messages as people paste them."""

import pytest

from brokers.aws.analyst import Analyst
from brokers.types import DeniedCall

ROLE = "arn:aws:iam::222222222222:role/sallyport/partners/acme/sp-1"
SESSION = "arn:aws:sts::222222222222:assumed-role/sp-1/work"
READER = "arn:aws:iam::444444444444:user/reader"
READ = "secretsmanager:GetSecretValue"
SECRET = "arn:aws:secretsmanager:eu-central-1:222222222222:secret:a-123456"


def cli(code: str, operation: str, message: str) -> str:
    return f"\nAn error occurred ({code}) when calling the {operation} operation: {message}\n"


CASES = [
    (
        cli(
            "AccessDenied",
            "PutObject",
            f'User: {SESSION} is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::b/x y" '
            "because no identity-based policy allows the s3:PutObject action",
        ),
        (
            *("AccessDenied", SESSION, "s3:PutObject", "arn:aws:s3:::b/x y"),
            "no identity-based policy allows the s3:PutObject action",
        ),
    ),
    (
        cli(
            "AccessDenied",
            "AssumeRole",
            f"User: {READER} is not authorized to perform: sts:AssumeRole on resource: {ROLE}",
        ),
        ("AccessDenied", READER, "sts:AssumeRole", ROLE, ""),
    ),
    (
        (
            f"operation error STS: AssumeRole, https response error StatusCode: 403, RequestID: 1-2, api error "
            f"AccessDenied: User: {READER} is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
        ),
        ("AccessDenied", READER, "sts:AssumeRole", ROLE, ""),
    ),
    (
        (
            f"User: {SESSION} is not authorized to perform: dynamodb:GetItem on resource: "
            "arn:aws:dynamodb:eu-central-1:222222222222:table/orders with an explicit deny in an identity-based policy "
            "(Service: DynamoDb, Status Code: 400, Request ID: ABC)"
        ),
        (
            *("AccessDenied", SESSION, "dynamodb:GetItem"),
            "arn:aws:dynamodb:eu-central-1:222222222222:table/orders",
            "explicit deny in an identity-based policy",
        ),
    ),
    (
        cli(
            "AccessDeniedException",
            "GetSecretValue",
            f"User: {SESSION} is not authorized to perform: {READ} on resource: {SECRET} because no permissions "
            f"boundary allows the {READ} action",
        ),
        ("AccessDeniedException", SESSION, READ, SECRET, f"no permissions boundary allows the {READ} action"),
    ),
    (
        cli(
            "AccessDenied",
            "GetObject",
            f"User: {SESSION} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/x because no "
            "session policy allows the s3:GetObject action",
        ),
        (
            *("AccessDenied", SESSION, "s3:GetObject", "arn:aws:s3:::b/x"),
            "no session policy allows the s3:GetObject action",
        ),
    ),
    (
        cli("AccessDenied", "GetObject", "Access Denied"),
        ("AccessDenied", "", "s3:GetObject", "", "Access Denied"),
    ),
    (
        "fatal error: An error occurred (403) when calling the HeadObject operation: Forbidden",
        ("AccessDenied", "", "s3:GetObject", "", "Forbidden"),
    ),
    (
        cli("AccessDenied", "ListObjectsV2", "Access Denied"),
        ("AccessDenied", "", "s3:ListBucket", "", "Access Denied"),
    ),
    (
        "<Error><Code>AccessDenied</Code><Message>Access Denied</Message><RequestId>X</RequestId></Error>",
        ("AccessDenied", "", "", "", "Access Denied"),
    ),
    (
        cli("ExpiredToken", "ListObjectsV2", "The provided token has expired."),
        ("ExpiredToken", "", "s3:ListBucket", "", "The provided token has expired."),
    ),
    (
        cli(
            "ValidationError",
            "AssumeRole",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ),
        (
            *("ValidationError", "", "sts:AssumeRole", ""),
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ),
    ),
    (
        cli("MalformedPolicyDocument", "PutRolePolicy", "Syntax errors in policy."),
        ("MalformedPolicyDocument", "", "iam:PutRolePolicy", "", "Syntax errors in policy."),
    ),
    (
        "MalformedPolicyDocument: Syntax errors in policy.",
        ("MalformedPolicyDocument", "", "", "", "Syntax errors in policy."),
    ),
    (
        cli(
            "UnauthorizedOperation",
            "RunInstances",
            "You are not authorized to perform this operation. Encoded authorization failure message: ABCDEF12345_abc",
        ),
        (
            *("UnauthorizedOperation", "", "ec2:RunInstances", ""),
            "encoded: whoever may call sts:DecodeAuthorizationMessage in that account can read it",
        ),
    ),
    (
        'Unable to locate credentials. You can configure credentials by running "aws configure".',
        ("NoCredentials", "", "", "", ""),
    ),
    (
        cli(
            "InvalidClientTokenId",
            "GetCallerIdentity",
            "The security token included in the request is invalid.",
        ),
        (
            *("InvalidClientTokenId", "", "sts:GetCallerIdentity", ""),
            "The security token included in the request is invalid.",
        ),
    ),
    (
        '{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"x"}',
        ("AccessDeniedException", "", "", "", ""),
    ),
    ("it doesn't work", ("", "", "", "", "")),
    ("", ("", "", "", "", "")),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_what_a_message_tells(text: str, expected: tuple[str, str, str, str, str]) -> None:
    assert Analyst().read_error(text) == DeniedCall(*expected)


def test_a_message_is_read_no_further_than_it_helps() -> None:
    assert Analyst().read_error(" " * 20_000 + cli("AccessDenied", "GetObject", "x")) == DeniedCall()
    assert Analyst().read_error("(" * 20_000 + "operation error " * 1_000).error_code == ""
