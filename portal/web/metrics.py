"""/metrics, for Prometheus: whoever has the token, or without one whoever asks from this machine itself."""

import hashlib
import hmac
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from portal.web.metric_families import Families

# Whoever forwards for others names them in one of these: then the address that is seen is the proxy's.
FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_FORWARDED",
    "HTTP_X_REAL_IP",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",  # the one that every proxy of a portal with TLS must send
    "HTTP_VIA",
)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer the same from every process: all of it is read from the database. No names, no ids."""
    if not _may_read(request):
        return HttpResponseForbidden("forbidden", content_type="text/plain")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Families())
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(registry), content_type=content_type)


def _may_read(request: HttpRequest) -> bool:
    if not settings.METRICS_TOKEN:
        return _is_this_machine(request)
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    # By their hashes: these are of one length, whatever was given.
    same = hmac.compare_digest(_digest(given.strip()), _digest(settings.METRICS_TOKEN))
    return scheme.lower() == "bearer" and same


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _is_this_machine(request: HttpRequest) -> bool:
    """Whether the request came straight from a loopback address, and from nobody's proxy on it."""
    if any(request.META.get(name) for name in FORWARDED):
        return False
    try:
        return ip_address(str(request.META.get("REMOTE_ADDR", ""))).is_loopback
    except ValueError:
        return False
