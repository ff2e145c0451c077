from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.models import Grant
from portal.access.operations.revoke_grant import revoke_grant
from portal.api.authentication import caller
from portal.api.paging import GrantPages
from portal.api.serializers import GrantFilter, GrantSerializer, RevokeOrder
from portal.api.views.base import ScopedView, own_grant, own_grants
from portal.directory.models import ApiToken
from portal.kernel.clock import database_now


class GrantsView(ScopedView, GenericAPIView[Grant]):
    scope = ApiToken.Scope.READ_GRANTS
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


class GrantView(ScopedView):
    scope = ApiToken.Scope.READ_GRANTS

    @extend_schema(operation_id="grant", summary="One of my grants", responses=GrantSerializer)
    def get(self, request: Request, grant_id: UUID) -> Response:
        return Response(_shown(own_grant(request, grant_id)))


class RevokeView(ScopedView):
    scope = ApiToken.Scope.REVOKE_GRANTS

    @extend_schema(
        operation_id="revoke_grant",
        summary="End a grant now, its live sessions in AWS included (admins)",
        request=RevokeOrder,
        responses=GrantSerializer,
    )
    def post(self, request: Request, grant_id: UUID) -> Response:
        order = self.read(RevokeOrder, request.data)
        ended = revoke_grant(grant_id=grant_id, reason=order["reason"], actor=caller(request))
        return Response(
            _shown(Grant.objects.select_related("role__account", "granted_by", "revocation").get(pk=ended.pk))
        )


def _shown(grant: Grant) -> object:
    return GrantSerializer(grant, context={"now": database_now()}).data
