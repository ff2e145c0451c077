"""Bodies of requests: bounded in size and depth, JSON objects, with nothing that the database couldn't keep."""

import json
import re
from typing import Any, NoReturn

from django.http import HttpRequest

from portal.scim.errors import RefusedError

MEDIA_TYPES = ("application/scim+json", "application/json")
# A group of 20,000 members, written out.
MOST_BYTES = 4 * 1024 * 1024
DEEPEST = 16
UNKEPT = re.compile("[\x00\ud800-\udfff]")


def read_body(request: HttpRequest) -> dict[str, Any]:
    """Return the JSON object that was sent.

    Raises:
        RefusedError: another media type (415), too large (413), no JSON object, too deep, or characters that no text
            has (400, invalidSyntax).
    """
    if request.content_type not in MEDIA_TYPES:
        raise RefusedError(415, f"Send {MEDIA_TYPES[0]}.")
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
        raise RefusedError(413, f"A request has at most {MOST_BYTES} bytes.")
    # Read as a stream: Django's own limit is for pages.
    raw = request.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise RefusedError(413, f"A request has at most {MOST_BYTES} bytes.")
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise RefusedError(400, "This is no JSON.", "invalidSyntax") from None
    if not isinstance(body, dict):
        raise RefusedError(400, "A JSON object is wanted.", "invalidSyntax")
    _check(body)
    return body


def check_text(text: str, scim_type: str = "invalidSyntax") -> None:
    """Refuse what the databases don't keep: the null character, and halves of surrogate pairs."""
    if UNKEPT.search(text):
        raise RefusedError(400, "There are characters in it that no text has.", scim_type)


def _check(body: dict[str, Any]) -> None:
    waiting: list[tuple[Any, int]] = [(body, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > DEEPEST:
            raise RefusedError(400, f"This JSON is nested deeper than {DEEPEST}.", "invalidSyntax")
        if isinstance(value, str):
            check_text(value)
        elif isinstance(value, list):
            waiting.extend((inner, depth + 1) for inner in value)
        elif isinstance(value, dict):
            waiting.extend((inner, depth + 1) for pair in value.items() for inner in pair)


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)
