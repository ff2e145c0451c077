"""Asks MiniStack about a request that it has no service for: its signature, and whether its caller may.

The façade sends the request as it came, by an action of the sandbox's own that it passes on for nobody else, with the
key that is root here.
"""

import base64
import json
from typing import Any
from urllib.parse import parse_qs

from portal.demo.sandbox.calls.inside import Answer, Inside, Parameters
from portal.demo.sandbox.refusals import Refused

ACTION = "SandboxJudge"


async def judge(inside: Inside, parameters: Parameters, headers: Any, query: Any) -> Answer:
    """Answer `{"code": ..., "message": ...}`, empty where the request is signed by somebody who may."""
    caller = inside.sts._caller_identity(headers, query)  # noqa: SLF001
    if not isinstance(caller, dict) or caller["principalType"] != "Root":
        raise Refused("InvalidAction", f"Could not find operation {ACTION}")
    asked = json.loads(inside.given(parameters, "Request"))
    answer: Answer = inside.responses.json_response(_judged(inside, asked))
    return answer


def _judged(inside: Inside, asked: dict[str, Any]) -> dict[str, str]:
    evaluator, responses = inside.evaluator, inside.responses
    raw = [(name.lower().encode(), value.encode()) for name, value in asked["headers"]]
    evaluator.pin_signed_request(
        asked["method"], asked["path"], parse_qs(asked["query"], keep_blank_values=True), raw, handshake=True
    )
    evaluator.pin_signed_body(base64.b64decode(asked["body"]))
    key = asked["access_key_id"]
    responses.set_request_account_id(key)
    responses.set_request_region(asked["region"])
    denied = evaluator.enforce(
        key,
        asked["action"],
        asked["action"].partition(":")[0],
        asked["region"],
        resource_arn=asked["resource"],
    )
    if denied is None and evaluator._verified_key.get() != key:  # noqa: SLF001 - nothing was signed: root is nobody here
        return {"code": "MissingAuthenticationToken", "message": "Missing Authentication Token"}
    if denied is None:
        return {"code": "", "message": ""}
    if isinstance(denied, evaluator.AuthError):
        return {"code": denied.code, "message": denied.message}
    who, action = denied.principal_arn, asked["action"]
    message = f"User: {who} is not authorized to perform: {action} on resource: {asked['resource']}"
    return {"code": "AccessDeniedException", "message": message}
