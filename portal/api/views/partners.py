from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.models import Grant
from portal.access.operations.partners.suspend_partner import (
    preview_suspension,
    resume_partner,
    suspend_partner,
)
from portal.access.operations.permissions import may
from portal.api.authentication import caller
from portal.api.orders import PartnerSerializer, ResumeOrder, SuspendOrder
from portal.api.views.base import ScopedView
from portal.directory.models import ApiToken, Partner
from portal.kernel.actor import Actor
from portal.kernel.errors import NotFoundError


class SuspendView(ScopedView):
    scope = ApiToken.Scope.SUSPEND_PARTNERS

    @extend_schema(
        operation_id="suspend_partner",
        summary="End all that a partner has, and give it nothing until it is resumed; or say what would end (admins)",
        request=SuspendOrder,
        responses=PartnerSerializer,
    )
    def post(self, request: Request, partner_id: UUID) -> Response:
        order, actor = self.read(SuspendOrder, request.data), caller(request)
        if order["dry_run"]:
            return Response(_shown(_partner(partner_id, actor), would_end=_preview(partner_id)))
        ended = suspend_partner(partner_id=partner_id, reason=order["reason"], actor=actor)
        return Response(_shown(ended.partner, ended.grants, ended.revocations, ended.roles))


class ResumeView(ScopedView):
    scope = ApiToken.Scope.SUSPEND_PARTNERS

    @extend_schema(
        operation_id="resume_partner",
        summary="Let a partner's people be given access again; what ended stays ended (admins)",
        request=ResumeOrder,
        responses=PartnerSerializer,
    )
    def post(self, request: Request, partner_id: UUID) -> Response:
        order = self.read(ResumeOrder, request.data)
        partner = resume_partner(partner_id=partner_id, reason=order["reason"], actor=caller(request))
        return Response(_shown(partner))


def _partner(partner_id: UUID, actor: Actor) -> Partner:
    """Return it for whoever might suspend it. Raises NotFoundError for others as for none."""
    found = Partner.objects.filter(pk=partner_id).first() if may(actor, "directory.change_partner") else None
    if found is None:
        raise NotFoundError("There is no such partner.")
    return found


def _preview(partner_id: UUID) -> dict[str, object]:
    found = preview_suspension(partner_id)
    return {
        "grants": [_grant(each, found.live_sessions.get(each.pk, 0)) for each in found.grants],
        "roles": [{"arn": each.role.arn, "state": each.state} for each in found.roles],
        "live_sessions": sum(found.live_sessions.values()),
    }


def _grant(grant: Grant, live: int) -> dict[str, object]:
    return {
        "id": grant.pk,
        "subject": grant.subject_name,
        "role": grant.role.title,
        "ends_at": grant.ends_at,
        "live_sessions": live,
    }


def _shown(
    partner: Partner, grants: int = 0, revocations: int = 0, roles: int = 0, would_end: object = None
) -> object:
    told = {
        "id": partner.pk,
        "name": partner.name,
        "suspended_at": partner.suspended_at,
        "grants_ended": grants,
        "revocations": revocations,
        "roles_closed": roles,
        "would_end": would_end,
    }
    return PartnerSerializer(told).data
