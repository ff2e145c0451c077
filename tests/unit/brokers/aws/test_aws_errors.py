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
    ProofRefused,
)


def client_error(code: str, status: int = 400, message: str = "why") -> exceptions.ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "r-9"},
    }
    return exceptions.ClientError(answer, "AssumeRole")


def after(error: Exception, *, with_proof: bool = False, operation: str = "sts:AssumeRole") -> BrokerError:
    def call() -> None:
        with translated(operation, with_proof=with_proof):
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


@pytest.mark.parametrize(
    ("code", "status", "throttled"),
    [
        ("Throttling", 400, True),
        ("ThrottlingException", 400, True),
        ("RequestLimitExceeded", 503, True),
        ("TooManyRequestsException", 400, True),
        ("SlowDown", 503, True),
        ("Strange", 429, True),
        ("ServiceUnavailable", 503, False),
        ("IDPCommunicationError", 400, False),
        ("ExternalServiceException", 400, False),
        ("InternalErrorException", 500, False),
        ("Strange", 500, False),
    ],
)
def test_being_asked_too_often_is_told_from_any_other_silence(
    code: str, status: int, throttled: bool
) -> None:
    found = after(client_error(code, status))
    assert isinstance(found, AwsUnavailable)
    assert found.throttled is throttled


MFA = "MultiFactorAuthentication failed with invalid MFA one time pass code."


@pytest.mark.parametrize(
    ("code", "status", "message", "advice"),
    [
        ("ExpiredTokenException", 400, "why", "sign in at the identity provider again"),
        ("ExpiredToken", 400, "why", "sign in at the identity provider again"),
        ("IDPRejectedClaim", 403, "why", "does not stand by this token"),
        ("InvalidIdentityToken", 400, "why", "compare the provider in IAM"),
        ("NotAuthorizedException", 400, "why", "Cognito does not take this token"),
        ("AccessDenied", 403, MFA, "A code counts once"),
    ],
)
def test_a_refused_proof_is_told_from_a_refused_hub(
    code: str, status: int, message: str, advice: str
) -> None:
    error = client_error(code, status, message)
    proof, hub = after(error, with_proof=True), after(error)
    assert type(proof) is ProofRefused
    assert advice in str(proof)
    assert isinstance(hub, AwsRefused)
    assert type(hub) is not ProofRefused
    assert advice not in str(hub)


@pytest.mark.parametrize(
    ("operation", "advice"),
    [
        ("sts:AssumeRoleWithSAML", "must allow sts:AssumeRoleWithSAML"),
        ("sts:AssumeRoleWithWebIdentity", "must allow sts:AssumeRoleWithWebIdentity"),
        ("sts:AssumeRoot", "management account"),
    ],
)
def test_a_denied_call_says_what_it_takes(operation: str, advice: str) -> None:
    found = after(client_error("AccessDenied", 403), with_proof=True, operation=operation)
    assert type(found) is AwsAccessDenied
    assert advice in str(found)
    assert str(after(client_error("AccessDenied", 403))).endswith("AccessDenied: why")


@pytest.mark.parametrize(
    ("code", "kind", "advice"),
    [
        ("RegionDisabledException", AwsRefused, "switched off in that region"),
        ("PackedPolicyTooLarge", PolicyTooLarge, "shorten the scope"),
        ("InvalidIdentityPoolConfigurationException", AwsRefused, "role mappings"),
        ("ResourceConflictException", AwsRefused, "another identity"),
        ("DeveloperUserAlreadyRegisteredException", AwsRefused, "another identity"),
        ("ResourceNotFoundException", AwsRefused, "id, region and account"),
        ("InvalidClientTokenId", AwsRefused, "access key"),
        ("LimitExceededException", AwsRefused, "LimitExceededException: why"),
    ],
)
def test_what_to_look_at_is_said(code: str, kind: type[AwsRefused], advice: str) -> None:
    found = after(client_error(code))
    assert type(found) is kind
    assert advice in str(found)


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
