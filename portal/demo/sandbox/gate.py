"""Decides about one AWS call before MiniStack sees it."""

from dataclasses import dataclass

from portal.demo.sandbox import constraints, iam_rules, json_calls, query, sts_rules
from portal.demo.sandbox.callers import KIND_OF, REAL_KEY, Kind, Registry, Scope
from portal.demo.sandbox.counts import Counts
from portal.demo.sandbox.facts import Facts
from portal.demo.sandbox.faults import Fault, Faults
from portal.demo.sandbox.refusals import Refused, Service
from portal.demo.sandbox.sts_rules import Call

UNSIGNED = {"AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"}
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Passed:
    """A call that may go on. `issues`: STS will answer with credentials to remember. `fault`: its answer gets lost.

    `with_mfa`: it came with a code.
    """

    action: str
    caller: Kind | None
    issues: bool
    fault: Fault | None = None
    with_mfa: bool = False


class Gate:
    """The façade's checks, in the order they are made. Signatures and policies are MiniStack's to verify."""

    def __init__(self, registry: Registry, facts: Facts, faults: Faults) -> None:
        self.registry = registry
        self.facts = facts
        self.faults = faults
        self.counts = Counts()

    def check_signed(self, scope: Scope | None, service: Service) -> None:
        """Refuse unsigned S3 calls, other signature versions, and the keys that are root to MiniStack."""
        if scope is None:
            if service == "s3":
                raise Refused("AccessDenied", "Access Denied", 403)
            raise Refused("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
        if not REAL_KEY.fullmatch(scope.access_key_id):
            if service == "s3":
                message = "The AWS Access Key Id you provided does not exist in our records."
                raise Refused("InvalidAccessKeyId", message, 403)
            message = "The security token included in the request is invalid."
            raise Refused("InvalidClientTokenId", message, 403)

    async def check_query(self, scope: Scope | None, service: Service, search: str, form: bytes) -> Passed:
        """Check one STS or IAM call against the model, then against the rules that the model lacks."""
        parameters = query.parse(search, form)
        action = parameters.get("Action", "")
        if scope is not None or action not in UNSIGNED:
            self.check_signed(scope, service)
        name = "iam" if service == "iam" else "sts"
        model = constraints.model(name)
        if action not in model.operation_names:
            raise Refused(
                "InvalidAction", f"Could not find operation {action} for version {model.api_version}"
            )
        self.counts.asked[action] += 1
        shape = model.operation_model(action).input_shape
        given = query.structure(shape, parameters) if shape is not None else {}
        if shape is not None:
            constraints.check(shape, given)
        fault = self.fault(action)
        caller = self.registry.kind(scope.access_key_id) if scope else None
        account = await self.facts.account_of(scope.access_key_id) if scope else None
        rules = iam_rules if service == "iam" else sts_rules
        await rules.check(Call(caller, account or "", action, given), self.facts)
        return Passed(action, caller, service == "sts" and action in KIND_OF, fault, "TokenCode" in given)

    def check_cognito(self, scope: Scope | None, action: str, body: bytes) -> Passed:
        """Check one call of cognito-identity; who may call it with a signature, MiniStack judges."""
        if scope is not None and scope.service != "cognito-identity":
            raise Refused("InvalidSignatureException", "Credential should be scoped to correct service.", 400)
        if scope is not None or action not in json_calls.COGNITO_UNSIGNED:
            self.check_signed(scope, "other")
        model = constraints.model("cognito-identity")
        if action not in model.operation_names:
            raise Refused("UnknownOperationException", f"Could not find operation {action}")
        self.counts.asked[action] += 1
        json_calls.read(model.operation_model(action).input_shape, body)
        return Passed(action, None, issues=False, fault=self.fault(action))

    def fault(self, action: str) -> Fault | None:
        """Return the fault that loses this call's answer; raise the one that refuses it."""
        fault = self.faults.take(action)
        if fault is not None and not fault.after:
            raise fault.refusal()
        return fault


def names_query_action(search: str, form: bytes) -> bool:
    """Tell whether a request signed for another service is an STS or IAM call in disguise."""
    try:
        action = query.parse(search, form).get("Action", "")
    except Refused:
        return True
    return any(action in constraints.model(name).operation_names for name in ("sts", "iam"))
