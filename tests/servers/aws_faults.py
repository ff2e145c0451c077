"""What goes wrong with AWS, as rules for `tests.servers.holding_proxy`.

Sources: IAM and STS API references, "Common Errors" (Throttling 400, ServiceUnavailable 503, InternalFailure 500);
IAM User Guide, "Troubleshooting IAM: changes that I make are not always immediately visible", and "Signature V4"
(a request must arrive within five minutes of its time stamp).
"""

import threading
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from tests.servers.holding_proxy import Answer, Call, HoldingProxy, Rule

XML = [("Content-Type", "text/xml")]
SKEW = timedelta(minutes=5)


def error(status: int, code: str, message: str) -> Rule:
    """AWS answers an error of its own, well-formed."""
    body = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        "<RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
    )
    return lambda _call, _proxy: Answer(status, body.encode(), XML)


THROTTLED = error(400, "Throttling", "Rate exceeded")
TOO_MANY = error(429, "TooManyRequestsException", "Too many requests")
SLOW_DOWN = error(503, "ServiceUnavailable", "Please reduce your request rate")
INTERNAL = error(500, "InternalFailure", "The request processing has failed")


def not_xml(call: Call, proxy: HoldingProxy) -> Answer:
    """A load balancer's own page: botocore can't read it, and does not retry."""
    del call, proxy
    page = b"<html><body><h1>503 Service Temporarily Unavailable</h1><hr></body>"
    return Answer(503, page, [("Content-Type", "text/html")])


def garbage(call: Call, proxy: HoldingProxy) -> Answer:
    """200, and a body that is nothing."""
    del call, proxy
    return Answer(200, b"\x00\xff{]not xml, not json", XML)


def no_answer(call: Call, proxy: HoldingProxy) -> None:
    """Nothing comes, for longer than the client waits (10 s)."""
    del call, proxy
    time.sleep(12)


def lost(call: Call, proxy: HoldingProxy) -> None:
    """AWS does what was asked; the connection breaks before its answer. The answer is among `proxy.kept`."""
    proxy.kept.append(proxy.forward(call))


def lands_late(seconds: float) -> Rule:
    """AWS says yes at once; reads and enforcement follow `seconds` later, as IAM's eventual consistency has it."""

    def rule(call: Call, proxy: HoldingProxy) -> Answer:
        timer = threading.Timer(seconds, proxy.forward, (call,))
        timer.daemon = True
        timer.start()
        return _accepted(call)

    return rule


class EnforcedLate:
    """Reads show the new document at once, but AWS acts on it `seconds` later. For PutRolePolicy and its read."""

    def __init__(self, seconds: float) -> None:
        self.put_rule = lands_late(seconds)
        self.shown: dict[str, str] = {}

    def put(self, call: Call, proxy: HoldingProxy) -> Answer | None:
        self.shown[call.parameters["PolicyName"]] = call.parameters["PolicyDocument"]
        return self.put_rule(call, proxy)

    def get(self, call: Call, proxy: HoldingProxy) -> Answer:
        name = call.parameters["PolicyName"]
        if name not in self.shown:
            return proxy.forward(call)
        role, document = call.parameters["RoleName"], quote(self.shown[name])
        facts = {"RoleName": role, "PolicyName": name, "PolicyDocument": document}
        result = "".join(f"<{key}>{value}</{key}>" for key, value in facts.items())
        whole = f"<GetRolePolicyResult>{result}</GetRolePolicyResult>"
        return Answer(200, f"<GetRolePolicyResponse>{whole}</GetRolePolicyResponse>".encode(), XML)


def refuses_wrong_clocks(call: Call, proxy: HoldingProxy) -> Answer | None:
    """Refuse as AWS does, and MiniStack does not, what was signed by a clock that is minutes off."""
    stamp = next((value for name, value in call.headers if name.lower() == "x-amz-date"), None)
    if stamp is None:
        return proxy.forward(call)
    signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs(datetime.now(UTC) - signed_at) <= SKEW:
        return proxy.forward(call)
    return error(403, "SignatureDoesNotMatch", f"Signature expired: {stamp} is too far away")(call, proxy)


def _accepted(call: Call) -> Answer:
    name = f"{call.action}Response"
    body = f"<{name}><ResponseMetadata><RequestId>late</RequestId></ResponseMetadata></{name}>"
    return Answer(200, body.encode(), XML)
