from dataclasses import asdict
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal import wiring
from portal.access.operations.doctor.explain_refusal import explain_refusal
from portal.api.authentication import caller
from portal.api.partner_serializers import GrantDoctorSerializer
from portal.api.views.base import ScopedView, own_grant
from portal.directory.models import ApiToken


class GrantDoctorView(ScopedView):
    """What the page 'why' shows: of one's own grants alone, whoever may see others' there."""

    scope = ApiToken.Scope.READ_GRANTS

    @extend_schema(
        operation_id="grant_doctor",
        summary="Why a grant of mine gave nothing the last time; else what would happen now",
        responses=GrantDoctorSerializer,
    )
    def get(self, request: Request, grant_id: UUID) -> Response:
        grant, steps = explain_refusal(
            grant_id=own_grant(request, grant_id).pk,
            hub_is_chained=wiring.aws_ports().hub_is_chained,
            actor=caller(request),
        )
        told = {"grant": grant.pk, "steps": [asdict(step) for step in steps]}
        return Response(GrantDoctorSerializer(told).data)
