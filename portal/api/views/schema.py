"""The API's description (OpenAPI 3), for whoever may call it; and the answer to addresses that don't exist."""

from typing import Any, Literal, Never

from django.http import Http404
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.renderers import OpenApiJsonRenderer2
from drf_spectacular.utils import OpenApiResponse, extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request

from portal.api.problems import MEDIA_TYPE
from portal.api.serializers import ProblemSerializer
from portal.api.views.base import ScopedView


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself by its class
    target_class = "portal.api.authentication.ApiTokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        del auto_schema
        return {"type": "http", "scheme": "bearer", "description": "A token made in the portal: sp_…"}


class BrowserScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # as above
    target_class = "portal.api.authentication.BrowserAuthentication"
    name = "browser"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        del auto_schema
        return {"type": "apiKey", "in": "cookie", "name": "sallyport"}


class ProblemSchema(AutoSchema):
    """Adds to every operation that any error comes as problem details."""

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        problem = OpenApiResponse(ProblemSerializer, description="Problem details (RFC 9457)")
        bodies["default"] = self._get_response_for_code(problem, "default", [MEDIA_TYPE])  # type: ignore[no-untyped-call]  # the library leaves it untyped
        return bodies


class SchemaView(SpectacularAPIView):
    scope = None
    metadata_class = None
    permission_classes = [IsAuthenticated]
    renderer_classes = [OpenApiJsonRenderer2]


@extend_schema(exclude=True)
class NowhereView(ScopedView):
    """Whatever else is asked under /api/: a problem, not a page."""

    scope = None
    permission_classes = [AllowAny]
    authentication_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> Never:
        del request, args, kwargs
        raise Http404
