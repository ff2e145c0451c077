"""A provider's SCIM tokens: make one, which is shown once, and revoke one."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from portal.directory.requests import actor_of
from portal.identity.operations.scim_tokens import create_scim_token, revoke_scim_token
from portal.kernel.errors import InvalidError
from portal.web.forms import put_refusal
from portal.web.guard import PersonRequest, signed_in
from portal.web.provider_doors import for_superusers, found
from portal.web.provider_forms import ScimTokenForm
from portal.web.providers import show
from portal.web.redirects import see_other


@require_POST
@signed_in
@for_superusers
def scim_token_create(request: PersonRequest, slug: str) -> HttpResponse:
    known, form = found(request.user, slug), ScimTokenForm(request.POST)
    if not form.is_valid():
        return show(request, known, form=form)
    try:
        made = create_scim_token(
            provider_id=known.provider.pk,
            name=form.cleaned_data["name"],
            days=int(form.cleaned_data["lifetime"]),
            actor=actor_of(request),
        )
    except InvalidError as refusal:
        put_refusal(form, refusal, days="lifetime")
        return show(request, known, form=form)
    return show(request, found(request.user, slug), new_token=made.plain)


@require_POST
@signed_in
@for_superusers
def scim_token_revoke(request: PersonRequest, token_id: UUID) -> HttpResponse:
    token = revoke_scim_token(token_id=token_id, actor=actor_of(request))
    messages.success(request, f"Revoked: {token.name} ({token.prefix}…). It stopped working at once.")
    return see_other(reverse("web:provider", args=[token.provider.slug]))
