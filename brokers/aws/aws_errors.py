"""The one place where botocore's errors become ours: typed, one line, without secrets."""

import re
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

from brokers.aws.advice import advice, is_about_proof
from brokers.aws.shown import one_line
from brokers.errors import (
    AwsAccessDenied,
    AwsRefused,
    AwsUnavailable,
    BrokerError,
    NotPossible,
    PolicyTooLarge,
    ProofRefused,
)

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_THROTTLED = {
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_TRY_AGAIN = {
    "ConcurrentModification",
    "ConcurrentModificationException",
    "EntityTemporarilyUnmodifiable",
    "ExternalServiceException",
    "IDPCommunicationError",
    "InternalError",
    "InternalErrorException",
    "InternalFailure",
    "RequestTimeout",
    "ServiceFailure",
    "ServiceUnavailable",
}
_CODE = re.compile(r"[A-Za-z.]{1,64}")
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


@contextmanager
def translated(operation: str, *, with_proof: bool = False) -> Iterator[None]:
    """Run one AWS call, `operation` as `sts:AssumeRole`; let only BrokerErrors out.

    `with_proof`: somebody's assertion, token or MFA code goes along, and AWS may refuse just that.

    Raises:
        AwsAccessDenied, PolicyTooLarge, ProofRefused, AwsRefused: AWS said no.
        AwsUnavailable: throttled, 5xx, time-out, refused connection, an answer that can't be read.
        NotPossible: the hub has no credentials, or botocore itself refused the parameters.
    """
    try:
        yield
    except ClientError as error:
        # `from None`: botocore's errors carry the request's parameters and the whole response.
        raise from_client_error(operation, error, with_proof=with_proof) from None
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


def from_client_error(operation: str, error: ClientError, *, with_proof: bool = False) -> BrokerError:
    """Return the error that AWS's answer stands for."""
    facts = error.response.get("Error", {})
    meta = error.response.get("ResponseMetadata", {})
    code = _code(str(facts.get("Code", "")))
    detail = one_line(str(facts.get("Message", ""))) or "no message"
    status = int(meta.get("HTTPStatusCode", 0))
    throttled = code in _THROTTLED or status == _TOO_MANY_REQUESTS
    if throttled or code in _TRY_AGAIN or status >= _SERVER_ERROR:
        return AwsUnavailable(operation, f"{code}: {detail}", throttled)
    kind = _kind(code, detail, with_proof=with_proof)
    told = advice(operation, code, detail, with_proof=with_proof, denied=kind is AwsAccessDenied)
    return kind(operation, code, detail, one_line(str(meta.get("RequestId", ""))), told)


def _code(text: str) -> str:
    # Cognito has a code longer than what `one_line` would take for a key.
    return text if _CODE.fullmatch(text) else one_line(text) or "Unknown"


def _kind(code: str, detail: str, *, with_proof: bool) -> type[AwsRefused]:
    if with_proof and is_about_proof(code, detail):
        return ProofRefused
    if code in _DENIED:
        return AwsAccessDenied
    return PolicyTooLarge if code == "PackedPolicyTooLarge" else AwsRefused
