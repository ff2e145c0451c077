"""The doors for programs whose people are not signed in here: what they hand over says who they are."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from portal import wiring
from portal.access.proofs import SamlProof, TokenProof
from portal.api.browser_origins import OpenToOrigins
from portal.api.proofs import ASSERTION_LIMIT, TOKEN_LIMIT
from portal.api.serializers import CredentialsSerializer
from portal.api.views.base import ScopedView
from portal.api.views.credentials import credentials_body
from portal.catalog.models import AwsRole
from portal.directory.requests import client_ip
from portal.identity.operations.exchange_proof import exchange_proof

ROLE = "The role's ARN, or its id here."


class SamlOrder(serializers.Serializer[dict[str, Any]]):
    role = serializers.CharField(max_length=2048, help_text=ROLE)
    assertion = serializers.CharField(
        max_length=ASSERTION_LIMIT,
        help_text="The base64 SAMLResponse that is meant for AWS: audience urn:amazon:webservices, recipient "
        "https://signin.aws.amazon.com/saml. It counts once.",
    )


class TokenOrder(serializers.Serializer[dict[str, Any]]):
    role = serializers.CharField(max_length=2048, help_text=ROLE)
    token = serializers.CharField(max_length=TOKEN_LIMIT, help_text="An OpenID Connect ID token.")


class _ExchangeView(OpenToOrigins, ScopedView):
    """Nobody is signed in: the proof is all that counts, cookies and tokens of the portal's own are not looked at."""

    scope = None
    permission_classes = [AllowAny]
    authentication_classes = []
    method: ClassVar[AwsRole.Method]

    def exchanged(self, request: Request, role: str, proof: SamlProof | TokenProof) -> Response:
        plain = request._request  # noqa: SLF001  # DRF's request wraps Django's, and offers no other way to it
        got = exchange_proof(
            role_ref=role,
            proof=proof,
            method=self.method,
            aws=wiring.aws_ports(),
            ip=client_ip(plain),
            user_agent=plain.META.get("HTTP_USER_AGENT", ""),
            request_id=plain.META.get("sallyport.request_id", ""),
        )
        return Response(
            credentials_body(got), status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"}
        )


class SamlExchangeView(_ExchangeView):
    method = AwsRole.Method.SAML

    @extend_schema(
        operation_id="exchange_saml",
        summary="Temporary AWS credentials for a SAML assertion that is meant for AWS",
        request=SamlOrder,
        responses={201: CredentialsSerializer},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        told = self.read(SamlOrder, request.data)
        return self.exchanged(request, told["role"], SamlProof(told["assertion"]))


class _TokenExchangeView(_ExchangeView):
    def exchange(self, request: Request) -> Response:
        told = self.read(TokenOrder, request.data)
        return self.exchanged(request, told["role"], TokenProof(told["token"]))


class WebIdentityExchangeView(_TokenExchangeView):
    method = AwsRole.Method.WEB_IDENTITY

    @extend_schema(
        operation_id="exchange_web_identity",
        summary="Temporary AWS credentials for an ID token (AssumeRoleWithWebIdentity)",
        request=TokenOrder,
        responses={201: CredentialsSerializer},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        return self.exchange(request)


class CognitoExchangeView(_TokenExchangeView):
    method = AwsRole.Method.COGNITO

    @extend_schema(
        operation_id="exchange_cognito",
        summary="Temporary AWS credentials for an ID token (a Cognito identity pool)",
        request=TokenOrder,
        responses={201: CredentialsSerializer},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        return self.exchange(request)
