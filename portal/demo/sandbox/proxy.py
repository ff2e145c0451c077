"""Passes AWS calls on to MiniStack unchanged, so that their signatures verify, after the gate let them."""

import uuid
from collections.abc import AsyncIterator, Mapping

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from portal.demo.sandbox import callers, json_calls, refusals
from portal.demo.sandbox.callers import Registry, Scope
from portal.demo.sandbox.cross_origin import is_preflight
from portal.demo.sandbox.gate import FORM, Gate, Passed, names_query_action
from portal.demo.sandbox.refusals import Refused, Service

FORM_MAX = 1_000_000  # bytes of a query call; AWS's own limit for STS and IAM is below
CHUNK = 256 * 1024
# RFC 9110, section 7.6.1: these belong to one connection and are not passed on.
HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "upgrade",
        "expect",
    )
)
STS_TARGET = "AWSSecurityTokenService"  # its JSON protocol, which MiniStack speaks too
AUTO_HEADERS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


def service_of(scope: Scope | None) -> Service:
    match scope.service if scope else "":
        case "sts":
            return "sts"
        case "iam":
            return "iam"
        case "s3":
            return "s3"
        case _:
            return "other"


def refusal_response(service: Service, refusal: Refused) -> web.Response:
    body, request_id = refusals.body(service, refusal)
    kind = "application/xml" if service == "s3" else "text/xml"
    headers = {"x-amzn-RequestId": request_id, "x-amz-request-id": request_id}
    return web.Response(body=body, status=refusal.status, content_type=kind, headers=headers)


class Proxy:
    """The façade. `upstream`: MiniStack's address."""

    def __init__(self, upstream: str, gate: Gate, registry: Registry, client: aiohttp.ClientSession) -> None:
        self.upstream = upstream
        self.gate = gate
        self.registry = registry
        self.client = client

    async def handle(self, request: web.Request) -> web.StreamResponse:
        scope = callers.scope(request.headers, request.query)
        is_form = request.content_type == FORM and request.method == "POST"
        if is_preflight(request):
            return await self._forward(
                request, None
            )  # nobody signs these: a bucket's CORS configuration answers
        target = request.headers.get("X-Amz-Target", "")
        if request.path == "/" and target.startswith(json_calls.COGNITO_TARGET):
            return await self._cognito(request, scope, target.removeprefix(json_calls.COGNITO_TARGET))
        service = service_of(scope)
        if scope is None and not (is_form and request.path == "/"):
            service = "s3"
        try:
            return await self._pass(request, scope, service, is_form=is_form)
        except Refused as refusal:
            return refusal_response(service, refusal)
        except aiohttp.ClientError:
            return refusal_response(service, Refused("ServiceUnavailable", "MiniStack does not answer", 503))

    async def _pass(
        self, request: web.Request, scope: Scope | None, service: Service, *, is_form: bool
    ) -> web.StreamResponse:
        if request.path.startswith("/_"):  # MiniStack's own administration
            raise Refused("InvalidURI", "Couldn't parse the specified URI.")
        if request.headers.get("X-Amz-Target", "").startswith(STS_TARGET):
            raise Refused("InvalidAction", "STS takes the query protocol here: a form posted to /")
        if service in {"sts", "iam"} or scope is None:
            return await self._query(request, scope, service, is_form=is_form)
        self.gate.check_signed(scope, service)
        # MiniStack would take an STS call that is signed for another service; AWS doesn't.
        if not is_form and "Action" not in request.query:
            return await self._forward(request, None)
        form = await self._form(request)
        if names_query_action(request.query_string, form):
            raise Refused("SignatureDoesNotMatch", "Credential should be scoped to correct service.", 403)
        return await self._forward(request, form)

    async def _query(
        self, request: web.Request, scope: Scope | None, service: Service, *, is_form: bool
    ) -> web.StreamResponse:
        if service == "s3":
            self.gate.check_signed(scope, service)
        if request.path != "/" or not (is_form or request.method == "GET"):
            raise Refused("InvalidAction", "STS and IAM take the query protocol here: a form posted to /")
        form = await self._form(request) if is_form else b""
        passed = await self.gate.check_query(scope, service, request.query_string, form)
        return await self._forward(request, form, passed)

    async def _cognito(self, request: web.Request, scope: Scope | None, action: str) -> web.StreamResponse:
        try:
            body = await self._form(request)
            return await self._forward(request, body, self.gate.check_cognito(scope, action, body))
        except Refused as refused:
            return json_calls.refusal(refused)
        except aiohttp.ClientError:
            return json_calls.refusal(Refused("InternalErrorException", "MiniStack does not answer", 500))

    async def _form(self, request: web.Request) -> bytes:
        if (request.content_length or 0) > FORM_MAX:
            raise Refused("RequestEntityTooLarge", "The request is too large", 413)
        body = await request.content.read(FORM_MAX + 1)
        while len(body) <= FORM_MAX and (more := await request.content.read(FORM_MAX + 1)):
            body += more
        if len(body) > FORM_MAX:
            raise Refused("RequestEntityTooLarge", "The request is too large", 413)
        return body

    async def _forward(
        self, request: web.Request, form: bytes | None, passed: Passed | None = None
    ) -> web.StreamResponse:
        data = form if form is not None else _body(request)
        async with self.client.request(
            request.method,
            URL(self.upstream + request.raw_path, encoded=True),
            headers=_passed_on(request.headers),
            data=data,
            allow_redirects=False,
            skip_auto_headers=AUTO_HEADERS,
        ) as answer:
            if passed is None:
                return await _relay(request, answer)
            body = await answer.read()
            if passed.issues and answer.status == 200:  # noqa: PLR2004 - HTTP's own figure
                self.registry.observe(passed.action, body, passed.caller, with_mfa=passed.with_mfa)
            if passed.action == "GetCredentialsForIdentity" and answer.status == 200:  # noqa: PLR2004 - as above
                self.registry.observe_json(body)
            if passed.fault is not None:
                raise passed.fault.refusal()
            if answer.status == 200:  # noqa: PLR2004 - as above
                self.gate.counts.answered[passed.action] += 1
            return web.Response(status=answer.status, headers=_answered(answer), body=body)


def _answered(answer: aiohttp.ClientResponse) -> CIMultiDict[str]:
    kept = CIMultiDict(answer.headers)
    for name in (*HOP_BY_HOP, "transfer-encoding"):
        kept.popall(name, None)
    if "x-amzn-requestid" not in kept:  # MiniStack's denials carry none
        kept.setdefault("x-amz-request-id", uuid.uuid4().hex[:16].upper())
        if answer.content_type.startswith("application/x-amz-json"):
            kept["x-amzn-RequestId"] = kept["x-amz-request-id"]
    return kept


def _passed_on(headers: Mapping[str, str]) -> CIMultiDict[str]:
    passed = CIMultiDict(headers)
    for name in HOP_BY_HOP:
        passed.popall(name, None)
    return passed


def _body(request: web.Request) -> AsyncIterator[bytes] | None:
    return request.content.iter_chunked(CHUNK).__aiter__() if request.can_read_body else None


async def _relay(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=_answered(answer))
    await response.prepare(request)
    async for chunk in answer.content.iter_chunked(CHUNK):
        await response.write(chunk)
    await response.write_eof()
    return response
