"""Versions in requests: If-Match and If-None-Match (RFC 7644, 3.14; RFC 9110, 13.1), compared weakly."""

import re

from django.http import HttpRequest

LONGEST = 2000
TAG = re.compile(r'(?:W/)?"([^"]*)"')


def wanted_versions(request: HttpRequest) -> frozenset[int] | None:
    """Return which versions the change is for; None: any. A tag that is none of ours is a version nobody has."""
    told = request.headers.get("If-Match")
    return None if told is None or told.strip() == "*" else _versions(told)


def is_known(request: HttpRequest, version: int) -> bool:
    """Return whether the client has this version already."""
    told = request.headers.get("If-None-Match")
    return told is not None and (told.strip() == "*" or version in _versions(told))


def _versions(told: str) -> frozenset[int]:
    tags = TAG.findall(told[:LONGEST])
    return frozenset(int(tag) for tag in tags if tag.isascii() and tag.isdigit())
