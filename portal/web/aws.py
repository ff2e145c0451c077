from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from portal import wiring
from portal.kernel.errors import UpstreamError


def aws_ports() -> AwsPorts:
    """Return the portal's AWS. Raises UpstreamError where its own credentials can't be found."""
    try:
        return wiring.aws_ports()
    except BrokerError as problem:
        raise UpstreamError(
            "The portal's own AWS credentials can't be used just now.",
            upstream_code=problem.code,
            retryable=problem.retryable,
        ) from problem


def sign_in_origins() -> tuple[str, ...]:
    """Return where a console sign-in may lead; nowhere while the portal has no AWS: the page itself still works."""
    try:
        return wiring.aws_ports().console.sign_in_origins()
    except BrokerError:
        return ()


def sign_out_url() -> str:
    """Return where the browser leaves the AWS console that it is signed in to; empty while the portal has no AWS."""
    origins = sign_in_origins()
    return f"{origins[0]}/oauth?Action=logout" if origins else ""


def hub_is_chained() -> bool:
    """Say whether the portal works on temporary credentials, for the pages' words alone; issuing asks itself."""
    try:
        return wiring.aws_ports().hub_is_chained
    except BrokerError:
        return False
