"""Bare views beside the portal's own, for the bench of credentials.

The bare ones stand where the container endpoint stands among the middleware, and at an address of the full path.
"""

import json
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

Respond = Callable[[HttpRequest], HttpResponse]
KEY, NONCE = b"k" * 32, b"n" * 12
SEALED = AESGCM(KEY).encrypt(
    NONCE, json.dumps({"Token": "T" * 800, "SecretAccessKey": "s" * 40}).encode(), b""
)


def hello(request: HttpRequest) -> HttpResponse:
    del request
    return HttpResponse("hello", headers={"Content-Length": "5"}, content_type="text/plain")


def joined(request: HttpRequest) -> HttpResponse:
    """The least that such an endpoint can be: one join by a hash, one look into the cache, opened, as JSON."""
    from portal.access.models import CredentialToken  # noqa: PLC0415  # once apps are ready
    from portal.kernel.redis_client import redis_client  # noqa: PLC0415
    from portal.kernel.sealing import fingerprint  # noqa: PLC0415

    digest = fingerprint(request.META["HTTP_AUTHORIZATION"])
    token = CredentialToken.objects.select_related("grant__role", "grant__person").get(digest=digest)
    if token.revoked_at or token.grant.ended_at or not token.grant.role.is_enabled:
        return HttpResponse(status=403)
    client = redis_client()
    kept = (client.get("bench") if client else None) or SEALED
    body = json.dumps(json.loads(AESGCM(KEY).decrypt(NONCE, kept, b""))).encode()
    return HttpResponse(body, headers={"Content-Length": str(len(body))}, content_type="application/json")


class BenchMiddleware:
    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = {"/bench/hello": hello, "/bench/joined": joined}.get(request.path_info)
        return view(request) if view else self.get_response(request)


urlpatterns = [path("bench/hello-full", hello), path("", include("portal.config.urls"))]
