"""Lets pages of other origins call the simulated AWS, as AWS's own endpoints do (Fetch standard, "CORS protocol").

STS, Cognito and Kinesis Video answer any origin; a bucket answers those that its CORS configuration names, which is
MiniStack's to say. The console and the sign-in endpoint are nobody else's.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from portal.demo.sandbox.video import PATHS

OWN = ("/console", "/federation", "/oauth", "/static", "/authenticator", "/_")
ANYBODY = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "*"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def is_preflight(request: web.Request) -> bool:
    """Whether a browser asks beforehand about a call of AWS's API."""
    asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    return asks and not request.path.startswith(OWN)


@web.middleware
async def cross_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    is_api = request.path == "/" or request.path in PATHS
    if is_api and is_preflight(request):
        # `*` would not cover Authorization: what is asked for is named.
        asked = request.headers.get("Access-Control-Request-Headers", "")
        allowed = {"Access-Control-Allow-Methods": "GET, POST", "Access-Control-Allow-Headers": asked}
        return web.Response(status=204, headers=ANYBODY | allowed | {"Access-Control-Max-Age": "600"})
    response = await handler(request)
    if is_api and "Origin" in request.headers and not response.prepared:
        for name, value in ANYBODY.items():
            response.headers.setdefault(name, value)
    return response
