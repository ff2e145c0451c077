"""What differs in AWS from what was made for partners: read, repaired, accepted."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.models import RoleDrift
from portal.access.operations.drift.decide_drift import accept_drift, repair_drift
from portal.api.authentication import caller
from portal.api.paging import DriftPages
from portal.api.partner_orders import DriftOrder
from portal.api.partner_serializers import DriftFilter, DriftSerializer
from portal.api.partner_sight import check_sees_all
from portal.api.views.base import ScopedView
from portal.directory.models import ApiToken


class DriftsView(ScopedView, GenericAPIView[RoleDrift]):
    scope = ApiToken.Scope.READ_PARTNERS
    pagination_class = DriftPages
    serializer_class = DriftSerializer
    filter_backends = []

    @extend_schema(
        operation_id="drifts",
        summary="Roles that differ in AWS from what they should be, the newest first; without `state` all not over",
        parameters=[DriftFilter],
        responses=DriftSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        check_sees_all(request)
        wanted = self.read(DriftFilter, request.query_params)
        page = self.paginate_queryset(_drifts().filter(**(wanted or {"over_at": None})))
        return self.get_paginated_response(DriftSerializer(page or [], many=True).data)


class RepairDriftView(ScopedView):
    scope = ApiToken.Scope.WRITE_PARTNERS

    @extend_schema(
        operation_id="repair_drift",
        summary="Have the role written anew as it should be (admins)",
        request=DriftOrder,
        responses=DriftSerializer,
    )
    def post(self, request: Request, drift_id: UUID) -> Response:
        order = self.read(DriftOrder, request.data)
        check_sees_all(request)
        repair_drift(drift_id=drift_id, reason=order["reason"], actor=caller(request))
        return Response(DriftSerializer(_drifts().get(pk=drift_id)).data)


class AcceptDriftView(ScopedView):
    scope = ApiToken.Scope.WRITE_PARTNERS

    @extend_schema(
        operation_id="accept_drift",
        summary="Leave it as it is; it stays accepted while the same is found (admins)",
        request=DriftOrder,
        responses=DriftSerializer,
    )
    def post(self, request: Request, drift_id: UUID) -> Response:
        order = self.read(DriftOrder, request.data)
        check_sees_all(request)
        accept_drift(drift_id=drift_id, reason=order["reason"], actor=caller(request))
        return Response(DriftSerializer(_drifts().get(pk=drift_id)).data)


def _drifts() -> QuerySet[RoleDrift]:
    return RoleDrift.objects.select_related("account", "partner_role", "decided_by")
