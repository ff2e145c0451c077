"""The API's description (OpenAPI 3), for whoever may call it; and the answer to addresses that don't exist."""

from typing import Any, Never

from django.http import Http404
from drf_spectacular.renderers import OpenApiJsonRenderer2
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request

from portal.api.views.base import ScopedView


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
