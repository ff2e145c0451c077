"""API tokens: what I have, make one, revoke one. A new token is shown once, in the answer to the POST that made it."""

from datetime import datetime, tzinfo
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from portal.access.operations.credentials.revoke_api_token import programs_by_api_token, revoke_api_token
from portal.directory.models import ApiToken
from portal.directory.operations.api_tokens import create_token
from portal.directory.queries import tokens_of
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError
from portal.web.forms import TokenForm, put_refusal
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.presenters import TokenRow, badge, moment
from portal.web.redirects import see_other


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def tokens(request: PersonRequest) -> HttpResponse:
    form = TokenForm(request.POST if request.method == "POST" else None, person=request.user)
    plain = _made(request, form) if form.is_valid() else ""
    if plain:
        form = TokenForm(person=request.user)
    now, zone = database_now(), zone_of(request.user)
    programs = programs_by_api_token(request.user.pk, at=now)
    rows = [
        _row(token, programs.get(token.pk, 0), now=now, zone=zone) for token in tokens_of(request.user.pk)
    ]
    context = {"tokens": rows, "form": form, "new_token": plain}
    return render(request, "access/tokens.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def token_revoke(request: PersonRequest, token_id: UUID) -> HttpResponse:
    revoked = revoke_api_token(token_id=token_id, actor=actor_of(request))
    name = f"{revoked.token.name} ({revoked.token.prefix}…)"
    programs = f" {_programs(revoked.programs)} stopped with it." if revoked.programs else ""
    messages.success(request, f"Revoked: {name}. It stopped working at once.{programs}")
    return see_other(reverse("web:tokens"))


def _made(request: PersonRequest, form: TokenForm) -> str:
    """Return the new token in plain text, or nothing when it was refused; the form then says why."""
    wanted = form.cleaned_data
    try:
        made = create_token(
            name=wanted["name"],
            scopes=wanted["scopes"],
            days=int(wanted["lifetime"]),
            actor=actor_of(request),
        )
    except InvalidError as refusal:
        put_refusal(form, refusal, days="lifetime")
        return ""
    return made.plain


def _programs(number: int) -> str:
    return f"{number} program{'' if number == 1 else 's'}"


def _row(token: ApiToken, programs: int, *, now: datetime, zone: tzinfo) -> TokenRow:
    state = "active" if now < token.expires_at else "expired"
    return TokenRow(
        id=str(token.pk),
        name=token.name,
        prefix=token.prefix,
        scopes=tuple(token.scopes),
        badge=badge("revoked" if token.revoked_at else state),
        expires=moment(token.expires_at, now=now, zone=zone),
        last_used=moment(token.last_used_at, now=now, zone=zone) if token.last_used_at else None,
        programs=programs,
    )
