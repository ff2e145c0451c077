"""The one place where botocore's errors become ours: typed, one line, without secrets."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError

from brokers.aws.shown import one_line
from brokers.errors import (
    AwsAccessDenied,
    AwsRefused,
    AwsUnavailable,
    BrokerError,
    NotPossible,
    PolicyTooLarge,
)

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_TRY_AGAIN = {
    "ConcurrentModification",
    "EntityTemporarilyUnmodifiable",
    "IDPCommunicationError",
    "InternalError",
    "InternalFailure",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceFailure",
    "ServiceUnavailable",
    "Throttled",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


@contextmanager
def translated(operation: str) -> Iterator[None]:
    """Run one AWS call, `operation` as `sts:AssumeRole`; let only BrokerErrors out.

    Raises:
        AwsAccessDenied, PolicyTooLarge, AwsRefused: AWS said no.
        AwsUnavailable: throttled, 5xx, time-out, refused connection, an answer that can't be read.
        NotPossible: the hub has no credentials, or botocore itself refused the parameters.
    """
    try:
        yield
    except ClientError as error:
        # `from None`: botocore's errors carry the request's parameters and the whole response.
        raise from_client_error(operation, error) from None
    except (NoCredentialsError, PartialCredentialsError):
        raise NotPossible(
            f"{operation} can't be called: the hub has no AWS credentials. Give it an access key, or a role "
            "through the default provider chain."
        ) from None
    except ProfileNotFound as error:
        raise NotPossible(f"{operation} can't be had: {one_line(str(error))}") from None
    except ParamValidationError:
        raise NotPossible(f"{operation} can't be called: botocore refused the parameters.") from None
    except CredentialRetrievalError as error:
        raise AwsUnavailable(operation, f"the hub's credentials: {one_line(str(error))}") from None
    except (BotoCoreError, HTTPClientError, ResponseParserError) as error:
        # ResponseParserError: a 503 whose body isn't XML, which botocore doesn't retry.
        raise AwsUnavailable(operation, type(error).__name__) from None
    except KeyError as error:
        raise AwsUnavailable(operation, f"the answer has no {one_line(str(error.args[0]))}") from None


def from_client_error(operation: str, error: ClientError) -> BrokerError:
    """Return the error that AWS's answer stands for."""
    facts = error.response.get("Error", {})
    meta = error.response.get("ResponseMetadata", {})
    code = one_line(str(facts.get("Code", ""))) or "Unknown"
    detail = one_line(str(facts.get("Message", ""))) or "no message"
    status = int(meta.get("HTTPStatusCode", 0))
    if code in _TRY_AGAIN or status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR:
        return AwsUnavailable(operation, f"{code}: {detail}")
    kind = (
        AwsAccessDenied
        if code in _DENIED
        else PolicyTooLarge
        if code == "PackedPolicyTooLarge"
        else AwsRefused
    )
    return kind(operation, code, detail, one_line(str(meta.get("RequestId", ""))))
