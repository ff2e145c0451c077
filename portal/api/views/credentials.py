from collections.abc import Mapping
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from portal import wiring
from portal.access.operations.credentials.fetch_credentials import FetchedCredentials, fetch_credentials
from portal.api.authentication import caller
from portal.api.proofs import CredentialsOrder, proof_of
from portal.api.serializers import CredentialsSerializer, utc
from portal.api.views.base import ScopedView
from portal.directory.models import ApiToken


class CredentialsView(ScopedView):
    scope = ApiToken.Scope.ISSUE_CREDENTIALS

    @extend_schema(
        operation_id="issue_credentials",
        summary="Temporary AWS credentials under a grant of mine: the same while they last, new ones on demand",
        request=CredentialsOrder,
        responses={201: CredentialsSerializer},
    )
    def post(self, request: Request, grant_id: UUID) -> Response:
        order = self.read(CredentialsOrder, request.data or {})
        fetched = fetch_credentials(
            grant_id=grant_id,
            aws=wiring.aws_ports(),
            actor=caller(request),
            door="api",
            proof=proof_of(order),
            fresh=order["fresh"],
        )
        return Response(
            credentials_body(fetched), status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"}
        )


def credentials_body(fetched: FetchedCredentials) -> Mapping[str, str]:
    """Return what goes over the wire, in AWS's own words."""
    found = fetched.credentials
    return {
        "AccessKeyId": found.access_key_id,
        "SecretAccessKey": found.secret_access_key,
        "SessionToken": found.session_token,
        "Expiration": utc(found.expires_at),
        "WorksUntil": utc(fetched.ends_at),
        "GrantEndsAt": utc(fetched.grant.ends_at),
    }
