"""Use it: every way to use one grant, on one page. It shows no secret and changes nothing."""

from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from portal.access.lifecycle import LIVING, stored
from portal.access.models import Grant
from portal.access.queries import visible_grants
from portal.catalog.models import AwsRole
from portal.kernel.clock import database_now
from portal.kernel.errors import NotFoundError
from portal.web.aws import sign_in_origins, sign_out_url
from portal.web.cards import card, shown_choice
from portal.web.credentials import profile_name
from portal.web.csp import allow_forms_to
from portal.web.go import go_link, is_opened_here
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.presenters.pasting import Snippet
from portal.web.presenters.using import (
    EXCHANGES,
    Use,
    exchange_text,
    install_text,
    mfa_text,
    profile_text,
    run_text,
)
from portal.web.program_part import programs_of

SHORT = 8


@require_safe
@signed_in
def use_it(request: PersonRequest, grant_id: UUID) -> HttpResponse:
    """Show how its own person uses a grant. Raises NotFoundError for everybody else."""
    grant = visible_grants(request.user.pk, sees_all=False).filter(pk=grant_id).first()
    if grant is None:
        raise NotFoundError("There is no such grant.")
    now = database_now()
    context = {
        "card": card(grant, now=now, zone=zone_of(request.user)),
        "use": _use(grant),
        "choice": shown_choice(grant),
        "programs": programs_of(grant, request.user, now=now),
        "sign_out_url": sign_out_url() if is_opened_here(grant.role) else "",
    }
    return allow_forms_to(render(request, "access/use.html", context), sign_in_origins())


def _use(grant: Grant) -> Use:
    name, stand_in = program_name(grant), bool(settings.AWS_ENDPOINT_URL)
    return Use(
        name=name,
        install=install_text(settings.PORTAL_URL),
        run=run_text(name, method=grant.role.method),
        profile=profile_text(
            name,
            profile=profile_name(grant),
            region=settings.AWS_REGION,
            endpoint_url=settings.AWS_ENDPOINT_URL if stand_in else "",
        ),
        go_link=go_link(grant.role) if is_opened_here(grant.role) else "",
        sends=_sends(grant),
        is_own_key=grant.role.method == AwsRole.Method.SESSION_TOKEN,
        brings_here=grant.role.needs_proof and grant.role.allows_credentials,
    )


def _sends(grant: Grant) -> Snippet | None:
    """Return how what the call takes along is sent, where it takes something along."""
    if grant.role.method in EXCHANGES:
        return exchange_text(settings.PORTAL_URL, grant.role.method, grant.role.arn)
    if grant.role.method == AwsRole.Method.SESSION_TOKEN:
        return mfa_text(settings.PORTAL_URL, str(grant.pk))
    return None


def program_name(grant: Grant) -> str:
    """Return what `sallyport` calls it: account and role; of several to one role, with the beginning of its id."""
    role = grant.role
    name = (
        f"{slugify(role.account.name) or role.account.account_id}/{slugify(role.title) or slugify(role.name)}"
    )
    others = Grant.objects.filter(person=grant.person_id, role=role, state__in=stored(LIVING)).exclude(
        pk=grant.pk
    )
    return f"{name}.{str(grant.pk)[:SHORT]}" if others.exists() else name
