from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.operations.suspend_partner import resume_partner, suspend_partner
from portal.api.authentication import caller
from portal.api.orders import PartnerSerializer, SuspendOrder
from portal.api.views.base import ScopedView
from portal.directory.models import ApiToken, Partner


class SuspendView(ScopedView):
    scope = ApiToken.Scope.SUSPEND_PARTNERS

    @extend_schema(
        operation_id="suspend_partner",
        summary="End all that a partner's people hold, and give them nothing until it is resumed (admins)",
        request=SuspendOrder,
        responses=PartnerSerializer,
    )
    def post(self, request: Request, partner_id: UUID) -> Response:
        order = self.read(SuspendOrder, request.data)
        ended = suspend_partner(partner_id=partner_id, reason=order["reason"], actor=caller(request))
        return Response(_shown(ended.partner, ended.grants, ended.revocations))


class ResumeView(ScopedView):
    scope = ApiToken.Scope.SUSPEND_PARTNERS

    @extend_schema(
        operation_id="resume_partner",
        summary="Let a partner's people be given access again; what ended stays ended (admins)",
        request=SuspendOrder,
        responses=PartnerSerializer,
    )
    def post(self, request: Request, partner_id: UUID) -> Response:
        order = self.read(SuspendOrder, request.data)
        partner = resume_partner(partner_id=partner_id, reason=order["reason"], actor=caller(request))
        return Response(_shown(partner, 0, 0))


def _shown(partner: Partner, grants: int, revocations: int) -> object:
    told = {
        "id": partner.pk,
        "name": partner.name,
        "suspended_at": partner.suspended_at,
        "grants_ended": grants,
        "revocations": revocations,
    }
    return PartnerSerializer(told).data
