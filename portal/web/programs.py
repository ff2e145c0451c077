"""Tokens by which programs fetch a grant's credentials: list, make, revoke. A new one is shown once."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from portal.access.models import Grant
from portal.access.operations.credentials.credential_tokens import (
    MadeCredentialToken,
    make_credential_token,
    revoke_credential_token,
)
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError
from portal.web.cards import account_label, countdown_of
from portal.web.forms import put_refusal
from portal.web.grants import visible_grant
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.presenters import Snippet
from portal.web.presenters.programs import token_snippets
from portal.web.program_part import programs_of
from portal.web.redirects import see_other

LIFETIMES: Final = (("", "as long as the grant"), ("60", "an hour"), ("1440", "a day"), ("10080", "a week"))


class ProgramForm(forms.Form):
    name = forms.CharField(
        max_length=80,
        label="Program",
        help_text="What it is for, such as 'nightly report on my laptop'.",
        error_messages={"required": "Give it a name, to tell it from others later."},
    )
    lifetime = forms.ChoiceField(label="Lasts", choices=LIFETIMES, required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def programs(request: PersonRequest, grant_id: UUID) -> HttpResponse:
    grant = visible_grant(request, grant_id)
    form = ProgramForm(request.POST if request.method == "POST" else None)
    made = _made(request, grant, form) if form.is_valid() else None
    now = database_now()
    context = {
        "programs": programs_of(grant, request.user, now=now),
        "form": ProgramForm() if made else form,
        "role_name": grant.role.title,
        "account": account_label(grant),
        "countdown": countdown_of(grant, now=now, zone=zone_of(request.user)),
        "made": made and made.token,
        "snippets": _snippets(made) if made else (),
    }
    return render(request, "access/programs.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def program_revoke(request: PersonRequest, grant_id: UUID, token_id: UUID) -> HttpResponse:
    token = revoke_credential_token(grant_id=grant_id, token_id=token_id, actor=actor_of(request))
    messages.success(request, f"Revoked: {token.name} ({token.prefix}…). It fetches nothing more.")
    return see_other(reverse("web:programs", args=[grant_id]))


def _made(request: PersonRequest, grant: Grant, form: ProgramForm) -> MadeCredentialToken | None:
    """Return the new token, or nothing when it was refused; the form then says why."""
    minutes = form.cleaned_data["lifetime"]
    try:
        return make_credential_token(
            grant_id=grant.pk,
            name=form.cleaned_data["name"],
            lifetime=timedelta(minutes=int(minutes)) if minutes else None,
            actor=actor_of(request),
        )
    except InvalidError as refusal:
        put_refusal(form, refusal)
        return None


def _snippets(made: MadeCredentialToken) -> tuple[Snippet, ...]:
    url = settings.CONTAINER_CREDENTIALS_URL
    if not settings.AWS_ENDPOINT_URL:
        return token_snippets(made.plain, url=url)
    return token_snippets(
        made.plain, url=url, region=settings.AWS_REGION, endpoint_url=settings.AWS_ENDPOINT_URL
    )
