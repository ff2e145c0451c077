from datetime import timedelta
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.operations.credentials.credential_tokens import (
    make_credential_token,
    revoke_credential_token,
)
from portal.api.authentication import caller
from portal.api.credential_token_serializers import (
    CredentialTokenOrder,
    CredentialTokenSerializer,
    MadeCredentialTokenSerializer,
)
from portal.api.views.base import ScopedView, own_grant
from portal.directory.models import ApiToken
from portal.kernel.clock import database_now


class CredentialTokensView(ScopedView):
    scope = ApiToken.Scope.CREDENTIAL_TOKENS

    @extend_schema(
        operation_id="credential_tokens",
        summary="The tokens by which programs fetch a grant's credentials, newest first",
        responses=CredentialTokenSerializer(many=True),
    )
    def get(self, request: Request, grant_id: UUID) -> Response:
        tokens = own_grant(request, grant_id).credential_tokens.select_related("api_token")[:100]
        return Response(CredentialTokenSerializer(tokens, many=True, context={"now": database_now()}).data)

    @extend_schema(
        operation_id="make_credential_token",
        summary="Make a token by which a program fetches the credentials of a grant of mine, shown once",
        request=CredentialTokenOrder,
        responses={201: MadeCredentialTokenSerializer},
    )
    def post(self, request: Request, grant_id: UUID) -> Response:
        order = self.read(CredentialTokenOrder, request.data)
        minutes = order["lifetime_minutes"]
        made = make_credential_token(
            grant_id=grant_id,
            name=order["name"],
            lifetime=None if minutes is None else timedelta(minutes=minutes),
            actor=caller(request),
        )
        shown = CredentialTokenSerializer(made.token, context={"now": made.token.made_at}).data
        url = settings.CONTAINER_CREDENTIALS_URL  # from the configuration, never from the request's Host
        body = {**shown, "token": made.plain, "credentials_url": url}
        return Response(body, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


class CredentialTokenView(ScopedView):
    scope = ApiToken.Scope.CREDENTIAL_TOKENS

    @extend_schema(
        operation_id="revoke_credential_token",
        summary="Revoke a token by which a program fetches a grant's credentials, at once",
        responses={204: None},
    )
    def delete(self, request: Request, grant_id: UUID, token_id: UUID) -> Response:
        revoke_credential_token(grant_id=grant_id, token_id=token_id, actor=caller(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
