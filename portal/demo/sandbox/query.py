"""Requests of the AWS query protocol (STS and IAM), read into the shapes of botocore's service model."""

import re
from typing import Any
from urllib.parse import parse_qsl

from botocore.model import ListShape, MapShape, Shape, StructureShape

from portal.demo.sandbox.refusals import Refused

Parameters = dict[str, str]
MAX_MEMBERS = 1000


def parse(query: str, form: bytes) -> Parameters:
    """Read query string and form body. A name given twice is refused: readers would differ on which one counts."""
    try:
        text = form.decode("utf-8")
        pairs = [
            *parse_qsl(query, keep_blank_values=True, errors="strict"),
            *parse_qsl(text, keep_blank_values=True, errors="strict"),
        ]
    except ValueError as error:
        raise Refused("MalformedQueryString", "The request is not valid UTF-8 form data") from error
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise Refused("MalformedQueryString", "A parameter stands in the request twice")
    return parameters


def structure(shape: StructureShape, parameters: Parameters, prefix: str = "") -> dict[str, Any]:
    """Read what `shape` names out of flat parameters such as `Tags.member.1.Key`."""
    found = {}
    for name, member in shape.members.items():
        value = _value(member, parameters, prefix + str(member.serialization.get("name", name)))
        if value is not None:
            found[name] = value
    return found


def _value(shape: Shape, parameters: Parameters, name: str) -> Any:
    if isinstance(shape, StructureShape):
        return structure(shape, parameters, name + ".") or None
    if isinstance(shape, ListShape):
        return _list(shape, parameters, name)
    if isinstance(shape, MapShape):
        return None  # STS and IAM send none
    return parameters.get(name)


def _list(shape: ListShape, parameters: Parameters, name: str) -> list[Any] | None:
    pattern = re.compile(re.escape(name) + r"\.member\.([0-9]{1,9})(?:\.|\Z)")
    indexes = sorted({int(m[1]) for m in map(pattern.match, parameters) if m})
    if len(indexes) > MAX_MEMBERS or indexes != list(range(1, len(indexes) + 1)):
        raise Refused("MalformedInput", f"The members of {name} are not numbered from 1 without a gap")
    values = [_value(shape.member, parameters, f"{name}.member.{index}") for index in indexes]
    return values or None
