"""Scopes for partners' own AWS accounts: what there is, and what is wrong with one."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal import wiring
from portal.api.partner_orders import LintOrder
from portal.api.partner_serializers import LintedSerializer, ScopeSerializer
from portal.api.partner_sight import check_sees_all
from portal.api.views.base import ScopedView
from portal.catalog.filling import fill_scope, parameter_fields
from portal.catalog.linting import lint_scope
from portal.catalog.models import AwsAccount, ScopeTemplate
from portal.directory.models import ApiToken
from portal.kernel.errors import InvalidError


class ScopesView(ScopedView):
    scope = ApiToken.Scope.READ_PARTNERS

    @extend_schema(
        operation_id="scopes",
        summary="The scopes that may be granted to partners' own AWS accounts (admins)",
        responses=ScopeSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        check_sees_all(request)
        templates = ScopeTemplate.objects.filter(for_partners=True)
        return Response([ScopeSerializer(_shown(each)).data for each in templates])


class LintView(ScopedView):
    scope = ApiToken.Scope.READ_PARTNERS

    @extend_schema(
        operation_id="lint_scope",
        summary="What is wrong with a policy or a filled scope, and what it would let somebody do (admins)",
        request=LintOrder,
        responses=LintedSerializer,
    )
    def post(self, request: Request) -> Response:
        order = self.read(LintOrder, request.data)
        check_sees_all(request)
        account = AwsAccount.objects.filter(pk=order["account"]).first()
        if account is None:
            raise InvalidError("Choose an AWS account that the portal reaches.", field="account")
        policy, analyst = _policy(order, account), wiring.policy_analyst()
        findings = lint_scope(policy, account=account, analyst=analyst)
        told = {
            "findings": [asdict(each) for each in findings],
            "access": [asdict(each) for each in analyst.access(policy)],
        }
        return Response(LintedSerializer(told).data)


def _policy(order: Mapping[str, Any], account: AwsAccount) -> Mapping[str, Any]:
    policy: Mapping[str, Any] | None = order["policy"]
    if (policy is None) == (order["scope_template"] is None):
        raise InvalidError("Give either a policy or a scope_template.", field="policy")
    if policy is not None:
        return policy
    template = ScopeTemplate.objects.filter(pk=order["scope_template"]).first()
    if template is None:
        raise InvalidError("There is no such scope.", field="scope_template")
    try:
        return fill_scope(template=template, values=order["scope_parameters"], account=account).policy
    except ValidationError as problem:
        raise InvalidError(" ".join(problem.messages), field="scope_parameters") from None


def _shown(template: ScopeTemplate) -> dict[str, Any]:
    return {
        "id": template.pk,
        "name": template.name,
        "summary": template.summary,
        "parameters": [asdict(each) for each in parameter_fields(template)],
        "managed_policy_arns": template.managed_policy_arns,
    }
