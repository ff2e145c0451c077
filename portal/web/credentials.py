"""Get credentials: those that are kept while they are good, else new ones."""

from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.views.decorators.http import require_POST

from portal.access.models import Grant
from portal.access.operations.credentials.fetch_credentials import FetchedCredentials, fetch_credentials
from portal.access.operations.credentials.fresh_factor import StepUpNeededError
from portal.access.proofs import ProofRefusedError
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError, UpstreamError
from portal.web.aws import aws_ports
from portal.web.bringing import bring_page, brought
from portal.web.cards import account_label, countdown_of, shown_choice
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.intents import Act, ask_factor
from portal.web.presenters import CredentialsView, Snippet, moment, snippets


@require_POST
@signed_in
def credentials(request: PersonRequest, grant_id: UUID) -> HttpResponse:
    try:
        return credentials_page(request, grant_id)
    except StepUpNeededError:
        return ask_factor(request, Act.CREDENTIALS, grant=str(grant_id))


def credentials_page(request: PersonRequest, grant_id: UUID) -> HttpResponse:
    """Fetch them, new ones where the form says `fresh`, and show them, or ask for what the call takes along.

    Raises as the operation.
    """
    try:
        return _fetched(request, grant_id)
    except (InvalidError, ProofRefusedError, UpstreamError) as refusal:
        page = bring_page(request, grant_id, refusal)
        if page is None:
            raise
        return page


def _fetched(request: PersonRequest, grant_id: UUID) -> HttpResponse:
    issued = fetch_credentials(
        grant_id=grant_id,
        aws=aws_ports(),
        actor=actor_of(request),
        door="page",
        proof=brought(request, grant_id),
        fresh=bool(request.POST.get("fresh")),
    )
    context = {"view": _view(request, issued), "choice": shown_choice(issued.grant)}
    return render(request, "access/credentials.html", context)


def _view(request: PersonRequest, issued: FetchedCredentials) -> CredentialsView:
    grant, now, zone = issued.grant, database_now(), zone_of(request.user)
    return CredentialsView(
        grant_id=str(grant.pk),
        role_name=grant.role.title,
        account=account_label(grant),
        countdown=countdown_of(grant, now=now, zone=zone),
        expires=moment(issued.ends_at, now=now, zone=zone),
        issued=moment(issued.issued_at, now=now, zone=zone) if issued.was_cached else None,
        length_why=issued.length_why,
        snippets=_snippets(issued),
    )


def _snippets(issued: FetchedCredentials) -> tuple[Snippet, ...]:
    profile = profile_name(issued.grant)
    if not settings.AWS_ENDPOINT_URL:
        return snippets(issued.credentials, profile=profile)
    return snippets(
        issued.credentials,
        profile=profile,
        region=settings.AWS_REGION,
        endpoint_url=settings.AWS_ENDPOINT_URL,
    )


def profile_name(grant: Grant) -> str:
    """Return a name for ~/.aws/credentials that says which account and role it is for."""
    return slugify(f"{grant.role.account.name}-{grant.role.title}") or f"sallyport-{grant.pk}"
