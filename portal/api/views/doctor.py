from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal import wiring
from portal.access.operations.doctor.diagnose import Diagnosis, diagnose
from portal.api.authentication import caller
from portal.api.partner_orders import DoctorOrderSerializer
from portal.api.partner_serializers import DiagnosisSerializer
from portal.api.views.base import ScopedView
from portal.directory.models import ApiToken


class DoctorView(ScopedView):
    scope = ApiToken.Scope.READ_PARTNERS

    @extend_schema(
        operation_id="doctor",
        summary="What stopped a partner's call, and what to do (admins; a company's own admins of its roles)",
        request=DoctorOrderSerializer,
        responses=DiagnosisSerializer,
    )
    def post(self, request: Request) -> Response:
        asked = DoctorOrderSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        found = diagnose(order=asked.order(), aws=wiring.aws_ports(), actor=caller(request))
        return Response(DiagnosisSerializer(_told(found)).data)


def _told(found: Diagnosis) -> dict[str, object]:
    return {
        "sentence": found.sentence,
        "stopped_by": found.stopped_by,
        "grant": found.grant.pk if found.grant else None,
        "at": found.at,
        "steps": [asdict(step) for step in found.steps],
    }
