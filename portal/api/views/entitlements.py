from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from portal import wiring
from portal.access.lifecycle import LIVING, stored
from portal.access.models import Grant
from portal.access.offers import offers_to
from portal.access.operations.grants.take_entitlement import take_entitlement
from portal.api.authentication import caller
from portal.api.entitlements import EntitlementSerializer, TakeOrder
from portal.api.serializers import GrantSerializer
from portal.api.views.base import ScopedView
from portal.api.views.grants import shown_grant
from portal.directory.models import ApiToken
from portal.kernel.clock import database_now


class EntitlementsView(ScopedView):
    scope = ApiToken.Scope.READ_GRANTS

    @extend_schema(
        operation_id="entitlements",
        summary="What I may take for myself, through the groups that I am in",
        responses=EntitlementSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        person = caller(request).owner_id
        living = Grant.objects.filter(
            person=person, entitlement__isnull=False, state__in=stored(LIVING), ends_at__gt=database_now()
        )
        held = dict(living.values_list("entitlement_id", "pk"))
        shown = EntitlementSerializer(offers_to(person), many=True, context={"held": held})
        return Response(shown.data)


class TakeView(ScopedView):
    scope = ApiToken.Scope.TAKE_GRANTS

    @extend_schema(
        operation_id="take_entitlement",
        summary="Take one of them: a grant of mine that is active at once",
        request=TakeOrder,
        responses={201: GrantSerializer},
    )
    def post(self, request: Request, entitlement_id: UUID) -> Response:
        order = self.read(TakeOrder, request.data)
        taken = take_entitlement(
            entitlement_id=entitlement_id,
            minutes=order["minutes"],
            reason=order["reason"],
            aws=wiring.aws_ports(),
            actor=caller(request),
        )
        return Response(shown_grant(taken.pk), status=status.HTTP_201_CREATED)
