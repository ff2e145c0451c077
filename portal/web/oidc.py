"""OpenID Connect in the browser: ask, and take the answer for the browser that asked. See oidc_sign_in.py."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from brokers.errors import BrokerError
from portal import wiring
from portal.directory.models import IdentityProvider, SignIn
from portal.directory.queries import enabled_provider
from portal.directory.requests import actor_of
from portal.identity.identity_providers import as_oidc
from portal.identity.operations import oidc_sign_in
from portal.identity.operations.pending import PENDING_LIFE
from portal.identity.operations.refusing import SignInRefusedError
from portal.kernel.errors import NotFoundError
from portal.kernel.sealing import UnsealError, unseal
from portal.web.asking import COOKIE, browser_of, give_cookie, purpose_of
from portal.web.errors import refused_page
from portal.web.redirects import own_path, see_other
from portal.web.signing_in import Arrived, arrive


@require_POST
def begin(request: HttpRequest, slug: str) -> HttpResponse:
    """Send the browser to its provider, with a cookie of its own that the answer needs.

    `purpose` in the form: to sign in, or for whoever is signed in a fresh second factor, or one more identity.
    """
    provider = oidc_provider(slug)
    browser = browser_of(request)
    purpose, person = purpose_of(request)
    begun = oidc_sign_in.begin_oidc_sign_in(
        provider=provider,
        browser=browser,
        next_path=own_path(request.POST.get("next", "")),
        oidc=wiring.oidc_ports(),
        purpose=purpose,
        person=person,
    )
    answer = _lead_on(request, provider, begun.redirect_url)
    give_cookie(answer, browser, life=PENDING_LIFE)
    return answer


@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Take the answer in. Which provider gives it is what the pending sign-in says, and nothing in the address."""
    try:
        finished = oidc_sign_in.finish_oidc_sign_in(
            answer=oidc_sign_in.OidcAnswer(
                state=_one(request, "state"),
                code=_one(request, "code"),
                issuer=_one(request, "iss"),
                error=_one(request, "error"),
            ),
            browser=request.COOKIES.get(COOKIE, ""),
            oidc=wiring.oidc_ports(),
            actor=actor_of(request),
        )
    except SignInRefusedError:
        return refused_page(request)  # the operation has written the audit row
    return arrive(request, Arrived(finished.signed_in, finished.pending))


def oidc_provider(slug: str) -> IdentityProvider:
    """Raise NotFoundError for a provider that is unknown, switched off, not set up or of another kind."""
    provider = enabled_provider(slug)
    if provider.kind != IdentityProvider.Kind.OIDC or not hasattr(provider, "oidc"):
        raise NotFoundError("There is no such identity provider.")
    return provider


def issuer_origin(provider: IdentityProvider) -> str:
    """Return where the provider's pages are, as far as is known without asking it."""
    return _origin(provider.oidc.issuer)


def logout_redirect(request: HttpRequest, sign_in: SignIn) -> str | None:
    """Return where the provider signs the browser out too, and leads it back to the sign-in page; None: nowhere."""
    del request
    provider = sign_in.identity.provider
    try:
        kept = unseal(bytes(sign_in.sealed_id_token)).decode() if sign_in.sealed_id_token else ""
        return wiring.oidc_ports().logout_url(
            as_oidc(provider), id_token=kept, return_to=settings.PORTAL_URL + reverse("web:sign-in")
        )
    except (BrokerError, UnsealError, ObjectDoesNotExist):
        return None


def _lead_on(request: HttpRequest, provider: IdentityProvider, url: str) -> HttpResponse:
    """Redirect to where the page's forms may lead; elsewhere the browser is led by a page, which no form bounds.

    A page's form-action names the issuer's own origin. Some providers have their sign-in page elsewhere (Cognito),
    and browsers refuse a redirect to there that follows a form.
    """
    if _origin(url) == issuer_origin(provider):
        return see_other(url)
    return render(request, "sign_in/lead_on.html", {"provider": provider, "leads_to": url})


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _one(request: HttpRequest, name: str) -> str:
    """Return a parameter that is there once; twice is as good as not at all."""
    values = request.GET.getlist(name)
    return values[0] if len(values) == 1 else ""
