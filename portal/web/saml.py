"""SAML in the browser: ask, take the answer in, verify it for the browser that asked. See saml_sign_in.py.

The assertion consumer service gets a POST from another site, which carries none of our cookies: it believes
nothing, keeps what came and answers 303. The GET that follows carries the cookie that `begin` gave.
"""

import secrets
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from brokers.errors import BrokerError
from portal import wiring
from portal.directory.models import IdentityProvider, Person
from portal.directory.queries import enabled_provider
from portal.directory.requests import actor_of
from portal.identity.identity_providers import as_saml
from portal.identity.operations import saml_sign_in, saml_unasked
from portal.identity.operations.pending import PENDING_LIFE
from portal.identity.operations.refusing import SignInRefusedError, record_refused_sign_in
from portal.kernel.errors import NotFoundError
from portal.web.asking import COOKIE, browser_of, give_cookie, purpose_of
from portal.web.errors import refused_page
from portal.web.redirects import own_path, see_other
from portal.web.signing_in import Arrived, arrive, let_in

# Of its own: the other one may be under way in another tab, and the POST that brings this doesn't show it.
UNASKED_COOKIE: Final = "__Host-sallyport-unasked" if settings.TLS else "sallyport-unasked"


@require_POST
def begin(request: HttpRequest, slug: str) -> HttpResponse:
    """Send the browser to its identity provider, with a cookie of its own that the answer needs.

    `purpose` in the form: to sign in, or for whoever is signed in a fresh second factor, or one more identity.
    """
    provider = enabled_provider(slug)
    if provider.kind != IdentityProvider.Kind.SAML:
        raise NotFoundError("There is no such identity provider.")
    saml = wiring.saml_ports()
    browser = browser_of(request)
    purpose, person = purpose_of(request)
    try:
        begun = saml_sign_in.begin_saml_sign_in(
            provider=provider,
            browser=browser,
            next_path=own_path(request.POST.get("next", "")),
            saml=saml.provider,
            read=saml.read_metadata,
            purpose=purpose,
            person=person,
        )
    except SignInRefusedError as refusal:
        return _refuse(request, refusal, provider)
    answer = see_other(begun.redirect_url)
    give_cookie(answer, browser, life=PENDING_LIFE)
    return answer


@csrf_exempt  # it comes from another site by its nature; what it brings is bound to the browser by `finish`
@require_POST
def acs(request: HttpRequest) -> HttpResponse:
    """Keep what came, unread, and have the browser come again by itself."""
    try:
        relay_state, response = _posted(request)
        pending = saml_sign_in.receive_saml_response(relay_state=relay_state, response=response)
    except SignInRefusedError as refusal:
        if refusal.reason == "saml.not_asked":
            return _acs_unasked(request, relay_state, response)
        return _refuse(request, refusal)
    return see_other(reverse("web:saml-finish", args=[pending]))


def _acs_unasked(request: HttpRequest, relay_state: str, response: str) -> HttpResponse:
    """Nobody asked for it here: its provider may be allowed that. The browser gets what ties it to the next step."""
    saml, browser = wiring.saml_ports(), secrets.token_urlsafe(32)
    try:
        pending = saml_unasked.receive_unasked_response(
            relay_state=relay_state,
            response=response,
            browser=browser,
            saml=saml.provider,
            read=saml.read_metadata,
        )
    except SignInRefusedError as refusal:
        return _refuse(request, refusal)
    answer = see_other(reverse("web:saml-unasked", args=[pending]))
    give_cookie(answer, browser, life=PENDING_LIFE, name=UNASKED_COOKIE)
    return answer


@require_safe
def finish(request: HttpRequest, pending_id: UUID) -> HttpResponse:
    """Verify the kept answer for this browser, and sign its person in: a new session, with an end of its own."""
    saml = wiring.saml_ports()
    try:
        finished = saml_sign_in.finish_saml_sign_in(
            pending_id=pending_id,
            browser=request.COOKIES.get(COOKIE, ""),
            saml=saml.provider,
            read=saml.read_metadata,
            actor=actor_of(request),
        )
    except SignInRefusedError:
        return refused_page(request)  # the operation has written the audit row
    return arrive(request, Arrived(finished.signed_in, finished.pending))


@require_http_methods(["GET", "HEAD", "POST"])
def unasked(request: HttpRequest, pending_id: UUID) -> HttpResponse:
    """Sign in whom the provider sent; never in place of somebody else who is signed in here, unless they say so."""
    saml = wiring.saml_ports()
    browser, actor = request.COOKIES.get(UNASKED_COOKIE, ""), actor_of(request)
    try:
        if request.method != "POST":
            sent = saml_unasked.look_at_unasked(
                pending_id=pending_id,
                browser=browser,
                saml=saml.provider,
                read=saml.read_metadata,
                actor=actor,
            )
            if isinstance(request.user, Person) and sent.person != request.user:
                return render(request, "sign_in/unasked.html", {"sent": sent})
        signed_in = saml_unasked.finish_unasked_sign_in(
            pending_id=pending_id, browser=browser, saml=saml.provider, read=saml.read_metadata, actor=actor
        )
    except SignInRefusedError:
        return refused_page(request)  # the operation has written the audit row
    return let_in(request, signed_in)


@require_safe
def metadata(request: HttpRequest) -> HttpResponse:
    del request
    document = wiring.saml_ports().provider.metadata()
    return HttpResponse(document, content_type="application/samlmetadata+xml")


def sso_origins(providers: Iterable[IdentityProvider]) -> list[str]:
    """Return where the providers' sign-in pages are; one whose metadata can't be used any more is left out."""
    read = wiring.saml_ports().read_metadata
    found = []
    for provider in providers:
        try:
            sso = urlsplit(as_saml(provider, read).sso_url)
        except BrokerError:
            continue
        found.append(f"{sso.scheme}://{sso.netloc}")
    return found


def _posted(request: HttpRequest) -> tuple[str, str]:
    try:
        form = request.POST
    except RequestDataTooBig:
        raise SignInRefusedError("saml.size", "more than a request may bring") from None
    except (SuspiciousOperation, MultiPartParserError, OSError) as problem:
        raise SignInRefusedError("saml.malformed", type(problem).__name__) from None
    relay_states, responses = form.getlist("RelayState"), form.getlist("SAMLResponse")
    if len(relay_states) > 1 or len(responses) != 1:
        raise SignInRefusedError(
            "saml.malformed", f"{len(responses)} SAMLResponse, {len(relay_states)} RelayState"
        )
    return (relay_states or [""])[0], responses[0]


def _refuse(
    request: HttpRequest, refusal: SignInRefusedError, provider: IdentityProvider | None = None
) -> HttpResponse:
    record_refused_sign_in(refusal=refusal, provider=provider, actor=actor_of(request))
    return refused_page(request)
