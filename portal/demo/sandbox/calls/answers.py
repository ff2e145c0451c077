"""Answers in the shape AWS gives them."""

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from portal.demo.sandbox import refusals
from portal.demo.sandbox.calls.inside import Answer, Inside
from portal.demo.sandbox.calls.sessions import Made
from portal.demo.sandbox.refusals import Refused


def sts_answer(inside: Inside, action: str, made: Made, more: Mapping[str, Any]) -> Answer:
    """Return the XML of a call that gave credentials. `more`: texts, or structures of texts."""
    credentials = {
        "AccessKeyId": made.access_key_id,
        "SecretAccessKey": made.secret,
        "SessionToken": made.token,
        "Expiration": made.expiration,
    }
    inner = f"<{action}Result>{elements({'Credentials': credentials, **more})}</{action}Result>"
    answer: Answer = inside.iam._xml(200, f"{action}Response", inner, ns="sts")  # noqa: SLF001
    return answer


def elements(values: Mapping[str, Any]) -> str:
    return "".join(
        f"<{name}>{elements(value) if isinstance(value, Mapping) else escape(str(value))}</{name}>"
        for name, value in values.items()
        if value is not None
    )


def sts_refusal(refused: Refused) -> Answer:
    body, request_id = refusals.body("sts", refused)
    return refused.status, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, body


def json_refusal(inside: Inside, refused: Refused) -> Answer:
    answer: Answer = inside.responses.error_response_json(refused.code, refused.message, refused.status)
    return answer
