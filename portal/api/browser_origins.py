"""Which web applications of other origins may call a public endpoint from a browser (Fetch Standard, CORS protocol).

Exactly those of SALLYPORT_BROWSER_ORIGINS, and never with cookies: what is sent along is all that counts.
"""

from typing import Any

from django.conf import settings
from django.utils.cache import patch_vary_headers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

PREFLIGHT_SECONDS = 600


class OpenToOrigins(APIView):
    """A view that programs in browsers may call from the origins of the settings."""

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say to a browser whether the page that called may read this; to all else it says nothing."""
        final = super().finalize_response(request, response, *args, **kwargs)
        patch_vary_headers(final, ["Origin"])
        origin = request.headers.get("Origin", "")
        if origin in settings.BROWSER_ORIGINS:
            final["Access-Control-Allow-Origin"] = origin
            final["Access-Control-Expose-Headers"] = "Retry-After, X-Request-Id"
        return final

    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]  # DRF hands its own request on
        """Answer a browser that asks first. Another origin's is told nothing, so that it doesn't call."""
        del args, kwargs
        answer = Response(status=204)
        if request.headers.get("Origin", "") in settings.BROWSER_ORIGINS:
            answer["Access-Control-Allow-Methods"] = "POST"
            answer["Access-Control-Allow-Headers"] = "Content-Type"
            answer["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return answer
