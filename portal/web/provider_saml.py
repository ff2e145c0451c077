"""What is SAML's own at a provider: refresh its metadata, decide on what it offers, try its mapping out."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from portal import wiring
from portal.directory.models import IdentityProvider
from portal.directory.requests import actor_of
from portal.identity.operations.refresh_metadata import (
    Refreshed,
    accept_offered_metadata,
    refresh_metadata,
    reject_offered_metadata,
)
from portal.identity.operations.try_mapping import TriedMapping, try_mapping
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError, NotFoundError
from portal.web.forms import put_refusal
from portal.web.guard import PersonRequest, signed_in
from portal.web.provider_doors import for_superusers, found
from portal.web.provider_forms import TryForm
from portal.web.provider_page import tried_out
from portal.web.redirects import see_other

SAID = {
    Refreshed.SAME: (messages.INFO, "The address shows the same keys and addresses."),
    Refreshed.TAKEN: (messages.SUCCESS, "New metadata was taken: its signer signed it."),
    Refreshed.OFFERED: (messages.WARNING, "The address shows other keys or addresses. Decide below."),
    Refreshed.FAILED: (
        messages.ERROR,
        "It could not be refreshed; what is pinned goes on. The page says why.",
    ),
}


@require_POST
@signed_in
@for_superusers
def provider_refresh(request: PersonRequest, slug: str) -> HttpResponse:
    provider, saml = _saml(request, slug), wiring.saml_ports()
    came = refresh_metadata(
        provider_id=provider.pk, fetch=saml.fetch, read=saml.read_metadata, actor=actor_of(request)
    )
    messages.add_message(request, *SAID[came])
    return see_other(_page(slug))


@require_POST
@signed_in
@for_superusers
def provider_decide(request: PersonRequest, slug: str) -> HttpResponse:
    """Take what is offered, or keep what is pinned: of the very offer that the page showed."""
    provider, answer = _saml(request, slug), request.POST.get("answer", "")
    looked_at = _looked_at(request.POST.get("offer", ""))
    if answer == "accept":
        accept_offered_metadata(provider_id=provider.pk, actor=actor_of(request), offered_at=looked_at)
        messages.success(request, "Taken: from now on these keys and addresses are the provider's.")
    elif answer == "reject":
        reject_offered_metadata(provider_id=provider.pk, actor=actor_of(request), offered_at=looked_at)
        messages.success(request, "Kept as it was. The same keys and addresses are not offered again.")
    else:
        raise InvalidError("Take what is offered, or keep what is pinned.", field="answer")
    return see_other(_page(slug))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@for_superusers
def provider_try(request: PersonRequest, slug: str) -> HttpResponse:
    """Say what a pasted response would do: each check, whom it names, which groups. Nobody is signed in by it."""
    provider = _saml(request, slug)
    form = TryForm(request.POST if request.method == "POST" else None)
    mapped = _mapped(request, provider, form) if form.is_valid() else None
    context = {
        "form": TryForm() if mapped else form,  # what was looked at is thrown away
        "slug": slug,
        "name": provider.name,
        "mapped": mapped,
        "tried": tried_out(provider, mapped.steps) if mapped else None,
        "attributes": sorted(mapped.attributes.items()) if mapped else (),
    }
    return render(request, "providers/try.html", context, status=400 if form.errors else 200)


def _mapped(request: PersonRequest, provider: IdentityProvider, form: TryForm) -> TriedMapping | None:
    saml = wiring.saml_ports()
    try:
        return try_mapping(
            provider_id=provider.pk,
            response=form.cleaned_data["response"],
            saml=saml.provider,
            read=saml.read_metadata,
            at=database_now(),
            actor=actor_of(request),
        )
    except InvalidError as refusal:
        put_refusal(form, refusal)
        return None


def _saml(request: PersonRequest, slug: str) -> IdentityProvider:
    provider = found(request.user, slug).provider
    if not hasattr(provider, "saml"):
        raise NotFoundError("There is no such SAML provider.")
    return provider


def _looked_at(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidError("Look at the offer first: its time is missing.", field="offer") from None


def _page(slug: str) -> str:
    return reverse("web:provider", args=[slug])
