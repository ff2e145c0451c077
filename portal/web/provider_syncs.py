"""A directory's syncs: ask for one, follow it, and answer one that stopped."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.directory.models import IdentityProvider, SyncRun
from portal.directory.requests import actor_of
from portal.identity.operations.ask_sync import approve_sync, ask_sync
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, NotFoundError
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.provider_doors import for_superusers, found, may_act
from portal.web.provider_forms import ApproveForm
from portal.web.provider_sync_part import asked_number, sync_part
from portal.web.redirects import see_other


@require_POST
@signed_in
@for_superusers
def provider_sync(request: PersonRequest, slug: str) -> HttpResponse:
    directory = _directory(request, slug)
    try:
        ask_sync(provider_id=directory.pk, actor=actor_of(request))
    except ConflictError as refusal:  # one is under way: what comes of it is theirs, too
        messages.info(request, str(refusal))
    return see_other(_page(slug))


@require_safe
@signed_in
def provider_sync_state(request: PersonRequest, slug: str) -> HttpResponse:
    """Show how far the sync is, to the page that asks while one is under way."""
    directory = _directory(request, slug)
    if request.headers.get("HX-Request") != "true":
        return see_other(_page(slug))
    part = sync_part(directory, now=database_now(), zone=zone_of(request.user))
    context = {"sync": part, "slug": slug, "may_act": may_act(request.user)}
    return render(request, "providers/_sync.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@for_superusers
def provider_sync_approve(request: PersonRequest, slug: str) -> HttpResponse:
    """Ask once more, by name and number; then have a new sync do what the stopped one would have done."""
    directory = _directory(request, slug)
    run = directory.sync_runs.order_by("-asked_at").first()
    if run is None or run.state != SyncRun.State.STOPPED:
        raise ConflictError("No sync of this directory waits for an answer.")
    form = ApproveForm(*[request.POST] if request.method == "POST" else [], number=asked_number(run))
    if form.is_valid():
        approve_sync(run_id=run.pk, actor=actor_of(request))
        messages.success(request, "A new sync does what the last one asked. This page follows it.")
        return see_other(_page(slug))
    now, zone = database_now(), zone_of(request.user)
    context = {
        "form": form,
        "slug": slug,
        "name": directory.name,
        "run": run,
        "sync": sync_part(directory, now=now, zone=zone),
    }
    return render(request, "providers/approve.html", context, status=400 if form.errors else 200)


def _directory(request: PersonRequest, slug: str) -> IdentityProvider:
    provider = found(request.user, slug).provider
    if not hasattr(provider, "ldap"):
        raise NotFoundError("There is no such directory.")
    return provider


def _page(slug: str) -> str:
    return reverse("web:provider", args=[slug])
