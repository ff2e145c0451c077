"""The way in: a bearer token of the provider in the address, and every failure as a SCIM error.

No cookie is read and none is set, so there is no cross-site request to forge.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from portal.directory.models import IdentityProvider
from portal.directory.requests import client_ip
from portal.identity.operations.scim_tokens import find_scim_token
from portal.kernel.actor import Actor, ActorKind
from portal.scim.bodies import read_body
from portal.scim.errors import RefusedError, error_answer
from portal.scim.resources import base_url

UNAUTHORISED = 401
NO_METHOD = 405


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose token was good: of which provider, and who is recorded as having acted."""

    request: HttpRequest
    provider: IdentityProvider
    actor: Actor

    @property
    def base(self) -> str:
        return base_url(self.provider.slug)

    def body(self) -> dict[str, Any]:
        return read_body(self.request)


View = Callable[..., HttpResponse]


def door(**methods: View) -> View:
    """Return a view that answers these methods by these functions of a Call and the address's parts."""

    @csrf_exempt
    def view(request: HttpRequest, slug: str, **parts: Any) -> HttpResponse:
        try:
            call = _admitted(request, slug)
            respond: View = methods.get(request.method or "", _not_here)
            return respond(call, **parts)
        except Exception as error:  # noqa: BLE001  # whatever it is, a SCIM client reads SCIM errors alone
            response = error_answer(request, error)
        if response.status_code == NO_METHOD:
            response["Allow"] = ", ".join(methods)
        return response

    return view


def _not_here(call: Call, **_: Any) -> HttpResponse:
    raise RefusedError(NO_METHOD, f"There is no {call.request.method} here.")


def _admitted(request: HttpRequest, slug: str) -> Call:
    """Return the call of a usable token. Raises RefusedError, the same for all that is wrong with one."""
    scheme, _, plain = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    token = find_scim_token(plain=plain.strip(), slug=slug) if scheme.lower() == "bearer" else None
    if token is None:
        raise RefusedError(UNAUTHORISED, "A usable SCIM token of this identity provider is wanted.")
    # The portal's own hand: what a client tells of people needs no permission of a person's.
    actor = Actor(
        kind=ActorKind.SYSTEM,
        label=f"SCIM of {token.provider.slug}, token {token.name}",
        ip=client_ip(request),
        user_agent=request.META.get("HTTP_USER_AGENT", ""),
        request_id=request.META.get("sallyport.request_id", ""),
    )
    return Call(request, token.provider, actor)
