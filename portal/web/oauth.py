"""Signing in a program by its person's browser, from the program's side: RFC 8628, 6749, 7009 and 8414.

The endpoints know no cookie: whoever calls is nobody until a token is theirs. Refusals are JSON in the words of
RFC 6749, section 5.2. What a person sees of it is in device.py.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from portal.directory.requests import actor_of, client_ip
from portal.identity.operations.device_codes import CLIENTS
from portal.identity.operations.device_sign_in import LIFE, OAuthError, ask_device_sign_in
from portal.identity.operations.device_tokens import revoke_own_token, take_device_token
from portal.identity.operations.limit_tries import Place
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import TooManyError

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"


def _answered(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer refusals as JSON. A cache keeps nothing of either (RFC 6749, section 5.1); the middleware says so too."""

    @wraps(view)
    def answered(request: HttpRequest) -> HttpResponse:
        try:
            _check_no_page(request)
            answer = view(request)
        except OAuthError as refusal:
            answer = _refused(refusal.error, str(refusal), 401 if refusal.error == "invalid_client" else 400)
        except TooManyError as refusal:
            answer = _refused("temporarily_unavailable", str(refusal), 429)
            answer["Retry-After"] = str(refusal.retry_after_seconds)
        answer["Pragma"] = "no-cache"
        return answer

    return answered


@csrf_exempt  # a program posts it, and has no cookie
@require_POST
@_answered
def device_authorization(request: HttpRequest) -> HttpResponse:
    """Give a program its two codes (RFC 8628, sections 3.1 and 3.2)."""
    asked = ask_device_sign_in(
        client_id=_one(request, "client_id"),
        scopes=_one(request, "scope", needed=False).split(),
        place=Place(client_ip(request)),
        actor=_nobody(request),
    )
    where = settings.PORTAL_URL + reverse("web:device")
    return JsonResponse(
        {
            "device_code": asked.device_code,
            "user_code": asked.user_code,
            "verification_uri": where,
            "verification_uri_complete": f"{where}?user_code={asked.user_code}",
            "expires_in": int(LIFE.total_seconds()),
            "interval": asked.row.interval,
        }
    )


@csrf_exempt  # as above
@sensitive_post_parameters("device_code")
@require_POST
@_answered
def token(request: HttpRequest) -> HttpResponse:
    """Give a program its token once its person approved (RFC 8628, sections 3.4 and 3.5)."""
    if _one(request, "grant_type") != DEVICE_GRANT:
        raise OAuthError("unsupported_grant_type", f"The one grant type here is {DEVICE_GRANT}.")
    made = take_device_token(
        client_id=_one(request, "client_id"),
        device_code=_one(request, "device_code"),
        actor=_nobody(request),
    )
    lives = made.token.expires_at - made.token.created_at
    return JsonResponse(
        {
            "access_token": made.plain,
            "token_type": "Bearer",
            "expires_in": int(lives.total_seconds()),
            "scope": " ".join(made.token.scopes),
        }
    )


@csrf_exempt  # as above
@sensitive_post_parameters("token")
@require_POST
@_answered
def revoke(request: HttpRequest) -> HttpResponse:
    """Revoke the token that is presented; 200 also for one that is unknown (RFC 7009, section 2.2)."""
    revoke_own_token(
        plain=_one(request, "token"), client_id=_one(request, "client_id"), actor=_nobody(request)
    )
    return HttpResponse(content_type="application/json")


@require_safe
def metadata(request: HttpRequest) -> JsonResponse:
    """Say where all that is (RFC 8414, section 2)."""
    del request
    return JsonResponse(
        {
            "issuer": settings.PORTAL_URL,
            "token_endpoint": settings.PORTAL_URL + reverse("web:oauth-token"),
            "device_authorization_endpoint": settings.PORTAL_URL + reverse("web:oauth-device-authorization"),
            "revocation_endpoint": settings.PORTAL_URL + reverse("web:oauth-revoke"),
            "grant_types_supported": [DEVICE_GRANT],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "scopes_supported": sorted({scope for client in CLIENTS.values() for scope in client.most}),
        }
    )


def _one(request: HttpRequest, name: str, *, needed: bool = True) -> str:
    """Return a parameter, which may not be sent twice (RFC 6749, section 3.2); an empty one was not sent."""
    values = [str(each) for each in request.POST.getlist(name) if each]
    if len(values) > 1:
        raise OAuthError("invalid_request", f"{name} was sent more than once.")
    if not values and needed:
        raise OAuthError("invalid_request", f"{name} is needed, as a form's field in the body.")
    return values[0] if values else ""


def _check_no_page(request: HttpRequest) -> None:
    """Refuse what a web page has its reader's browser send: else any page could use up a whole network's tries.

    Browsers say Origin with each POST (Fetch Standard, "Origin" header); programs don't.
    """
    if request.headers.get("Origin"):
        raise OAuthError("invalid_request", "Programs sign in here, and no pages in browsers.")


def _nobody(request: HttpRequest) -> Actor:
    """Return who calls: whatever cookie a browser sent along, it is not this program's."""
    actor = actor_of(request)
    return replace(
        actor, kind=ActorKind.NOBODY, label="nobody", person_id=None, factor_at=None, signed_in_at=None
    )


def _refused(error: str, why: str, status: int) -> JsonResponse:
    return JsonResponse({"error": error, "error_description": why}, status=status)
