"""What real clients send that the specification doesn't foresee, brought into its form before it is read.

Only where a client that keeps to RFC 7644 is not harmed. What the library takes by itself needs nothing here: names
and operations in any case, booleans as text, keys of a PATCH value that are attribute paths, a remove with a value.
"""

from collections.abc import Mapping
from typing import Any

from scim2_models import InvalidPathException

from portal.scim.bound import paths
from portal.scim.errors import RefusedError
from portal.scim.resources import GROUP_SCHEMA, USER_SCHEMA, Group, WholeUser

MOST_OPERATIONS = 1000
# A password is nobody's business here: it gets no further than this file. The others are ours to say (3.3: ignored).
UNWRITTEN = frozenset({"id", "meta", "schemas", "groups", "password"})
SCHEMAS = (USER_SCHEMA.lower(), GROUP_SCHEMA.lower())


def cleaned_resource(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource to be made or replaced without what isn't the client's to say; `schemas` stays."""
    kept = {key: value for key, value in body.items() if key.lower() not in UNWRITTEN - {"schemas"}}
    return _with_managers(kept)


def cleaned_patch(body: Mapping[str, Any], model: type[WholeUser] | type[Group]) -> dict[str, Any]:
    """Return a PATCH request without what isn't the client's to say.

    Raises:
        RefusedError: no list of operations, an empty one, or more than 1,000.
        InvalidPathException: a path to what isn't an attribute here.
    """
    members = {key.lower(): value for key, value in body.items()}
    operations = members.get("operations")
    if not isinstance(operations, list):
        raise RefusedError(400, "Operations is a list of operations.", "invalidSyntax")
    if not operations:
        raise RefusedError(400, "Operations holds one operation or more.", "invalidValue")
    if len(operations) > MOST_OPERATIONS:
        raise RefusedError(413, f"A request has at most {MOST_OPERATIONS} operations.")
    kept = [cleaned for operation in operations if (cleaned := _operation(operation, model)) is not None]
    return {"schemas": members.get("schemas"), "Operations": kept}


def _operation(operation: Any, model: type[WholeUser] | type[Group]) -> dict[str, Any] | None:
    """Return one operation, or None where nothing of it is left."""
    if not isinstance(operation, dict):
        raise RefusedError(400, "An operation is an object.", "invalidSyntax")
    told = {key.lower(): value for key, value in operation.items() if key.lower() in {"op", "path", "value"}}
    path = told.get("path")
    if not path:
        told.pop("path", None)
        if not isinstance(told.get("value"), dict):
            return told
        # Okta repeats the id in the value; by a path of its own it is an error as it should be.
        told["value"] = _with_managers(
            {key: value for key, value in told["value"].items() if key.lower() not in UNWRITTEN}
        )
        return told if told["value"] or not operation.get("value") else None
    if not isinstance(path, str):
        raise RefusedError(400, "A path is text.", "invalidPath")
    if _bare(path) == "password" or not _is_declared(path, model):
        return None
    if _bare(path).endswith(":manager"):
        told["value"] = _manager(told.get("value"))
    return told


def _is_declared(path: str, model: type[WholeUser] | type[Group]) -> bool:
    """Whether the path is to an attribute here; False for one of a schema that isn't: it is left out as unknown."""
    bound = paths(model)(path)
    if bound.model is not None or bound.resolve() is not None:
        return True
    if bound.schema and bound.schema.lower() not in SCHEMAS:
        return False
    raise InvalidPathException(path=path, detail=f"{path} is not an attribute here")


def _bare(path: str) -> str:
    """Return a path in small letters and without the core schema in front."""
    lowered = path.lower()
    return next(
        (lowered[len(schema) + 1 :] for schema in SCHEMAS if lowered.startswith(schema + ":")), lowered
    )


def _with_managers(body: dict[str, Any]) -> dict[str, Any]:
    """Have a manager be an object: Entra ID gives the value alone."""
    for key, value in body.items():
        if key.lower().endswith(":manager"):
            body[key] = _manager(value)
        elif key.lower().startswith("urn:") and isinstance(value, dict):
            body[key] = {
                name: _manager(inner) if name.lower() == "manager" else inner for name, inner in value.items()
            }
    return body


def _manager(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return {"value": value} if isinstance(value, str) else value
