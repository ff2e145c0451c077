"""What changes a grant's life after it was made: extend, give back, revoke, cut off after all."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal import wiring
from portal.access.models import Grant
from portal.access.operations.cutting.cut_sessions import cut_sessions
from portal.access.operations.grants.extend_grant import extend_grant
from portal.access.operations.grants.release_grant import release_grant
from portal.access.operations.grants.revoke_grant import check_may_revoke, revoke_grant
from portal.api.authentication import caller
from portal.api.orders import CutOrder, ExtendOrder, ReleaseOrder, RevokeOrder
from portal.api.serializers import GrantSerializer, RevocationSerializer
from portal.api.views.base import ScopedView
from portal.api.views.grants import shown_grant
from portal.directory.models import ApiToken
from portal.kernel.errors import NotFoundError


class ExtendView(ScopedView):
    scope = ApiToken.Scope.MAKE_GRANTS

    @extend_schema(
        operation_id="extend_grant",
        summary="Give a grant a later end; what is open keeps the end that it has (admins)",
        request=ExtendOrder,
        responses=GrantSerializer,
    )
    def post(self, request: Request, grant_id: UUID) -> Response:
        order = self.read(ExtendOrder, request.data)
        extended = extend_grant(
            grant_id=grant_id,
            ends_at=order["ends_at"],
            reason=order["reason"],
            aws=wiring.aws_ports(),
            actor=caller(request),
        )
        return Response(shown_grant(extended.pk))


class ReleaseView(ScopedView):
    scope = ApiToken.Scope.RELEASE_GRANTS

    @extend_schema(
        operation_id="release_grant",
        summary="Give a grant of mine back now, its live sessions in AWS included",
        request=ReleaseOrder,
        responses=GrantSerializer,
    )
    def post(self, request: Request, grant_id: UUID) -> Response:
        order = self.read(ReleaseOrder, request.data)
        ended = release_grant(grant_id=grant_id, reason=order["reason"], actor=caller(request))
        return Response(shown_grant(ended.pk))


class RevokeView(ScopedView):
    scope = ApiToken.Scope.REVOKE_GRANTS

    @extend_schema(
        operation_id="revoke_grant",
        summary="End a grant now, its live sessions in AWS included unless `cut` is false (admins)",
        request=RevokeOrder,
        responses=GrantSerializer,
    )
    def post(self, request: Request, grant_id: UUID) -> Response:
        order = self.read(RevokeOrder, request.data)
        ended = revoke_grant(
            grant_id=grant_id, reason=order["reason"], cut=order["cut"], actor=caller(request)
        )
        return Response(shown_grant(ended.pk))


class CutSessionsView(ScopedView):
    scope = ApiToken.Scope.REVOKE_GRANTS

    @extend_schema(
        operation_id="cut_sessions",
        summary="Cut off after all what was left to run out when its grant was revoked (admins)",
        request=CutOrder,
        responses=GrantSerializer,
    )
    def post(self, request: Request, grant_id: UUID) -> Response:
        order = self.read(CutOrder, request.data)
        cut_sessions(grant_id=grant_id, reason=order["reason"], actor=caller(request))
        return Response(shown_grant(grant_id))


class RevocationView(ScopedView):
    scope = ApiToken.Scope.REVOKE_GRANTS

    @extend_schema(
        operation_id="revocation",
        summary="How far ending a grant's live sessions in AWS is (admins)",
        responses=RevocationSerializer,
    )
    def get(self, request: Request, grant_id: UUID) -> Response:
        grant = Grant.objects.select_related("revocation").filter(pk=grant_id).first()
        if grant is None:
            raise NotFoundError("There is no such grant.")
        check_may_revoke(grant, caller(request))
        if not hasattr(grant, "revocation"):
            raise NotFoundError("Nothing of this grant was to be ended in AWS.")
        return Response(RevocationSerializer(grant.revocation).data)
