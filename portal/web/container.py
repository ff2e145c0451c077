"""The container credentials endpoint: where unmodified SDKs and the AWS CLI fetch a grant's credentials by themselves.

They ask `GET /container/credentials` with a credential token, verbatim, as the Authorization header, and show whoever
runs them the body of what isn't 200: so each refusal says what to do, and where. SDKs differ in how they write the
names of an error's parts (boto3 shows the body, the JavaScript SDK reads `Message`): both spellings are there.

Specification: 'Container credential provider' in the AWS SDKs and Tools Reference Guide.
"""

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from portal import wiring
from portal.access.operations.credentials.credential_tokens import (
    GrantEndedError,
    KnownToken,
    TokenOverError,
    find_credential_token,
    use_credential_token,
)
from portal.access.operations.credentials.fetch_credentials import FetchedCredentials, fetch_credentials
from portal.access.operations.credentials.fresh_factor import StepUpNeededError
from portal.directory.requests import client_ip
from portal.directory.vouching import SignInTooOldError
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import BusyError, DomainError, TooManyError
from portal.kernel.tallies import count
from portal.web.errors import STATUS

log = logging.getLogger(__name__)
TOKEN: Final = re.compile(r"spc_[\w-]{43}", re.ASCII)
TALLY: Final = "container_requests"
Respond = Callable[[HttpRequest], HttpResponse]


@dataclass(frozen=True, slots=True)
class Refused(Exception):  # noqa: N818  # what is answered, on its way there
    """An answer that gives nothing. `code` is stable; `message` says what to do."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> HttpResponse:
        told = {"code": self.code, "message": self.message, "Code": self.code, "Message": self.message}
        return _json(told, status=self.status, headers=self.headers)


class ContainerCredentialsMiddleware:
    """Answers that one path before sessions, cookies and pages' headers: programs ask for it, and ask often."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_theirs = request.path_info == settings.CONTAINER_CREDENTIALS_PATH
        return container_credentials(request) if is_theirs else self.get_response(request)


def container_credentials(request: HttpRequest) -> HttpResponse:
    """Answer with AWS's own names for temporary credentials, or with what stopped it. Never an HTML page."""
    try:
        request.get_host()
        answer, outcome = _given(request), "ok"
    except Exception as problem:  # noqa: BLE001  # it is logged below; an SDK shows its user what is answered
        refusal = problem if isinstance(problem, Refused) else _mishap(problem, request)
        answer, outcome = refusal.response(), refusal.code
    count(TALLY, outcome)
    return answer


def _mishap(problem: Exception, request: HttpRequest) -> Refused:
    if isinstance(problem, DisallowedHost):
        return Refused(400, "wrong_host", f"The portal's address is {settings.PORTAL_URL}.")
    if isinstance(problem, OperationalError):
        return Refused(503, "unavailable", "The portal's database did not answer.", {"Retry-After": "2"})
    request_id = request.META.get("sallyport.request_id", "")
    log.error("The container endpoint failed in request %s", request_id, exc_info=problem)
    return Refused(500, "internal", f"Something broke in the portal: tell an operator {request_id}.")


def _given(request: HttpRequest) -> HttpResponse:
    """Raises Refused."""
    if request.method != "GET":
        raise Refused(405, "method_not_allowed", "Ask with GET.", {"Allow": "GET"})
    token = find_credential_token(plain=_plain(request.META.get("HTTP_AUTHORIZATION", "")))
    if token is None:
        raise _unknown("The portal knows no such token.")
    try:
        fetched = _fetched(token, request)
    except DomainError as refusal:
        raise _refused(refusal, token) from refusal
    found = fetched.credentials
    return _json(
        {
            "AccessKeyId": found.access_key_id,
            "SecretAccessKey": found.secret_access_key,
            "Token": found.session_token,
            "Expiration": fetched.ends_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    )


def _fetched(token: KnownToken, request: HttpRequest) -> FetchedCredentials:
    """Raises as use_credential_token and fetch_credentials."""
    actor = Actor(
        kind=ActorKind.TOKEN,
        label=f"{token.person_name}, token {token.name}",
        person_id=token.person_id,
        ip=client_ip(request),
        user_agent=request.META.get("HTTP_USER_AGENT", ""),
        request_id=request.META.get("sallyport.request_id", ""),
        factor_at=token.factor_at,
    )
    use_credential_token(token=token, actor=actor)
    return fetch_credentials(
        grant_id=token.grant_id, aws=wiring.aws_ports(), actor=actor, door=f"token:{token.id}"
    )


def _plain(sent: str) -> str:
    """Return the token that was sent. Raises Refused for what can be none, saying what is wrong with it."""
    if not sent:
        raise _unknown(
            "No token was sent: set AWS_CONTAINER_AUTHORIZATION_TOKEN to one, or "
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE to a file with nothing but one in it.",
            code="no_token",
        )
    if sent[:7].lower() == "bearer ":
        raise _unknown("Send the token by itself, without 'Bearer' before it.", code="malformed_token")
    if not TOKEN.fullmatch(sent):
        raise _unknown(
            "What was sent is no token for a program: those read spc_ and 43 letters, digits, - or _, with no blank, "
            "quote or line break around them. Write a token file by printf '%s', which adds no line break.",
            code="malformed_token",
        )
    return sent


def _unknown(why: str, *, code: str = "invalid_token") -> Refused:
    message = f"{why} Tokens are made on a grant's page: {settings.PORTAL_URL}/"
    return Refused(401, code, message, {"WWW-Authenticate": 'Token realm="sallyport"'})


def _refused(refusal: DomainError, token: KnownToken) -> Refused:
    """Say what stopped it, and what to do next, where."""
    home = settings.PORTAL_URL
    page = f"{home}{reverse('web:grant', args=[token.grant_id])}"
    if isinstance(refusal, BusyError | TooManyError):
        headers = {"Retry-After": str(refusal.retry_after_seconds)}
        return Refused(_status(refusal), refusal.code, str(refusal), headers)
    if isinstance(refusal, TokenOverError):
        return Refused(403, refusal.code, f"{refusal} Make a new one at {page}")
    if isinstance(refusal, StepUpNeededError):
        url = f"{home}{reverse('web:step-up')}?token={token.id}&grant={token.grant_id}"
        return Refused(403, refusal.code, f"{refusal} Give it at {url} and try again.")
    if isinstance(refusal, SignInTooOldError):
        return Refused(403, refusal.code, f"{refusal} {home}{reverse('web:sign-in')}?again=1")
    if isinstance(refusal, GrantEndedError):
        ended = str(refusal).removesuffix(".")
        return Refused(403, refusal.code, f"{ended}; ask for a new one at {home}/")
    return Refused(_status(refusal), refusal.code, f"{refusal} See {page}")


def _status(refusal: DomainError) -> int:
    """Return the pages' own status; but SDKs know no 400 or 409 of a grant's state: those are a 403."""
    status = next((status for kind, status in STATUS.items() if isinstance(refusal, kind)), 403)
    return 403 if status in {400, 409} else status


def _json(
    told: Mapping[str, str], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    body = json.dumps(told).encode()
    # Else it would go in chunks, as the middleware that tells the length comes later.
    sized = {"Content-Length": str(len(body)), **(headers or {})}
    return HttpResponse(body, status=status, headers=sized, content_type="application/json")
