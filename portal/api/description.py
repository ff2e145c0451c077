"""How the API describes itself in OpenAPI, beyond what drf-spectacular finds out alone."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse

from portal.api.problems import MEDIA_TYPE
from portal.api.serializers import ProblemSerializer


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
