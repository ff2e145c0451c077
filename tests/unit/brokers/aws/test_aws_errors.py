"""Every kind of failure becomes one of our errors, on one line, with no secret in it."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore import exceptions
from botocore.parsers import ResponseParserError

from brokers.aws.aws_errors import translated
from brokers.aws.shown import one_line, shown
from brokers.errors import (
    AwsAccessDenied,
    AwsRefused,
    AwsUnavailable,
    BrokerError,
    LimitExceeded,
    NotPossible,
    PolicyTooLarge,
)


def client_error(code: str, status: int = 400, message: str = "why") -> exceptions.ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "r-9"},
    }
    return exceptions.ClientError(answer, "AssumeRole")


def after(error: Exception) -> BrokerError:
    def call() -> None:
        with translated("sts:AssumeRole"):
            raise error

    with pytest.raises(BrokerError) as caught:
        call()
    # Nothing of botocore's is shown behind ours: it holds parameters and whole responses.
    assert caught.value.__suppress_context__ or caught.value is error
    return caught.value


@pytest.mark.parametrize(
    ("code", "status", "kind", "retryable"),
    [
        ("AccessDenied", 403, AwsAccessDenied, False),
        ("AccessDeniedException", 403, AwsAccessDenied, False),
        ("PackedPolicyTooLarge", 400, PolicyTooLarge, False),
        ("MalformedPolicyDocument", 400, AwsRefused, False),
        ("RegionDisabledException", 403, AwsRefused, False),
        ("ValidationError", 400, AwsRefused, False),
        ("ExpiredToken", 403, AwsRefused, False),
        ("Throttling", 400, AwsUnavailable, True),
        ("ThrottlingException", 400, AwsUnavailable, True),
        ("RequestLimitExceeded", 503, AwsUnavailable, True),
        ("ServiceUnavailable", 503, AwsUnavailable, True),
        ("ConcurrentModification", 409, AwsUnavailable, True),
        ("Strange", 500, AwsUnavailable, True),
        ("Strange", 429, AwsUnavailable, True),
        ("Strange", 499, AwsRefused, False),
    ],
)
def test_what_aws_answered(code: str, status: int, kind: type[BrokerError], retryable: bool) -> None:
    found = after(client_error(code, status))
    assert type(found) is kind
    assert found.retryable is retryable
    assert "sts:AssumeRole" in str(found)
    assert code in str(found)


def test_a_refusal_carries_its_facts() -> None:
    found = after(client_error("ValidationError"))
    assert isinstance(found, AwsRefused)
    assert (found.operation, found.aws_code, found.detail, found.request_id) == (
        "sts:AssumeRole",
        "ValidationError",
        "why",
        "r-9",
    )


def test_an_error_without_facts_is_still_one_of_ours() -> None:
    found = after(exceptions.ClientError({}, "AssumeRole"))
    assert isinstance(found, AwsRefused)
    assert (found.aws_code, found.detail) == ("Unknown", "no message")


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (exceptions.ReadTimeoutError(endpoint_url="https://x"), "ReadTimeoutError"),
        (exceptions.ConnectTimeoutError(endpoint_url="https://x"), "ConnectTimeoutError"),
        (exceptions.EndpointConnectionError(endpoint_url="https://x"), "EndpointConnectionError"),
        (exceptions.ConnectionClosedError(endpoint_url="https://x"), "ConnectionClosedError"),
        (exceptions.HTTPClientError(error="x"), "HTTPClientError"),
        (ResponseParserError("<html>"), "ResponseParserError"),
        (KeyError("Credentials"), "the answer has no Credentials"),
        (
            exceptions.CredentialRetrievalError(provider="sso", error_msg="gone"),
            "the hub's credentials: Error when retrieving credentials from sso: gone",
        ),
    ],
)
def test_no_usable_answer_may_come_later(error: Exception, detail: str) -> None:
    found = after(error)
    assert isinstance(found, AwsUnavailable)
    assert (found.retryable, found.detail) == (True, detail)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (exceptions.NoCredentialsError(), "the hub has no AWS credentials"),
        (exceptions.PartialCredentialsError(provider="env", cred_var="x"), "the hub has no AWS credentials"),
        (exceptions.ProfileNotFound(profile="nope"), "nope"),
        (exceptions.ParamValidationError(report="Secret s3cret"), "botocore refused the parameters"),
    ],
)
def test_what_never_reached_aws(error: Exception, why: str) -> None:
    found = after(error)
    assert isinstance(found, NotPossible)
    assert why in str(found)
    assert "s3cret" not in str(found)


def test_our_own_errors_and_other_peoples_pass() -> None:
    ours = LimitExceeded("Name", "x", "y")
    assert after(ours) is ours
    fine: Callable[[], int] = lambda: 7  # noqa: E731  # a call that works
    with translated("sts:AssumeRole"):
        assert fine() == 7


def test_messages_are_one_short_line_without_keys_and_documents() -> None:
    token = "FwoGZXIvYXdzE" * 20
    found = after(
        client_error("ValidationError", message=f"Value '{token}' at\r\n\x1b[31m'policy'\u2028 failed")
    )
    assert isinstance(found, AwsRefused)
    assert found.detail == "Value '[…]' at [31m'policy' failed"
    assert len(one_line("word " * 200)) == 300


def test_values_are_quoted_and_cut() -> None:
    assert shown("a\n'é") == '"a\\n\'\\xe9"'
    assert shown("x" * 40) == f"'{'x' * 40}'"
    assert shown("x" * 41) == f"'{'x' * 40}'… (41 characters)"
