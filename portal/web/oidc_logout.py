"""Logout that an OpenID provider begins: from server to server, or by an empty page within one of its own."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from portal import wiring
from portal.identity.operations.oidc_logout import end_by_back_channel, end_by_front_channel
from portal.identity.operations.refusing import SignInRefusedError
from portal.kernel.errors import UpstreamError
from portal.web.oidc import oidc_provider


@csrf_exempt  # a provider's server posts it, and signs it
@require_POST
def back_channel(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer 200, or 400 (OpenID Connect Back-Channel Logout 1.0, section 2.8); 503 to have it sent again."""
    provider = oidc_provider(slug)
    tokens = request.POST.getlist("logout_token")
    if len(tokens) != 1:
        return _refused("one logout_token is needed")
    try:
        end_by_back_channel(provider=provider, logout_token=tokens[0], oidc=wiring.oidc_ports())
    except SignInRefusedError:
        return _refused("this logout_token is not accepted")
    except UpstreamError:
        return JsonResponse({"error": "temporarily_unavailable"}, status=503)
    return HttpResponse()


@require_GET
def front_channel(request: HttpRequest, slug: str) -> HttpResponse:
    """End the session that `iss` and `sid` name. The answer is empty: it stands in a frame that nobody sees."""
    provider = oidc_provider(slug)
    try:
        end_by_front_channel(
            provider=provider, issuer=request.GET.get("iss", ""), session_id=request.GET.get("sid", "")
        )
    except SignInRefusedError:
        return _refused("iss and sid are needed")
    return HttpResponse()


def _refused(why: str) -> JsonResponse:
    return JsonResponse({"error": "invalid_request", "error_description": why}, status=400)
