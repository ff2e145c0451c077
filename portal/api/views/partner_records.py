"""Partners and their own AWS accounts: read by admins and by a company's own admins, changed by admins."""

from datetime import timedelta
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.operations.partners.external_ids import rotate_external_id
from portal.access.operations.partners.keep_partner import create_partner
from portal.access.operations.partners.partner_accounts import close_partner_account, open_partner_account
from portal.api.authentication import caller
from portal.api.paging import PartnerPages
from portal.api.partner_orders import (
    CloseAccountOrder,
    PartnerAccountOrder,
    PartnerOrderSerializer,
    RotateOrder,
)
from portal.api.partner_serializers import PartnerAccountSerializer, PartnerRecordSerializer
from portal.api.partner_sight import visible_account, visible_partner, visible_partners
from portal.api.views.base import ScopedView
from portal.directory.models import ApiToken, Partner, PartnerAccount
from portal.kernel.clock import database_now

Scope = ApiToken.Scope


class PartnersView(ScopedView, GenericAPIView[Partner]):
    scope = Scope.READ_PARTNERS
    write_scope = Scope.WRITE_PARTNERS
    pagination_class = PartnerPages
    serializer_class = PartnerRecordSerializer
    filter_backends = []

    @extend_schema(
        operation_id="partners",
        summary="Partners by name (admins); my own company (its admins)",
        responses=PartnerRecordSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(visible_partners(request))
        return self.get_paginated_response(PartnerRecordSerializer(page or [], many=True).data)

    @extend_schema(
        operation_id="create_partner",
        summary="Add a partner, and its first AWS account with an ExternalId (admins)",
        request=PartnerOrderSerializer,
        responses={201: PartnerRecordSerializer},
    )
    def post(self, request: Request) -> Response:
        asked = PartnerOrderSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = create_partner(order=asked.order(), actor=caller(request))
        return Response(PartnerRecordSerializer(made).data, status=status.HTTP_201_CREATED)


class PartnerView(ScopedView):
    scope = Scope.READ_PARTNERS

    @extend_schema(operation_id="partner", summary="One partner", responses=PartnerRecordSerializer)
    def get(self, request: Request, partner_id: UUID) -> Response:
        return Response(PartnerRecordSerializer(visible_partner(request, partner_id)).data)


class PartnerAccountsView(ScopedView):
    scope = Scope.READ_PARTNERS
    write_scope = Scope.WRITE_PARTNERS

    @extend_schema(
        operation_id="partner_accounts",
        summary="A partner's own AWS accounts, with the ExternalIds that are accepted now",
        responses=PartnerAccountSerializer(many=True),
    )
    def get(self, request: Request, partner_id: UUID) -> Response:
        accounts = PartnerAccount.objects.filter(partner=visible_partner(request, partner_id))
        context = {"now": database_now()}
        found = accounts.prefetch_related("external_ids")
        return Response(PartnerAccountSerializer(found, many=True, context=context).data)

    @extend_schema(
        operation_id="add_partner_account",
        summary="Add an AWS account of a partner's own; its ExternalId is made here (admins)",
        request=PartnerAccountOrder,
        responses={201: PartnerAccountSerializer},
    )
    def post(self, request: Request, partner_id: UUID) -> Response:
        order = self.read(PartnerAccountOrder, request.data)
        made = open_partner_account(
            partner_id=partner_id,
            name=order["name"],
            account_id=order["account_id"],
            partition=order["partition"],
            actor=caller(request),
        )
        return Response(_shown(made), status=status.HTTP_201_CREATED)


class PartnerAccountView(ScopedView):
    scope = Scope.READ_PARTNERS

    @extend_schema(
        operation_id="partner_account",
        summary="One AWS account of a partner's own",
        responses=PartnerAccountSerializer,
    )
    def get(self, request: Request, partner_account_id: UUID) -> Response:
        return Response(_shown(visible_account(request, partner_account_id)))


class CloseAccountView(ScopedView):
    scope = Scope.WRITE_PARTNERS

    @extend_schema(
        operation_id="close_partner_account",
        summary="Close a partner's AWS account for good: all grants to it end (admins)",
        request=CloseAccountOrder,
        responses=PartnerAccountSerializer,
    )
    def post(self, request: Request, partner_account_id: UUID) -> Response:
        order = self.read(CloseAccountOrder, request.data)
        closed = close_partner_account(
            partner_account_id=partner_account_id, reason=order["reason"], actor=caller(request)
        )
        return Response(_shown(closed.account))


class RotateView(ScopedView):
    scope = Scope.WRITE_PARTNERS

    @extend_schema(
        operation_id="rotate_external_id",
        summary="Make a new ExternalId; the old one stays accepted for a while (admins)",
        request=RotateOrder,
        responses=PartnerAccountSerializer,
    )
    def post(self, request: Request, partner_account_id: UUID) -> Response:
        order = self.read(RotateOrder, request.data)
        made = rotate_external_id(
            partner_account_id=partner_account_id,
            overlap=timedelta(seconds=order["overlap_seconds"]),
            reason=order["reason"],
            actor=caller(request),
        )
        return Response(_shown(made.partner_account))


def _shown(account: PartnerAccount) -> object:
    return PartnerAccountSerializer(account, context={"now": database_now()}).data
