from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.authentication import caller
from portal.api.serializers import MeSerializer
from portal.api.views.base import ScopedView
from portal.directory.models import ApiToken, Person


class MeView(ScopedView):
    scope = None

    @extend_schema(operation_id="me", summary="Who I am, and what this token may do", responses=MeSerializer)
    def get(self, request: Request) -> Response:
        scopes = request.auth.scopes if isinstance(request.auth, ApiToken) else None
        person = Person.objects.select_related("partner").get(pk=caller(request).owner_id)
        return Response(MeSerializer(person, context={"scopes": scopes}).data)
