"""Calls of the JSON protocols, read by botocore's model and refused in their own shape."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from portal.demo.sandbox import constraints, refusals
from portal.demo.sandbox.refusals import Refused

COGNITO_TARGET = "AWSCognitoIdentityService."
# AWS takes these unsigned: what they carry is the proof.
COGNITO_UNSIGNED = {"GetId", "GetCredentialsForIdentity", "GetOpenIdToken", "UnlinkIdentity"}


def read(shape: StructureShape | None, body: bytes) -> dict[str, Any]:
    """Return the parameters, checked against the model.

    Raises:
        Refused: SerializationException, or ValidationException with all that is wrong.
    """
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused("SerializationException", "The request is no JSON object")
    if shape is None:
        return found
    given = {
        name: _texts(shape.members[name], value) for name, value in found.items() if name in shape.members
    }
    try:
        constraints.check(shape, {name: value for name, value in given.items() if value is not None})
    except Refused as refused:
        raise Refused("ValidationException", refused.message) from None
    return found


def _texts(shape: Shape, value: Any) -> Any:
    """Return numbers as the texts that `constraints` reads; refuse what is of another type."""
    wrong = Refused("SerializationException", f"A value is not of the type that {shape.name} has")
    if value is None:
        return None
    if isinstance(shape, StructureShape | MapShape):
        if not isinstance(value, dict):
            raise wrong
        if isinstance(shape, MapShape):
            return {str(key): _texts(shape.value, each) for key, each in value.items()}
        return {
            name: _texts(shape.members[name], each) for name, each in value.items() if name in shape.members
        }
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            raise wrong
        return [_texts(shape.member, each) for each in value]
    if isinstance(shape, StringShape):
        if not isinstance(value, str):
            raise wrong
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def refusal(refused: Refused, headers: Mapping[str, str] | None = None) -> web.Response:
    request_id = refusals.request_id()
    return web.json_response(
        {"__type": refused.code, "message": refused.message},
        status=refused.status,
        headers={"x-amzn-RequestId": request_id, "x-amzn-ErrorType": refused.code, **(headers or {})},
    )
