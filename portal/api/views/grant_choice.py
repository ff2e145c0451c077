from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal import wiring
from portal.access.operations.credentials.explain_choice import explain_choice
from portal.api.authentication import caller
from portal.api.choice_serializers import ChoiceSerializer
from portal.api.views.base import ScopedView, own_grant
from portal.directory.models import ApiToken


class GrantChoiceView(ScopedView):
    """What the grant's page says of its call: of one's own grants alone, whoever may see others' there."""

    scope = ApiToken.Scope.READ_GRANTS

    @extend_schema(
        operation_id="grant_choice",
        summary="By which call of AWS's a grant's credentials are got, for how long, and why",
        responses=ChoiceSerializer,
    )
    def get(self, request: Request, grant_id: UUID) -> Response:
        grant_id = own_grant(request, grant_id).pk
        _, choice = explain_choice(grant_id=grant_id, aws=wiring.aws_ports(), actor=caller(request))
        return Response(ChoiceSerializer(choice).data)
