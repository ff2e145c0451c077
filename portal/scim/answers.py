"""Answers of the SCIM service: their media type, and the headers of a resource (RFC 7644, 3.1 and 3.14)."""

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse

MEDIA_TYPE = "application/scim+json"


def answer(body: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    return HttpResponse(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")), status=status, content_type=MEDIA_TYPE
    )


def resource_answer(
    body: Mapping[str, Any], *, version: int, location: str, status: int = 200
) -> HttpResponse:
    response = answer(body, status=status)
    return with_headers(response, version=version, location=location)


def with_headers(response: HttpResponse, *, version: int, location: str) -> HttpResponse:
    response["ETag"] = etag(version)
    response["Location" if response.status_code == 201 else "Content-Location"] = location  # noqa: PLR2004  # created
    return response


def etag(version: int) -> str:
    """Return a version as an entity tag: weak, as the same resource may be written in other orders."""
    return f'W/"{version}"'
