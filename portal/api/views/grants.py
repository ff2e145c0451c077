from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from portal import wiring
from portal.access.models import Grant
from portal.access.operations.grants.make_grant import make_grant
from portal.api.authentication import caller
from portal.api.orders import GrantOrderSerializer
from portal.api.paging import GrantPages
from portal.api.serializers import GrantFilter, GrantSerializer
from portal.api.views.base import ScopedView, own_grant, own_grants
from portal.directory.models import ApiToken
from portal.kernel.clock import database_now


class GrantsView(ScopedView, GenericAPIView[Grant]):
    scope = ApiToken.Scope.READ_GRANTS
    write_scope = ApiToken.Scope.MAKE_GRANTS
    pagination_class = GrantPages
    serializer_class = GrantSerializer
    filter_backends = []

    @extend_schema(
        operation_id="grants",
        summary="My grants, the latest end first",
        parameters=[GrantFilter],
        responses=GrantSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        wanted = self.read(GrantFilter, request.query_params)
        page = self.paginate_queryset(own_grants(request).filter(**wanted))
        shown = GrantSerializer(page or [], many=True, context={"now": database_now()})
        return self.get_paginated_response(shown.data)

    @extend_schema(
        operation_id="make_grant",
        summary="Give a person a role for a time (admins)",
        request=GrantOrderSerializer,
        responses={201: GrantSerializer},
    )
    def post(self, request: Request) -> Response:
        asked = GrantOrderSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = make_grant(order=asked.order(), aws=wiring.aws_ports(), actor=caller(request))
        return Response(shown_grant(made.pk), status=status.HTTP_201_CREATED)


class GrantView(ScopedView):
    scope = ApiToken.Scope.READ_GRANTS

    @extend_schema(operation_id="grant", summary="One of my grants", responses=GrantSerializer)
    def get(self, request: Request, grant_id: UUID) -> Response:
        return Response(_shown(own_grant(request, grant_id)))


def shown_grant(grant_id: UUID) -> Any:
    """Return a grant as it stands in the database, for whoever was just let do something to it."""
    grants = Grant.objects.select_related(
        *("role__account", "person__partner", "partner_account__partner"),
        *("granted_by", "entitlement__group", "revocation"),
    )
    return _shown(grants.get(pk=grant_id))


def _shown(grant: Grant) -> Any:
    return GrantSerializer(grant, context={"now": database_now()}).data
