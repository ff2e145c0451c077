"""Grants to partners' own AWS accounts: looked at before, made, read."""

from dataclasses import asdict
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from portal import wiring
from portal.access.models import Grant
from portal.access.operations.partners.make_partner_grant import make_partner_grant, preview_partner_grant
from portal.api.authentication import caller
from portal.api.paging import GrantPages
from portal.api.partner_orders import PartnerGrantOrderSerializer
from portal.api.partner_serializers import PartnerGrantSerializer, PreviewSerializer
from portal.api.partner_sight import grants_of_accounts, sees_all, visible_partner
from portal.api.serializers import GrantFilter
from portal.api.views.base import ScopedView
from portal.directory.models import ApiToken


class PartnerGrantsView(ScopedView, GenericAPIView[Grant]):
    scope = ApiToken.Scope.READ_PARTNERS
    pagination_class = GrantPages
    serializer_class = PartnerGrantSerializer
    filter_backends = []

    @extend_schema(
        operation_id="partner_grants",
        summary="Grants to a partner's own AWS accounts, the latest end first, with their roles in AWS",
        parameters=[GrantFilter],
        responses=PartnerGrantSerializer(many=True),
    )
    def get(self, request: Request, partner_id: UUID) -> Response:
        wanted = self.read(GrantFilter, request.query_params)
        grants = grants_of_accounts(visible_partner(request, partner_id)).filter(**wanted)
        page = self.paginate_queryset(grants)
        context = {"sees_all": sees_all(request)}
        return self.get_paginated_response(
            PartnerGrantSerializer(page or [], many=True, context=context).data
        )


class MakePartnerGrantView(ScopedView):
    scope = ApiToken.Scope.MAKE_GRANTS

    @extend_schema(
        operation_id="make_partner_grant",
        summary="Let a partner in from its own AWS account for a time: a role is made for it (admins)",
        request=PartnerGrantOrderSerializer,
        responses={201: PartnerGrantSerializer},
    )
    def post(self, request: Request) -> Response:
        asked = PartnerGrantOrderSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = make_partner_grant(order=asked.order(), aws=wiring.aws_ports(), actor=caller(request))
        shown = PartnerGrantSerializer(made, context={"sees_all": True})
        return Response(shown.data, status=status.HTTP_201_CREATED)


class PreviewPartnerGrantView(ScopedView):
    scope = ApiToken.Scope.MAKE_GRANTS

    @extend_schema(
        operation_id="preview_partner_grant",
        summary="What such a grant would let them do, and what would stand in AWS; nothing is written (admins)",
        request=PartnerGrantOrderSerializer,
        responses=PreviewSerializer,
    )
    def post(self, request: Request) -> Response:
        asked = PartnerGrantOrderSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        shown = preview_partner_grant(order=asked.order(), aws=wiring.aws_ports(), actor=caller(request))
        return Response(PreviewSerializer(asdict(shown)).data)
