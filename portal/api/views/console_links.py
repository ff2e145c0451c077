from uuid import UUID

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from brokers.types import Partition
from portal import wiring
from portal.access.operations.credentials.console_links import make_console_link
from portal.api.authentication import caller
from portal.api.serializers import ConsoleLinkOrder, ConsoleLinkSerializer, utc
from portal.api.views.base import ScopedView, own_grants
from portal.catalog.consoles import CONSOLES
from portal.directory.models import ApiToken


class ConsoleLinksView(ScopedView):
    """The answer is a link of the portal's own: AWS's sign-in URL goes to the person's browser alone."""

    scope = ApiToken.Scope.OPEN_CONSOLE

    @extend_schema(
        operation_id="make_console_link",
        summary="A single-use link of the portal's that opens the AWS console under a grant of mine",
        request=ConsoleLinkOrder,
        responses={201: ConsoleLinkSerializer},
    )
    def post(self, request: Request, grant_id: UUID) -> Response:
        order = self.read(ConsoleLinkOrder, request.data)
        made = make_console_link(
            grant_id=grant_id,
            destination=order["destination"] or _home(request, grant_id),
            aws=wiring.aws_ports(),
            actor=caller(request),
        )
        # From the configuration, never from the request's Host.
        url = settings.PORTAL_URL + reverse("web:console-link", args=[made.token])
        body = {"url": url, "expires_at": utc(made.expires_at)}
        return Response(body, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


def _home(request: Request, grant_id: UUID) -> str:
    """Return the console's front page in the grant's partition; for a grant not theirs any: making will refuse."""
    found = own_grants(request).filter(pk=grant_id).values_list("role__account__partition", flat=True).first()
    return f"{CONSOLES[Partition(found or Partition.AWS)]}/"
