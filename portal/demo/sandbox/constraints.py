"""The minimum, maximum, pattern and enum of every field, from botocore's own service model."""

import re
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape

from portal.demo.sandbox.bootstrap import SESSION
from portal.demo.sandbox.refusals import validation_error

SHOWN = 200
# AWS's patterns are Java's. Python's `re` knows no \p{…}; these come close, and are the wider ones.
JAVA = (
    (r"\u10000-\u10FFFF", r"\U00010000-\U0010FFFF"),
    (r"\p{L}", r"\w"),
    (r"\p{N}", r"\d"),
    (r"\p{Z}", r"\s"),
)


@cache
def model(service: str) -> ServiceModel:
    return SESSION._session.get_service_model(service)  # noqa: SLF001 - boto3 hides botocore's, which has them


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    unicode = r"\p{" in pattern
    for java, python in JAVA:
        pattern = pattern.replace(java, python)
    return re.compile(pattern, 0 if unicode else re.ASCII)


def check(shape: StructureShape, value: dict[str, Any]) -> None:
    """Refuse with AWS's ValidationError, every violated constraint in it."""
    found = list(_structure(shape, value, ""))
    if found:
        count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected"
        raise validation_error(f"{count}: {'; '.join(found)}")


def _structure(shape: StructureShape, value: dict[str, Any], prefix: str) -> list[str]:
    found = []
    for name, member in shape.members.items():
        path = prefix + name[:1].lower() + name[1:]
        if name in value:
            found += _value(member, value[name], path)
        elif name in shape.required_members:
            found.append(f"Value null at '{path}' failed to satisfy constraint: Member must not be null")
    return found


def _value(shape: Shape, value: Any, path: str) -> list[str]:
    if isinstance(shape, StructureShape):
        return _structure(shape, value or {}, path + ".")
    if isinstance(shape, ListShape | MapShape):
        return [*_size(shape, len(value), str(value), path), *_members(shape, value, path)]
    if isinstance(shape, StringShape):
        return _string(shape, value or "", path)
    if shape.type_name in {"integer", "long"}:
        return _integer(shape, value or "", path)
    if shape.type_name == "boolean" and value not in {"true", "false"}:
        return [_failed(value, path, "Member must be a boolean")]
    return []


def _members(shape: ListShape | MapShape, value: Any, path: str) -> list[str]:
    if isinstance(shape, ListShape):
        inner = [_value(shape.member, item, f"{path}.{n}.member") for n, item in enumerate(value, 1)]
    else:
        inner = [_value(shape.key, key, path) for key in value]
        inner += [_value(shape.value, item, f"{path}.{key}.member") for key, item in value.items()]
    return [text for texts in inner for text in texts]


def _failed(value: Any, path: str, constraint: str) -> str:
    return f"Value '{str(value)[:SHOWN]}' at '{path}' failed to satisfy constraint: {constraint}"


def _size(shape: Shape, size: int, shown: str, path: str) -> list[str]:
    found = []
    minimum, maximum = shape.metadata.get("min"), shape.metadata.get("max")
    if minimum is not None and size < minimum:
        found.append(_failed(shown, path, f"Member must have length greater than or equal to {minimum}"))
    if maximum is not None and size > maximum:
        found.append(_failed(shown, path, f"Member must have length less than or equal to {maximum}"))
    return found


def _string(shape: StringShape, value: str, path: str) -> list[str]:
    found = _size(shape, len(value), value, path)
    pattern = shape.metadata.get("pattern")
    if pattern and not compiled(pattern).fullmatch(value):
        found.append(_failed(value, path, f"Member must satisfy regular expression pattern: {pattern}"))
    if shape.enum and value not in shape.enum:
        found.append(_failed(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"))
    return found


def _integer(shape: Shape, value: str, path: str) -> list[str]:
    if not re.fullmatch(r"-?[0-9]{1,18}", value):
        return [_failed(value, path, "Member must be an integer")]
    found = []
    minimum, maximum = shape.metadata.get("min"), shape.metadata.get("max")
    if minimum is not None and int(value) < minimum:
        found.append(_failed(value, path, f"Member must have value greater than or equal to {minimum}"))
    if maximum is not None and int(value) > maximum:
        found.append(_failed(value, path, f"Member must have value less than or equal to {maximum}"))
    return found
